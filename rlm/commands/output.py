"""What the commands share: words on stderr, the bar of the index, the last of a run's events."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rlm.agent import events as ev
from rlm.agent.text import one_line
from rlm.ui.console import ConsoleView, Screen, answer_lines, clean
from rlm.ui.pictures import Pictures, cut
from rlm.ui.status import redraws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table

    from rlm.ui.pictures import Setting

    Progressing = Callable[[str, float, float], None]

ANSWERED, NO_ANSWER = 0, 1
DONE = 0
BAR_NAME = 18
"""Columns for what a bar is of."""
WIDEST = 4096
"""Columns of a table that no terminal breaks."""


class LastEvents:
    """A sink that keeps the answer and the end of a run.

    ``model`` is who replied last, where it was not the one that was asked.
    """

    def __init__(self) -> None:
        self.model = ""
        self.answer: ev.Answered | None = None
        self.end: ev.SessionEnded | None = None

    def __call__(self, event: ev.Event) -> None:
        """Keep what ``event`` tells of these."""
        if event.session:
            return  # a sub-session's
        if isinstance(event, ev.ModelReplied):
            self.model = event.model
        elif isinstance(event, ev.Answered):
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
    print(in_words(clean(line), sys.stderr), file=sys.stderr, flush=True)


def in_words(text: str, stream: TextIO) -> str:
    """``text``, on a terminal with its lines broken between words: it would break within them.

    What of a line is broken stands as far in as the line. A word that is longer than a line is left
    to the terminal, and so is a line with a command: these are there to be copied whole.
    """
    if not stream.isatty():
        return text
    width, broken = os.get_terminal_size(stream.fileno()).columns, []
    for line in text.split("\n"):
        if "videorlm " in line:
            broken.append(line)
            continue
        blanks = " " * (len(line) - len(line.lstrip(" ")))
        broken += textwrap.wrap(
            line, width or WIDEST, subsequent_indent=blanks, break_long_words=False,
            break_on_hyphens=False, replace_whitespace=False,
        ) or [""]  # fmt: skip
    return "\n".join(broken)


def tell(text: str) -> None:
    """Words on stdout, broken as :func:`in_words` does."""
    print(in_words(clean(text), sys.stdout), flush=True)


def print_tables(*tables: Table) -> None:
    """Tables on stdout, an empty line between two.

    Where no terminal is, each is as wide as its words, and no line ends in spaces.
    """
    screen = Screen()
    if not screen.is_terminal:
        screen.width = WIDEST
    for place, table in enumerate(tables):
        if place:
            screen.print()
        if screen.is_terminal:
            screen.print(table)
            continue
        with screen.capture() as taken:
            screen.print(table)
        print("\n".join(line.rstrip() for line in taken.get().splitlines()))


def print_rows(rows: Sequence[Mapping[str, str]], *, left: Container[str]) -> None:
    """A list as a table on stdout: what each row has by the names of its columns, in their order.

    Columns in ``left`` are words, the others numbers. Where no terminal is, a row is one line of
    plain text.
    """
    if not rows:
        return
    screen = Screen()
    if screen.is_terminal:
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0), show_edge=False)
        for name in rows[0]:
            table.add_column(name, justify="left" if name in left else "right", overflow="fold")
        for row in rows:
            table.add_row(*map(clean, row.values()))
        screen.print(table)
        return
    lines = [list(rows[0]), *([one_line(cell) for cell in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.ljust(width) if name in left else cell.rjust(width)
            for name, cell, width in zip(rows[0], line, widths, strict=True)
        )
        print("  ".join(cells).rstrip())


def command_name() -> str:
    """How this program is called here: by name when it is on the path, else by where it lies."""
    on_path = shutil.which("videorlm")
    called = Path(sys.argv[0])
    if called.name != "videorlm" or (on_path and Path(on_path).resolve() == called.resolve()):
        return "videorlm"
    return str(called)


def live_view(screen: Console, setting: Setting | None, *, questions: bool = True) -> ConsoleView:
    """A run as it goes on, with frames as the terminal and the ``pictures`` setting have it."""
    return ConsoleView(screen, pictures=Pictures.on(screen, setting), questions=questions)


def say_where(transcript: Path) -> None:
    """How to see that run again, in the terminal and as a page."""
    for what in ("replay", "view"):  # to be copied whole, and so not broken between words
        print(clean(f"{what}: {_command(what, transcript)}"), file=sys.stderr, flush=True)


def replay_command(transcript: Path) -> str:
    """What to type to see that run again."""
    return _command("replay", transcript)


def _command(what: str, transcript: Path) -> str:
    from rlm.agent.transcript import default_folder
    from rlm.config import load_config

    listed = (load_config().transcripts or default_folder()) == transcript.parent
    named = transcript.name if listed else str(transcript)
    return f"{shlex.quote(command_name())} {what} {shlex.quote(named)}"


def both(progress: Progressing | None, other: Progressing) -> Progressing:
    """What tells both of how far something is."""

    def update(what: str, done: float, total: float) -> None:
        for each in filter(None, (progress, other)):
            each(what, done, total)

    return update


@contextmanager
def progress_bar(screen: Console) -> Iterator[Progressing | None]:
    """Bars for an index on a terminal, one for each thing going on, nothing when piped.

    They are gone once everything is done. A total of 0 stands for a wait of unknown length.
    """
    if not redraws(screen):
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    # As wide as the line of a run at most, so that a narrower terminal does not break it either.
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=14),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    bars = Progress(*columns, console=screen, transient=True, redirect_stdout=False)
    tasks: dict[str, TaskID] = {}
    lock = threading.Lock()

    def clear() -> None:
        for task in tasks.values():
            bars.remove_task(task)
        tasks.clear()

    def update(what: str, done: float, total: float) -> None:
        with lock:
            if what not in tasks:
                if all(each.total is None for each in bars.tasks):
                    clear()  # what was waited for, without knowing how long, has come
                bars.start()
                known = total or None
                tasks[what] = bars.add_task(cut(what, BAR_NAME), total=known, rate="")
            task = next(each for each in bars.tasks if each.id == tasks[what])
            if total:
                rate = f"{done / task.elapsed:.0f}x real time" if task.elapsed and done else ""
                bars.update(task.id, completed=done, rate=rate)
            if all(each.finished for each in bars.tasks):
                bars.stop()
                clear()

    try:
        yield update
    finally:
        bars.stop()
