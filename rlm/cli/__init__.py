"""The ``videorlm`` command: arguments, options and help, a file for each group of commands.

A command is added by a file here that has an ``app`` of its own, named in ``_PARTS``. What it does
lives in :mod:`rlm.commands`, imported when it is called: nothing heavy is imported before, so that
``--help``, completion and ``replay`` start at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rlm import __version__
from rlm.cli import ask, chat, demo, evaluate, index, look, machine, models, pages, probe, runs
from rlm.cli.manual import App

app = App(
    "videorlm",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Ask a video a question.

    A language model writes Python in a jail; what that code calls looks at frames, searches and
    compares moments on one V-JEPA 2 index of the video, until it can answer with evidence.
    'videorlm COMMAND --help' has options and examples.

    Examples:
        # does it work here? then a film, an index and questions, all offline
        videorlm doctor
        videorlm demo
        # a question about a video of yours
        videorlm ask match.mp4 "Who serves first?"
        # a TAB completes commands, presets, saved runs
        videorlm --install-completion

    Exit codes: all

    Files:
        videorlm.toml  settings of a folder
        ~/.config/videorlm/config.toml  your settings
        ~/.local/share/videorlm  transcripts, probes
        ~/.cache/videorlm  indexes
    """,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"videorlm {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


_PARTS = (ask, chat, index, look, runs, pages, demo, evaluate, machine, models, probe)
for _part in _PARTS:
    app.add_typer(_part.app)


def main() -> None:
    """Entry point of the ``videorlm`` script."""
    app(prog_name="videorlm")
