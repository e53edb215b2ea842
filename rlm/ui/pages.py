"""A saved run as pages, one a turn, to be looked at one by one."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console

from rlm.agent import events as ev
from rlm.spans import format_time
from rlm.ui.console import ConsoleView, answer_lines, clean
from rlm.ui.pictures import Pictures
from rlm.ui.spending import Spending

_ESCAPE = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class Page:
    """What happened in one turn of one session; ``turn`` is 0 before the first."""

    session: str
    turn: int
    events: list[ev.Event] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The place of the page in the run."""
        where = f"sub {self.session}" if self.session else ""
        turn = f"turn {self.turn}" if self.turn else ""
        return ", ".join(filter(None, (where, turn))) or "question"


def pages_of(events: Sequence[ev.Event]) -> list[Page]:
    """The pages of a run, those of sub-sessions after the turn in which they were called for.

    What sub-sessions did side by side comes mixed; here each has its own pages.
    """
    pages: list[Page] = []
    now: dict[str, Page] = {}
    for event in events:
        place = event.session
        page = now.get(place)
        new = isinstance(event, ev.ModelReplied | ev.QuestionAsked | ev.SubSessionStarted)
        if page is None or new:
            turn = event.turn if isinstance(event, ev.ModelReplied) else 0
            page = now[place] = Page(place, turn)
            pages.append(page)
        page.events.append(event)
    return pages


class Printed:
    """Pages as lines of text with escape sequences, as wide as asked for.

    ``colours`` is as rich calls a colour system, ``None`` for none. ``media`` finds a picture by
    its hash, for ``pictures`` that are drawn as text.
    """

    def __init__(
        self,
        events: Sequence[ev.Event],
        *,
        colours: Literal["256", "truecolor"] | None,
        pictures: Pictures,
        media: Callable[[str], bytes],
    ) -> None:
        self.pages = pages_of(events)
        self._colours = colours
        self._pictures = pictures
        self._media = media
        self._ended = next(
            (e for e in events if isinstance(e, ev.SessionEnded) and not e.session), None
        )
        self.spent = list(_spent(self.pages))
        """What the run had taken by the end of each page: time, dollars, share of a limit."""
        self._known: dict[tuple[int, int, int], list[str]] = {}
        self._part: tuple[int, int, int] | None = None

    def lines(self, number: int, width: int, until: int | None = None) -> list[str]:
        """The lines of a page, or of its first ``until`` events."""
        page = self.pages[number]
        shown = len(page.events) if until is None else until
        key = number, width, shown
        if key not in self._known:
            if self._part is not None:  # of a page that is being played, the last part alone
                self._known.pop(self._part)
            self._part = key if shown < len(page.events) else None
            self._known[key] = self._print(page.events[:shown], width)
        return self._known[key]

    def plain(self, number: int, width: int) -> list[str]:
        """The lines of a page without their escape sequences."""
        return [_ESCAPE.sub("", line) for line in self.lines(number, width)]

    def _print(self, events: Sequence[ev.Event], width: int) -> list[str]:
        out = io.StringIO()
        console = Console(
            file=out, width=width, highlight=False, markup=False, force_terminal=True,
            color_system=self._colours, no_color=self._colours is None, legacy_windows=False,
        )  # fmt: skip
        view = ConsoleView(console, code_lines=None, pictures=self._pictures, media=self._media)
        for event in events:
            view(event)
            if event.session:
                continue
            if isinstance(event, ev.Answered):
                console.print(f"\nanswer: {clean(event.answer)}", style="bold")
                for line in answer_lines(event, self._ended):
                    console.print(clean(line))
            elif isinstance(event, ev.SessionEnded) and event.status == "no_answer":
                console.print(f"\nno answer: {clean(event.reason)}", style="bold")
        return out.getvalue().strip("\n").split("\n")


def _spent(pages: Sequence[Page]) -> Iterator[str]:
    spending = Spending()
    for page in pages:
        for event in page.events:
            spending(event)
        at = page.events[-1].at
        yield " · ".join(filter(None, (format_time(at, 0), spending.cost(), spending.share(at))))
