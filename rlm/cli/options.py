"""Arguments and options that several commands have, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rlm.cli import completion
from rlm.cli.manual import SETTING

MODEL, BUDGET, OUTPUT = "Models", "Limits", "Output"
"""Headings under which options stand."""


def setting(
    *names: str, told: str, metavar: str, default: object = None, under: str, complete: Any = None
) -> Any:
    """An option that is a setting, too: ``None`` leaves it to the files and the environment."""
    end = "]" if default is None else f"; default: {default}]"
    return typer.Option(
        *names, help=f"{told} {SETTING}{end}", metavar=metavar, rich_help_panel=under,
        autocompletion=complete,
    )  # fmt: skip


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
ApiBase = Annotated[
    str | None,
    setting(told="Address of an OpenAI-compatible endpoint.", metavar="URL", under=MODEL),
]
MaxTurns = Annotated[
    int | None,
    setting(told="Turns before the wrap-up.", metavar="N", default=12, under=BUDGET),
]
MaxTokens = Annotated[
    int | None, setting(told="Tokens before the wrap-up.", metavar="N", under=BUDGET)
]
MaxUsd = Annotated[
    float | None, setting(told="Dollars before the wrap-up.", metavar="USD", under=BUDGET)
]
MaxSeconds = Annotated[
    float | None, setting(told="Seconds before the wrap-up.", metavar="SECONDS", under=BUDGET)
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
