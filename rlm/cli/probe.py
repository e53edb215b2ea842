"""``videorlm probe``: classes of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import completion, options
from rlm.cli.manual import VIDEOS, App
from rlm.commands.guard import guarded

app = App(
    "probe",
    section=VIDEOS,
    help="""Teach classes of your own for spans of video.

    A few labelled spans become a task that the model's code can ask for by name. The encoder stays
    as it is; a probe is kept for the weights it was fitted on.

    Examples:
        videorlm probe train labels.csv --task gesture
        videorlm probe eval more.csv --task gesture

    Files:
        ~/.local/share/videorlm/probes  the probes

    See also: videorlm models
    """,
)
_Labels = Annotated[
    Path,
    typer.Argument(
        metavar="LABELS", help="A CSV file with the columns video, start, end and label."
    ),
]
_Task = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What classify_segment asks for it by.",
        autocompletion=completion.tasks,
    ),
]


@app.command()
@guarded
def train(
    labels: _Labels,
    task: _Task,
    preset: options.Preset = None,
    seed: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Of the split and the fit.", show_default=True),
    ] = 0,
    held_out: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=0.5,
            metavar="SHARE",
            help="Of the spans, to measure on.",
            show_default=True,
        ),
    ] = 0.25,
) -> int:
    """Fit a probe on labelled spans, say how it does on others, and register it.

    Video paths are relative to the file of labels; times are seconds or 1:07.5; each class needs 3
    spans.

    Examples:
        videorlm probe train labels.csv --task gesture
        videorlm probe train labels.csv --task gesture --preset fast --held-out 0.4

    Exit codes: 3 5

    Files:
        ~/.local/share/videorlm/probes  where it goes

    See also: videorlm probe eval
    """
    from rlm.commands.probe import train as run

    return run(labels, task=task, preset=preset, seed=seed, held_out=held_out)


@app.command("eval")
@guarded
def evaluate(labels: _Labels, task: _Task, preset: options.Preset = None) -> int:
    """Say how often a probe tells labelled spans right, and what it mixes up.

    Spans it was fitted on are left out.

    Examples:
        videorlm probe eval more.csv --task gesture --preset fast

    Exit codes: 3 5

    See also: videorlm probe train
    """
    from rlm.commands.probe import evaluate as run

    return run(labels, task=task, preset=preset)


@app.command("import")
@guarded
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .pt file of Meta's V-JEPA 2 probes.")
    ],
    task: _Task,
    preset: options.Preset = None,
    head: Annotated[
        str,
        typer.Option(
            metavar="HEAD",
            help="Of an anticipation probe: verb, noun or action.",
            show_default=True,
        ),
    ] = "action",
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of the classes in the order of the probe's outputs: a line each, or a CSV "
            "with key, name or label, in that order or with its numbers (from 0) in a column id.",
        ),
    ] = None,
) -> int:
    """Register one of the probes that Meta publishes.

    Without --classes the classes are numbers.

    Examples:
        videorlm probe import ek100-vitl-256.pt --task next-action --preset fast
        videorlm probe import ssv2.pt --task something --preset quality --classes ssv2.txt

    Exit codes: 5

    See also: videorlm probe list
    """
    from rlm.commands.probe import import_file as run

    return run(file, task=task, preset=preset, head=head, classes=classes)


@app.command("list")
@guarded
def list_probes() -> int:
    """List the probes that were trained or imported here.

    Examples:
        videorlm probe list

    See also: videorlm probe train
    """
    from rlm.commands.probe import list_all as run

    return run()
