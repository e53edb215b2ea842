"""``videorlm demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli.manual import MACHINE, App
from rlm.commands.guard import guarded

app = App()


@app.command(section=MACHINE)
@guarded
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the film goes.")] = Path(
        "demo"
    ),
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Which film.", show_default=True)
    ] = 7,
    questions: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="How many of its questions to ask.", show_default=True
        ),
    ] = 6,
) -> int:
    """Make a film of moving shapes and ask it questions, with nothing else.

    No key, no download, no network: a built-in program plays the language model and built-in
    weights see. The questions have answers that are known, so it says how many were right.

    Examples:
        videorlm demo
        videorlm demo /tmp/film --seed 3 --questions 2

    Exit codes:
        1 none of the questions was answered right
        5 6 7

    Files:
        FOLDER/transcripts  the runs, which 'last' finds too

    See also: videorlm doctor, videorlm ask, videorlm replay
    """
    from rlm.commands.demo import run

    return run(folder, seed, questions)
