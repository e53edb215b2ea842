"""The commands that show a video: ``scenes`` and ``plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import options
from rlm.cli.manual import VIDEOS, App
from rlm.commands.guard import guarded

app = App()
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write a picture instead, a PNG.",
        rich_help_panel=options.OUTPUT,
    ),
]


@app.command(section=VIDEOS)
@guarded
def scenes(
    video: options.Video,
    level: Annotated[
        int,
        typer.Option(
            min=0,
            max=2,
            metavar="N",
            help="0 shots, 1 about 30 s each, 2 chapters.",
            show_default=True,
        ),
    ] = 0,
    captions: Annotated[
        bool, typer.Option("--captions", help="Say each in words, with weights that can.")
    ] = False,
    preset: options.Preset = None,
    output: _Output = None,
    json_: options.Json = False,
) -> int:
    """Show the scenes of a video, with their times and what is said in them.

    Pictures where the terminal can show them, a table elsewhere. The index is built if there is
    none. Words are those of the transcript, where the video has one; the captions of builtin mean
    something for moving shapes only.

    Examples:
        videorlm scenes match.mp4
        videorlm scenes talk.mp4 --level 1 -o storyboard.png
        videorlm scenes talk.mp4 --json | jq .start

    Exit codes:
        3 5 74

    See also: videorlm plot, videorlm index
    """
    from rlm.commands.scenes import run

    return run(video, output, level, captions=captions, preset=preset, as_json=json_)


@app.command(section=VIDEOS)
@guarded
def plot(
    video: options.Video,
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="How like a text each moment is; repeat it."),
    ] = None,
    similar: Annotated[
        list[str] | None,
        typer.Option(metavar="START-END", help="How like a span each moment is; repeat it."),
    ] = None,
    surprise: Annotated[
        bool, typer.Option("--surprise", help="Surprise too; alone it is what is drawn anyway.")
    ] = False,
    preset: options.Preset = None,
    output: _Output = None,
) -> int:
    """Draw how surprising each moment of a video is, or how like a text or a span.

    A chart in the terminal; piped, the numbers. Thin lines are where shots begin. Surprise is how
    far V-JEPA's predictor was off; a text needs a preset or a companion that embeds texts.

    Examples:
        videorlm plot match.mp4
        videorlm plot match.mp4 --query "a red car" --similar 0:12-0:15 -o curves.png
        videorlm plot match.mp4 | sort -k 2 -g | tail

    Exit codes:
        3 5 74

    See also: videorlm scenes, videorlm index
    """
    from rlm.commands.plot import run

    return run(video, output, query or (), similar or (), surprise=surprise, preset=preset)
