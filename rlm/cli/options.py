"""Arguments and options that several commands have, each written once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from rlm.cli import completion
from rlm.cli.manual import SETTING

MODEL, BUDGET, OUTPUT = "Models", "Limits", "Output"
"""Headings under which options stand."""


def setting(
    *names: str,
    told: str,
    metavar: str,
    default: object = None,
    under: str,
    complete: Any = None,
    check: Any = None,
) -> Any:
    """An option that is a setting, too: ``None`` leaves it to the files and the environment."""
    end = "]" if default is None else f"; default: {default}]"
    return typer.Option(
        *names, help=f"{told} {SETTING}{end}", metavar=metavar, rich_help_panel=under,
        autocompletion=complete, callback=check,
    )  # fmt: skip


def positive(value: float | None) -> float | None:
    """A limit as it is; typer names the option where it makes no sense."""
    if value is not None and not value > 0:
        raise typer.BadParameter(f"must be positive, not {value}")
    return value


Video = Annotated[
    str,
    typer.Argument(metavar="VIDEO", help="A video file.", autocompletion=completion.videos),
]
Transcript = Annotated[
    str,
    typer.Argument(
        metavar="TRANSCRIPT",
        help="A saved run: its folder, its name, or 'last'.",
        autocompletion=completion.transcripts,
    ),
]
Preset = Annotated[
    str | None,
    setting(
        told="The encoder: builtin, fast, balanced, quality, or a folder with V-JEPA 2 weights.",
        metavar="PRESET",
        default="the best on this machine",
        under=MODEL,
        complete=completion.presets,
    ),
]
Model = Annotated[
    str | None,
    setting(
        told="The language model, as litellm names it, or builtin.",
        metavar="NAME",
        default="the first provider with a key, a local Ollama, builtin",
        under=MODEL,
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The model that says whether open answers are right.",
        rich_help_panel=MODEL,
    ),
]  # fmt: skip
ApiBase = Annotated[
    str | None,
    setting(told="Address of an OpenAI-compatible endpoint.", metavar="URL", under=MODEL),
]
MaxTurns = Annotated[
    int | None,
    setting(
        told="Turns before the wrap-up.", metavar="N", default=12, under=BUDGET, check=positive
    ),
]
MaxTokens = Annotated[
    int | None,
    setting(told="Tokens before the wrap-up.", metavar="N", under=BUDGET, check=positive),
]
MaxUsd = Annotated[
    float | None,
    setting(told="Dollars before the wrap-up.", metavar="USD", under=BUDGET, check=positive),
]
MaxSeconds = Annotated[
    float | None,
    setting(told="Seconds before the wrap-up.", metavar="SECONDS", under=BUDGET, check=positive),
]
SubModel = Annotated[
    str | None,
    setting(told="A cheaper model for the code's sub-questions.", metavar="NAME", under=MODEL),
]
FallbackModel = Annotated[
    list[str] | None,
    setting(
        told="Takes over when the model is unavailable; repeat for more.",
        metavar="NAME",
        under=MODEL,
    ),
]
Seed = Annotated[
    int | None, setting(told="Seed of the model, where it takes one.", metavar="N", under=MODEL)
]
Temperature = Annotated[
    float | None,
    setting(told="Temperature, where the model takes one.", metavar="T", under=MODEL),
]
ModelTimeout = Annotated[
    float | None,
    setting(
        told="How long the model may stay silent.", metavar="SECONDS", default=300, under=MODEL
    ),
]
ReplyCache = Annotated[
    Path | None,
    setting(
        "--reply-cache",
        "--cache",
        told="Keep replies here (indexes: setting cache); the same messages cost nothing again.",
        metavar="FOLDER",
        under=MODEL,
    ),
]
Calibrator = Annotated[
    Path | None,
    setting(
        told="What the model's confidence stands for, from 'eval calibrate'.",
        metavar="FILE",
        under=MODEL,
    ),
]
MaxCalls = Annotated[
    int | None,
    setting(
        told="Calls to any model, in all sessions and votes together.",
        metavar="N",
        default=64,
        under=BUDGET,
        check=positive,
    ),
]
MaxFrames = Annotated[
    int | None,
    setting(told="Frames that models may be shown.", metavar="N", under=BUDGET, check=positive),
]
MaxDepth = Annotated[
    int | None,
    setting(told="Levels of sub-sessions; 0 for none.", metavar="N", default=1, under=BUDGET),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Show every turn, also when piped.", rich_help_panel=OUTPUT
    ),
]
Unsafe = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox",
        help="Run the model's code without a jail: it can read and change your files.",
    ),
]
Transcripts = Annotated[
    Path | None,
    setting(
        told="Folder for transcripts.",
        metavar="FOLDER",
        default="~/.local/share/videorlm/transcripts",
        under=OUTPUT,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.", rich_help_panel=OUTPUT)]
Live = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Show the run in the browser too, as it goes on: a page for this machine alone.",
        rich_help_panel=OUTPUT,
    ),
]


@dataclass(frozen=True)
class ModelSettings:
    """How language models are asked; the fields are named as the settings."""

    sub_model: SubModel = None
    fallback_model: FallbackModel = None
    temperature: Temperature = None
    model_timeout: ModelTimeout = None
    reply_cache: ReplyCache = None
    calibrator: Calibrator = None


@dataclass(frozen=True)
class LimitSettings:
    """What a question may take, dollars aside; the fields are named as the settings."""

    max_turns: MaxTurns = None
    max_calls: MaxCalls = None
    max_tokens: MaxTokens = None
    max_seconds: MaxSeconds = None
    max_frames: MaxFrames = None
    max_depth: MaxDepth = None


def gathered(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` as typer is to read it: each field of a parameter that is one of the dataclasses
    above is an option of its own."""
    whole = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        each.name: each.annotation for each in whole if is_dataclass(each.annotation)
    }

    @functools.wraps(command)
    def call(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    options: list[inspect.Parameter] = []
    for each in whole:
        if each.name not in groups:
            options.append(each.replace(kind=each.KEYWORD_ONLY))
            continue
        hints = get_type_hints(each.annotation, include_extras=True)
        options += [
            each.replace(
                name=field.name,
                kind=each.KEYWORD_ONLY,
                default=field.default,
                annotation=hints[field.name],
            )
            for field in fields(each.annotation)
        ]
    call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    call.__annotations__ = {option.name: option.annotation for option in options}
    return call
