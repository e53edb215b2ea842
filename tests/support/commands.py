"""Every command of the command line, and one of them run: in this process, or in one of its own.

A process starts in seconds where it imports torch. It is there for what only a process shows:
signals, pipes, what is left behind, what is imported. What a command says is the same in this one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rlm.cli import app, main

COMMAND = (sys.executable, "-m", "rlm.cli")
Capture = pytest.CaptureFixture[str]
Ended = subprocess.CompletedProcess[str]


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


def call(capture: Capture, *words: object) -> Ended:
    """Run the command line in this process."""
    typed = ["videorlm", *map(str, words)]
    before, sys.argv = sys.argv, typed
    try:
        capture.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    out, err = capture.readouterr()
    return Ended(typed, int(end.value.code or 0), out, err)


class Cli:
    """``videorlm`` as it is typed in ``folder``, with settings in its environment.

    Calling it runs a command in this process, ``process`` and ``start`` in one of its own. Unless
    ``settings`` say otherwise, transcripts and indexes are kept in ``folder``.
    """

    def __init__(self, folder: Path, capture: Capture, **settings: object) -> None:
        places = {"transcripts": folder / "transcripts", "cache": folder / "cache"} | settings
        self.folder = folder
        self.transcripts = Path(str(places["transcripts"]))
        self.settings = {f"VIDEORLM_{name.upper()}": str(each) for name, each in places.items()}
        self.settings["COLUMNS"] = "100"
        self._capture = capture

    @property
    def environment(self) -> dict[str, str]:
        """That of its processes."""
        return os.environ | self.settings

    def __call__(self, *words: object, **environment: str) -> Ended:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in (self.settings | environment).items():
                patch.setenv(name, value)
            return call(self._capture, *words)

    def process(self, *words: object, **environment: str) -> Ended:
        """Run a command in a process of its own."""
        return subprocess.run(
            [*COMMAND, *map(str, words)],
            capture_output=True, text=True, timeout=240, cwd=self.folder,
            env=self.environment | environment,
        )  # fmt: skip

    def start(self, *words: object, **pipes: Any) -> subprocess.Popen[Any]:
        """Begin a command in a process of its own; ``pipes`` are Popen's."""
        command = [*COMMAND, *map(str, words)]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, **pipes)

    def saved(self) -> list[Path]:
        """The transcripts there are."""
        return sorted(self.transcripts.glob("*")) if self.transcripts.exists() else []
