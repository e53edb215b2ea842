"""The one line of a run that changes: what it is doing, for how long, what it has taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rlm.agent import events as ev
from rlm.spans import format_time
from rlm.ui.spending import Spending

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

WIDTH = 59
"""Columns it takes at most. A terminal of 60 or more then never breaks it in two when it is made
narrower, and nothing of it stays behind."""

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PER_SECOND = 8
_WAITING, _RUNNING = "waiting", "running"


def redraws(console: Console) -> bool:
    """Whether lines of ``console`` can be written over: it is a terminal that is not dumb.

    Where FORCE_COLOR is set, rich takes anything for a terminal.
    """
    return console.file.isatty() and not console.is_dumb_terminal


class StatusLine:
    """A sink that keeps a line at the bottom of ``console`` until the answer is there.

    It shows nothing where the output is no terminal that can redraw a line. While it is shown,
    other things are printed through ``console``; :meth:`hide` it before anything is asked.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._able = redraws(console)
        self._spending = Spending()
        self._doing: dict[str, str] = {}
        self._written: dict[str, int] = {}
        self._turn = 0
        self._offset = 0.0
        self._live: Live | None = None

    def __call__(self, event: ev.Event) -> None:
        """Take note of ``event``, and of what is done next."""
        self._spending(event)
        self._offset = time.monotonic() - event.at
        place = event.session
        match event:
            case ev.ModelCalled():
                self._turn = self._turn if place else event.turn
                self._doing[place], self._written[place] = _WAITING, 0
                self._show()
            case ev.ReplyDelta():
                self._written[place] = self._written.get(place, 0) + len(event.text)
                self._doing[place] = f"writing {self._written[place]}"
            case ev.CellStarted():
                self._doing[place] = _RUNNING
            case ev.ToolCalled():
                self._doing[place] = event.tool
            case ev.SessionEnded() if place:
                self._doing.pop(place, None)
            case ev.Answered() if place:
                pass
            case ev.Answered() | ev.SessionEnded():
                self.hide()
            case _:
                pass

    def skip(self, event: ev.Event) -> None:
        """Count ``event``, and nothing else."""
        self._spending(event)

    def hide(self) -> None:
        """Take the line away; it comes back when a model is called."""
        self._doing.clear()
        live, self._live = self._live, None  # the thread of the run and the person's may both
        if live is not None:
            live.stop()

    def words(self, at: float) -> str:
        """What the line says ``at`` seconds into the run, in at most ``WIDTH`` - 2 columns."""
        seconds = self._spending.elapsed(at)
        elapsed = f"{seconds:.0f} s" if seconds < 100 else format_time(seconds, 0)
        taken = [elapsed, self._spending.cost(), self._spending.share(at)]
        behind = " · ".join(filter(None, taken))
        room = WIDTH - 2 - len(behind) - 3
        doing = self._phase()
        if len(doing) > room:
            doing = doing[: room - 1] + "…"
        return f"{doing} · {behind}"

    def _phase(self) -> str:
        below = {place: doing for place, doing in self._doing.items() if place}
        if not below:
            return " · ".join((f"turn {self._turn}", *self._doing.values()))
        if len(below) == 1:
            place, doing = next(iter(below.items()))
            return f"sub {place} · {doing}"
        waiting = sum(doing == _WAITING for doing in below.values())
        return f"{len(below)} subs, {waiting} asking"

    def _show(self) -> None:
        if self._live is not None or not self._able:
            return
        from rich.live import Live

        self._live = Live(
            console=self._console, get_renderable=self._line, transient=True,
            refresh_per_second=_PER_SECOND, redirect_stdout=False,
        )  # fmt: skip
        self._live.start()

    def _line(self) -> Text:
        from rich.text import Text

        now = time.monotonic()
        spinner = _SPINNER[int(now * _PER_SECOND) % len(_SPINNER)]
        line = Text(f"{spinner} ", style="cyan", no_wrap=True, overflow="ellipsis")
        return line.append(self.words(now - self._offset), style="dim")
