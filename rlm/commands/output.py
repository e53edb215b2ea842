"""What the commands share: words on stderr, the bar of the index, the last of a run's events."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.agent import events as ev
from rlm.ui.console import answer_lines, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

ANSWERED, NO_ANSWER = 0, 1


class LastEvents:
    """A sink that keeps the answer and the end of a session."""

    def __init__(self) -> None:
        self.answer: ev.Answered | None = None
        self.end: ev.SessionEnded | None = None

    def __call__(self, event: ev.Event) -> None:
        """Keep ``event`` if it is one of the two."""
        if isinstance(event, ev.Answered):
            self.answer = event
        elif isinstance(event, ev.SessionEnded):
            self.end = event

    def summary(self) -> list[str]:
        """Evidence, confidence and cost in words; why there is no answer, when there is none."""
        if self.answer is not None:
            return answer_lines(self.answer, self.end)
        return [f"no answer: {self.end.reason}"] if self.end is not None else []


def say(line: str) -> None:
    """One line on stderr, where everything goes that is not the answer."""
    print(clean(line), file=sys.stderr, flush=True)


def command_name() -> str:
    """How this program is called here: by name when it is on the path, else by where it lies."""
    on_path = shutil.which("videorlm")
    called = Path(sys.argv[0])
    if called.name != "videorlm" or (on_path and Path(on_path).resolve() == called.resolve()):
        return "videorlm"
    return str(called)


def replay_command(transcript: Path) -> str:
    """What to type to see that run again."""
    return f"{shlex.quote(command_name())} replay {shlex.quote(str(transcript))}"


@contextmanager
def progress_bar(screen: Console) -> Iterator[Callable[[float, float], None] | None]:
    """A bar for the index on a terminal, nothing when piped; it is gone once the index is there."""
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("indexing"), BarColumn(), TextColumn("{task.fields[rate]}"))
    bar = Progress(*columns, TimeRemainingColumn(), console=screen, transient=True)
    task = None

    def update(done: float, total: float) -> None:
        nonlocal task
        if task is None:
            bar.start()
            task = bar.add_task("", total=total, rate="")
        elapsed = bar.tasks[0].elapsed or 0.0
        rate = f"{done / elapsed:.0f}x real time" if elapsed > 0 else ""
        bar.update(task, completed=done, rate=rate)
        if done >= total:
            bar.stop()

    try:
        yield update
    finally:
        bar.stop()
