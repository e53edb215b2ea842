"""What the commands share: words on stderr, the bar of the index, the last of a run's events."""

from __future__ import annotations

import shlex
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.agent import events as ev
from rlm.ui.console import answer_lines, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import TaskID

ANSWERED, NO_ANSWER = 0, 1
DONE = 0


class LastEvents:
    """A sink that keeps the answer and the end of a run."""

    def __init__(self) -> None:
        self.answer: ev.Answered | None = None
        self.end: ev.SessionEnded | None = None

    def __call__(self, event: ev.Event) -> None:
        """Keep ``event`` if it is one of the two."""
        if event.session:
            return  # a sub-session's
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
def progress_bar(screen: Console) -> Iterator[Callable[[str, float, float], None] | None]:
    """Bars for an index on a terminal, one for each thing going on, nothing when piped.

    They are gone once everything is done.
    """
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"))
    bars = Progress(*columns, TimeRemainingColumn(), console=screen, transient=True)
    tasks: dict[str, TaskID] = {}
    lock = threading.Lock()

    def update(what: str, done: float, total: float) -> None:
        with lock:
            if what not in tasks:
                bars.start()
                tasks[what] = bars.add_task(what, total=total, rate="")
            task = tasks[what]
            elapsed = bars.tasks[task].elapsed or 0.0
            rate = f"{done / elapsed:.0f}x real time" if elapsed > 0 else ""
            bars.update(task, completed=done, rate=rate)
            if all(each.finished for each in bars.tasks):
                bars.stop()

    try:
        yield update
    finally:
        bars.stop()
