"""Every command of the command line, and one of them run in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import typer.main

from rlm.cli import app, main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def every_command() -> dict[tuple[str, ...], Any]:
    """The commands and groups by their words; the root has none."""
    return dict(_below((), typer.main.get_command(app)))


def _below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, each in getattr(command, "commands", {}).items():
        yield from _below((*words, name), each)


def context_of(words: tuple[str, ...]) -> Any:
    """The context in which a command writes its help."""
    context = None
    command = typer.main.get_command(app)
    for name in ("videorlm", *words):
        if context is not None:
            command = command.commands[name]
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
    return context


def call(capsys: pytest.CaptureFixture[str], *words: object) -> Ended:
    """Run the command line in this process."""
    before, sys.argv = sys.argv, ["videorlm", *map(str, words)]
    try:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    return Ended(int(end.value.code or 0), out, err)
