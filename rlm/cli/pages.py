"""The command about pages in the browser: ``view``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm.cli import completion
from rlm.cli.manual import RUNS, App
from rlm.commands.guard import guarded
from rlm.errors import UsageError

app = App()


@app.command(section=RUNS)
@guarded
def view(
    transcript: Annotated[
        str | None,
        typer.Argument(
            metavar="TRANSCRIPT",
            help="A saved run: its folder, its name, or 'last' [default: last]",
            autocompletion=completion.transcripts,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The page [default: one in your cache]"
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="List the runs in this folder instead; their pages go beside the list.",
        ),
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open it in the browser.")
    ] = False,
) -> int:
    """Open a saved run as a page in the browser.

    The page is one file that needs no network and no server; stdout is its path. Pictures over 24
    MB in all go into a folder beside the file.

    Examples:
        videorlm view last
        # to keep, or to send
        videorlm view last -o run.html
        # a list of runs with filters
        videorlm view --index ~/.local/share/videorlm/transcripts -o runs/index.html

    Exit codes:
        7

    Files:
        ~/.cache/videorlm/pages  pages without -o

    See also: videorlm replay, videorlm transcripts
    """
    from rlm.commands import view as command

    if index is None:
        return command.run(transcript or "last", output, opens=not no_open)
    if transcript is not None:
        raise UsageError("give one of these: a transcript, --index")
    return command.run_index(index, output, opens=not no_open)
