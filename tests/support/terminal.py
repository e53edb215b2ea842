"""A real terminal: a program in a tmux of its own, typed to, looked at and resized."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """Runs ``words`` in a terminal of so many columns and rows; use it as a context manager.

    ``environ`` is added to that of the tests. The last screen stays when the program has ended.
    """

    def __init__(
        self, words: Sequence[object], columns: int = 80, rows: int = 24, **environ: str
    ) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not installed")
        self._words, self._size, self._environ = words, (columns, rows), environ
        self._name = f"test-{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> Terminal:
        paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        given = {"PYTHONPATH": os.pathsep.join(paths), "TERM": "tmux-256color"}
        given |= {"COLORTERM": "truecolor"} | self._environ
        variables = [f"{name}={value}" for name, value in given.items()]
        program = shlex.join(["env", *variables, *map(str, self._words)])
        columns, rows = self._size
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows,
            f"{program}; code=$?; echo; echo \"ended with $code\"; exec sleep 600",
        )  # fmt: skip
        self._tmux("set-option", "-g", "history-limit", 20000)
        return self

    def __exit__(self, *exception: object) -> None:
        self._tmux("kill-server", check=False)

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._tmux("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste ``text`` as a terminal does, marked as pasted where the program asked for that."""
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-p")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", columns, "-y", rows)

    def screen(self, *, colours: bool = False) -> str:
        """What can be seen now."""
        return self._capture("-p", *(("-e",) if colours else ()))

    def history(self) -> str:
        """All that was ever printed and is still there, lines that were broken joined again."""
        return self._capture("-p", "-J", "-S", "-")

    def wait_for(self, text: str, seconds: float = 200) -> str:
        """The screen as soon as ``text`` is on it; fails the test when it never is."""
        return self.wait_until(lambda screen: text in screen, f"{text!r} to come", seconds)

    def wait_until(self, holds: Callable[[str], bool], what: str, seconds: float = 200) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds(screen := self.screen()):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"waited for {what}; there is:\n{self.screen()}")

    def _capture(self, *words: object) -> str:
        return self._tmux("capture-pane", *words).rstrip("\n")

    def _tmux(self, *words: object, check: bool = True) -> str:
        return subprocess.run(
            ["tmux", "-L", self._name, *map(str, words)],
            capture_output=True, text=True, check=check, timeout=30,
        ).stdout  # fmt: skip
