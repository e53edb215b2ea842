"""How an evaluation looks while it goes on, and the table it ends with."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rlm.agent.text import counted
from rlm.commands.output import say
from rlm.evaluation.statistics import ONE_VIDEO
from rlm.spans import format_time
from rlm.ui.console import clean

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

    from rlm.evaluation.report.tables import Table as Numbers
    from rlm.evaluation.results import ItemResult
    from rlm.evaluation.runner import Run
    from rlm.evaluation.standing import Standing
    from rlm.evaluation.summary import Summary
    from rlm.evaluation.supply import Job

EVERY = 1.0
"""Seconds between two lines where there is no terminal."""
SHOWN = 6
"""Questions under way that are named."""
LONGEST = 100
"""Characters of what went wrong that are shown; the result has them all."""


class LineView:
    """A line for a result, at most one a second: where nobody looks, or something else reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._told = 0.0
        self._pending: ItemResult | None = None

    def started(self, job: Job) -> None:
        """Nothing is said before the result."""

    def finished(self, result: ItemResult) -> None:
        """Say it, unless another one was said just now."""
        with self._lock:
            self._pending = result
            if time.monotonic() - self._told >= EVERY:
                self._say()

    def tick(self, run: Run) -> None:
        """Say what was held back."""
        with self._lock:
            self._run = run
            if time.monotonic() - self._told >= EVERY:
                self._say()

    def say(self, line: str) -> None:
        """Say it."""
        say(line)

    def close(self) -> None:
        """Say what is still held back: a run ends with a line of its last result."""
        with self._lock:
            self._say()

    def _say(self) -> None:
        result = self._pending
        if result is None or self._run is None:
            return
        self._pending, self._told = None, time.monotonic()
        words = verdict(result)
        say(f"{progress_words(self._run)} · {result.id} {words}")


class LiveView:
    """A few lines at the foot of a terminal that are always of now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._under_way: dict[Any, tuple[float, str]] = {}
        self._run: Run | None = None
        self._last: ItemResult | None = None

    def started(self, job: Job) -> None:
        """Add it to what is under way."""
        with self._lock:
            self._under_way[job.key] = (time.monotonic(), f"{job.item.id} {job.item.question}")

    def finished(self, result: ItemResult) -> None:
        """Take it from there."""
        with self._lock:
            self._under_way.pop(result.key, None)
            self._last = result
        if result.failure is not None:
            self.say(f"{result.id} {verdict(result)}")

    def tick(self, run: Run) -> None:
        """The picture is made anew by itself."""
        self._run = run

    def say(self, line: str) -> None:
        """Print it above."""
        self._console.print(clean(line), soft_wrap=True)

    def __rich__(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(expand=True)
        if (run := self._run) is None:
            return rows
        rows.add_row(ProgressBar(total=max(1, run.total), completed=run.standing.done))
        rows.add_row(Text(clean(progress_words(run)), style="bold", no_wrap=True))
        for line in self._details(run):
            text = " ".join(clean(line).split("\n"))
            rows.add_row(Text(text, style="dim", no_wrap=True, overflow="ellipsis"))
        return rows

    def _details(self, run: Run) -> Iterator[str]:
        with self._lock:
            under_way, last = sorted(self._under_way.values()), self._last
        now = time.monotonic()
        for began, words in under_way[:SHOWN]:
            yield f"  {now - began:4.0f} s  {words}"
        if len(under_way) > SHOWN:
            yield f"  and {len(under_way) - SHOWN} more"
        if run.supply.building:
            yield f"  indexing {run.supply.building}"
        if last is not None:
            yield f"  last: {last.id} {verdict(last)}"


@contextmanager
def view(console: Console) -> Iterator[LineView | LiveView]:
    """What suits ``console``: a live picture on a terminal, else lines."""
    if not console.is_terminal:
        lines = LineView()
        try:
            yield lines
        finally:
            lines.close()
        return
    from rich.live import Live

    live = LiveView(console)
    with Live(live, console=console, refresh_per_second=4, transient=True):
        yield live


def verdict(result: ItemResult) -> str:
    """How one question ended, in words."""
    if result.failure is not None:
        message = result.failure.message
        short = message if len(message) <= LONGEST else f"{message[: LONGEST - 3]}..."
        return f"failed ({result.failure.kind}): {short}"
    if result.right is None:
        return "answered"
    return "right" if result.right else "wrong"


def progress_words(run: Run) -> str:
    """How far a run is, in one line."""
    standing = run.standing
    words = [f"{standing.done}/{run.total}", accuracy_words(standing)]
    if failed := sum(standing.failures.values()):
        words.append(f"{failed} failed")
    if standing.usd:  # of a model without a price this was said when the run began
        words.append(f"${standing.usd:.2f}")
    if standing.judged:
        usd = "" if standing.judge_usd is None else f" ${standing.judge_usd:.2f},"
        words.append(f"judge{usd} {standing.no_verdict} of {standing.judged} without a verdict")
    if left := run.seconds_left:
        words.append(f"{format_time(left, 0)} left")
    return " · ".join(words)


def accuracy_words(standing: Standing) -> str:
    """The accuracy with its interval."""
    if standing.accuracy is None:
        return "accuracy not known"
    interval = standing.interval
    within = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"accuracy {standing.accuracy:.3f}{within}"


def final_table(rows: list[tuple[str, Standing]]) -> Table:
    """A row for each run: accuracy beside what it took."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title in (
        "system",
        "asked",
        "right",
        "accuracy",
        "95%",
        "failed",
        "frames/q",
        "tokens/q",
        "$/q",
        "s/q",
    ):
        table.add_column(title, justify="left" if title == "system" else "right", no_wrap=True)
    for name, standing in rows:
        table.add_row(name, *_cells(standing))
    return table


def shown(table: Numbers) -> Table:
    """A table of the report, for the terminal."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=clean(table.title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
        show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for place, name in enumerate(table.head):
        made.add_column(clean(name), justify="left" if place < table.words else "right")
    for row in table.rows:
        made.add_row(*map(clean, row))
    return made


def more_json(told: Summary) -> dict[str, Any]:
    """Scores beside the accuracy as numbers; what is of nothing is null."""
    recall = {
        part: {kind: share if share == share else None for kind, share in each.items()}
        for part, each in told.recall.items()
    }
    parts = {"evidence": told.evidence, "judge": told.judgement}
    return {"recall": recall or None} | {
        name: None if part is None else asdict(part) for name, part in parts.items()
    }


def failure_words(standing: Standing) -> str:
    """The failures by kind; nothing where there are none."""
    kinds = [f"{kind} {number}" for kind, number in standing.failures.most_common()]
    total = counted(sum(standing.failures.values()), "question")
    return f"{total} failed and count as wrong: {', '.join(kinds)}" if kinds else ""


def as_json(standing: Standing) -> dict[str, Any]:
    """The same as numbers; averages are of one question."""
    done = standing.done or 1
    return {
        "questions": standing.done,
        "scored": standing.scored,
        "accuracy": standing.accuracy,
        "standard_error": standing.error,
        "interval": standing.interval,
        "failures": dict(standing.failures),
        "frames": standing.frames / done,
        "tokens": None if standing.tokens is None else standing.tokens / done,
        "usd": standing.usd,
        "seconds": standing.seconds / done,
    }


def _cells(standing: Standing) -> list[str]:
    done = standing.done or 1
    return [
        str(standing.done),
        f"{standing.right:.1f}".removesuffix(".0") + f"/{standing.scored}",
        "not known" if standing.accuracy is None else f"{standing.accuracy:.3f}",
        _within(standing),
        str(sum(standing.failures.values())),
        f"{standing.frames / done:.1f}",
        "unknown" if standing.tokens is None else f"{standing.tokens / done:.0f}",
        "unknown" if standing.usd is None else f"{standing.usd / done:.4f}",
        f"{standing.seconds / done:.1f}",
    ]


def _within(standing: Standing) -> str:
    if standing.interval is None:
        return "" if standing.accuracy is None else ONE_VIDEO
    low, high = standing.interval
    return f"{low:.2f}-{high:.2f}"
