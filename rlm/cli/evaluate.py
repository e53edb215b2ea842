"""``videorlm eval``: questions of data sets, by the loop and by baselines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rlm.cli import completion, evaluations, options
from rlm.cli.manual import App, Group
from rlm.commands.guard import guarded
from rlm.errors import UsageError

RUN = "run"
WHICH, WORK = "Which questions", "The run"
FIRST_SEED = 40_000
"""Films from this seed on are used by no training, fit or gate of the built-in models."""


class _WithBareRun(Group):
    """A group in which ``eval DATASET ...`` is ``eval run DATASET ...``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {*self.commands, "help", "--help", "-h", "--list", "--json"}
        if args and args[0] not in own and not ctx.resilient_parsing:
            args = [RUN, *args]
        elif not args and not ctx.resilient_parsing:
            print(self.get_help(ctx), file=sys.stderr)
            ctx.exit(UsageError.exit_code)
        return super().parse_args(ctx, args)


app = App("eval", section="Evaluation", invoke_without_command=True)
app.info.cls = _WithBareRun
app.add_typer(evaluations.app)

_Seed = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Of models and jails.", rich_help_panel=options.MODEL),
]
_Workers = Annotated[
    str,
    typer.Option(
        metavar="N|auto",
        help="Questions asked side by side: a number, or auto for what suits the model; fewer "
        "where a provider limits the rate.",
        show_default=True,
        rich_help_panel=WORK,
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FOLDER", rich_help_panel=WORK,
        help="Where results go, and a run is gone on with (default: below ./evaluations).",
    ),
]  # fmt: skip
_RunUsd = Annotated[
    float | None,
    typer.Option(min=0, metavar="USD", help="Dollars for the run.", rich_help_panel=options.BUDGET),
]
_ItemUsd = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="USD", rich_help_panel=options.BUDGET,
        help="Dollars for a question (default: four times its share of --max-usd).",
    ),
]  # fmt: skip
_RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Ask again what failed.", rich_help_panel=WORK),
]


@app.callback()
def _eval(
    context: typer.Context,
    list_: Annotated[
        bool, typer.Option("--list", help="List the data sets and the systems.")
    ] = False,
    json_: options.Json = False,
) -> None:
    """Ask the questions of a data set, and say how many answers are right.

    'videorlm eval DATASET ...' is short for 'videorlm eval run DATASET ...'. Results are written
    as they come; the same command goes on with a run that was stopped.

    Annotations are the files a set is published with, as --list names them, or for jsonl a line
    each: {"id", "video", "question", "options", "answer_index" or "answer"}. Videos are found by
    the names these give: for jsonl a path below --videos; for the other sets in any folder below
    it, with or without a suffix.

    Examples:
        videorlm eval --list
        videorlm eval jsonl --annotations qa.jsonl --videos clips --model builtin
        videorlm eval world --films 20 --minutes 5

    See also: videorlm ask
    """
    if context.invoked_subcommand is None:
        _list(list_, json_)


@guarded
def _list(wanted: bool, json_: bool) -> int:
    from rlm.commands.evaluate import list_all

    if not wanted:
        raise UsageError("name a data set, or see --list")
    return list_all(json_)


@app.command(RUN)
@options.gathered
@guarded
def run(
    dataset: Annotated[
        str,
        typer.Argument(metavar="DATASET", help="Its short name, or a reader as module:Class."),
    ],
    *,
    annotations: Annotated[
        Path,
        typer.Option(metavar="PATH", help="File or folder of annotations.", rich_help_panel=WHICH),
    ],
    videos: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Its videos, found by name.", rich_help_panel=WHICH),
    ],
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Ask so many.", rich_help_panel=WHICH),
    ] = None,
    offset: Annotated[
        int, typer.Option(min=0, metavar="N", help="Leave out the first.", rich_help_panel=WHICH)
    ] = 0,
    category: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Ask those of one category.", rich_help_panel=WHICH),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, metavar="N", help="Ask each so often.", rich_help_panel=WHICH)
    ] = 1,
    system: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What answers: see --list; or a class as module:Class.",
            show_default=True,
            rich_help_panel=options.MODEL,
        ),
    ] = "loop",
    model: options.Model = None,
    api_base: options.ApiBase = None,
    preset: options.Preset = None,
    seed: _Seed = None,
    asking: options.ModelSettings,
    judge: options.Judge = None,
    workers: _Workers = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", rich_help_panel=WORK,
            help="Work on a Ray cluster: local, or ray://HOST:PORT.",
        ),
    ] = None,
    max_usd: _RunUsd = None,
    item_usd: _ItemUsd = None,
    limits: options.LimitSettings,
    output: _Output = None,
    retry_failed: _RetryFailed = False,
    json_: options.Json = False,
    unsafe_no_sandbox: options.Unsafe = False,
) -> int:  # fmt: skip
    """Ask the questions of a data set: 'videorlm eval DATASET ...' does the same.

    Ctrl-C finishes the questions under way; again, it gives them up. Then, or after a crash, the
    same command goes on. Indexes are built once for each video, ahead of its questions.

    Examples:
        videorlm eval run jsonl --annotations qa.jsonl --videos clips --model builtin
        videorlm eval jsonl --annotations qa.jsonl --videos clips --system uniform-64 --max-usd 5

    Exit codes:
        1 the money was spent before all were asked
        3 4 5 6 74 130

    See also: videorlm eval world
    """
    from rlm.commands.evaluate import run as command
    from rlm.evaluation.evaluate import Evaluation

    wanted = Evaluation(
        dataset=dataset,
        annotations=annotations,
        videos=videos,
        system=system,
        model=model,
        api_base=api_base,
        preset=preset,
        judge=judge,
        limit=limit,
        offset=offset,
        category=category,
        repeats=repeats,
        seed=seed,
        workers=_number(workers),
        cluster=cluster,
        max_usd=max_usd,
        item_usd=item_usd,
        settings={**vars(asking), **vars(limits)},
        output=output,
        retry_failed=retry_failed,
        unsafe=unsafe_no_sandbox,
    )
    return command(wanted, json_=json_)


@app.command()
@guarded
def world(
    films: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many films.", show_default=True)
    ] = 20,
    minutes: Annotated[
        float, typer.Option(min=0.7, metavar="N", help="The length of each.", show_default=True)
    ] = 5,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of the first film.", show_default=True)
    ] = FIRST_SEED,
    system: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Repeat it (default: loop, blind, embedding)."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The language model, as litellm names it.", show_default=True,
            rich_help_panel=options.MODEL,
        ),
    ] = "builtin",
    api_base: options.ApiBase = None,
    preset: Annotated[
        str,
        typer.Option(
            metavar="PRESET", help="The encoder: builtin, fast, balanced, quality, or a folder.",
            show_default=True, autocompletion=completion.presets, rich_help_panel=options.MODEL,
        ),
    ] = "builtin",
    workers: _Workers = "auto",
    max_usd: _RunUsd = None,
    item_usd: _ItemUsd = None,
    output: _Output = None,
    retry_failed: _RetryFailed = False,
    json_: options.Json = False,
    unsafe_no_sandbox: options.Unsafe = False,
) -> int:  # fmt: skip
    """Compare systems on procedural films that nothing was trained on: no key, no download.

    Makes the films and their questions, and has each system answer them all.

    Examples:
        videorlm eval world --films 2 --minutes 2
        videorlm eval world --films 20 --minutes 5

    Exit codes: 3 4 5 6 74 130

    See also: videorlm demo
    """
    from rlm.commands.evaluate import world as command
    from rlm.evaluation.evaluate import Evaluation

    wanted = Evaluation(
        dataset="jsonl",
        annotations=Path(),
        videos=Path(),
        model=model,
        api_base=api_base,
        preset=preset,
        workers=_number(workers),
        max_usd=max_usd,
        item_usd=item_usd,
        output=output,
        retry_failed=retry_failed,
        unsafe=unsafe_no_sandbox,
    )
    return command(films, minutes, seed, system or [], wanted, json_=json_)


def _number(workers: str) -> int | None:
    if workers == "auto":
        return None
    if not workers.isdecimal() or not 1 <= int(workers) <= 1024:
        raise UsageError(f"--workers is a number from 1 to 1024, or auto, not {workers}")
    return int(workers)
