"""The commands about evaluations that are done: ``eval compare``, ``report`` and the like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import options
from rlm.cli.manual import App
from rlm.commands.guard import guarded

app = App()

_Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]


@app.command()
@guarded
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="That of another.")],
    json_: options.Json = False,
) -> int:
    """Compare two runs on the questions that both have.

    The difference is A less B. Its p is of a bootstrap over videos, so that several questions about
    one video are no more than they are; McNemar's test takes each question for itself. What stands
    in one run alone is left out.

    Examples:
        videorlm eval compare evaluations/jsonl-loop-builtin evaluations/jsonl-blind-builtin

    Exit codes: 2

    See also: videorlm eval report
    """
    from rlm.commands.evaluations import compare as command

    return command(first, second, json_=json_)


@app.command()
@guarded
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="The folder of a run, or of several.")
    ],
    pages: Annotated[
        bool, typer.Option("--pages", help="A page of each transcript, which the report links to.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where it goes [default: the run's folder]",
        ),
    ] = None,
) -> int:
    """Write report.html, report.md and results.csv about a run, or about several side by side.

    The page is one file that needs no network: plots, tables, and every question. A run writes them
    when it ends. stdout is the path of the page.

    Examples:
        videorlm eval report evaluations/jsonl-loop-builtin --pages
        # the loop beside its baselines
        videorlm eval report evaluations/world/loop evaluations/world/blind -o both

    Exit codes: 2 74

    See also: videorlm eval compare
    """
    from rlm.commands.evaluations import report as command

    return command(runs, output, pages=pages)


@app.command()
@guarded
def judge(
    run: _Folder,
    judge: options.Judge,
    api_base: options.ApiBase = None,
    workers: Annotated[
        int, typer.Option(min=1, max=1024, metavar="N", help="Judged side by side.")
    ] = 16,
    max_usd: Annotated[
        float | None, typer.Option(min=0, metavar="USD", help="Dollars for the judging.")
    ] = None,
) -> int:
    """Have a language model say which open answers of a run are right.

    Open answers are those in words of their own: ActivityNet-QA, generation in MLVU, captions in
    TempCompass. The verdict stands in the result beside the normalised match, and counts before it
    in the accuracy. What has a verdict of this model is not asked again, what has none is.

    Examples:
        videorlm eval judge evaluations/activitynet_qa-loop-m --judge openai/gpt-5.4-mini

    Exit codes:
        1 the money was spent before all were judged
        2 4 74

    See also: videorlm eval report
    """
    from rlm.commands.evaluations import judge as command

    return command(run, judge or "", api_base, workers, max_usd)


@app.command()
@guarded
def submit(
    dataset: Annotated[
        str, typer.Argument(metavar="SET", help="EgoSchema or VideoMME, in any case.")
    ],
    run: _Folder,
    repeat: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Which answer, from 0, where each was asked several times."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The form [default: RUN/submission.json]"
        ),
    ] = None,
) -> int:
    """Write the form that the server of a data set takes, from the results of a run.

    What was not answered or not asked is told. For EgoSchema a FILE that ends in .csv is a table.
    stdout is the path of the form.

    Examples:
        videorlm eval submit EgoSchema evaluations/egoschema-loop-some-model
        videorlm eval submit VideoMME evaluations/videomme-loop-some-model -o videomme.json

    Exit codes: 2

    See also: videorlm eval report
    """
    from rlm.commands.evaluations import submit as command

    return command(dataset, run, output, repeat)


@app.command()
@guarded
def calibrate(
    run: _Folder,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The calibrator [default: RUN/calibrator.json]"
        ),
    ] = None,
) -> int:
    """Fit what a model's confidence stands for on a run, for use in later ones.

    The curve is an isotonic or a logistic one, or none, by what is best on videos it was not fitted
    on. Name its file with --calibrator, or as the setting 'calibrator', and answers tell how often
    such a confidence was right. It holds for the same system and model alone.

    Examples:
        videorlm eval calibrate evaluations/jsonl-loop-builtin -o calibrator.json
        videorlm eval jsonl --annotations more.jsonl --videos clips --calibrator calibrator.json
        videorlm ask film.mp4 "What happens at the end?" --calibrator calibrator.json

    Exit codes: 2 74

    See also: videorlm eval report
    """
    from rlm.commands.evaluations import calibrate as command

    return command(run, output)
