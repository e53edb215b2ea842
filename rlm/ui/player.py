"""A saved run in the whole terminal, a turn at a time: stepped through, or played."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from prompt_toolkit.application import Application
from prompt_toolkit.filters import Condition, Filter, has_focus
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.widgets import TextArea

from rlm.ui.pages import Printed
from rlm.ui.pictures import cut

LONGEST = 3.0
"""Seconds that a recorded pause is played for at most."""

_HELP = """\
  n, →        next turn               p, ←        previous turn
  space       next turn, or play and pause where it plays
  g, G        first, last             ↓ ↑ j k     a line down, up
  PgDn PgUp   a screen down, up
  /           search; then n and N for the next and the one before,
              Esc to be done with it
  ?           this help               q           quit
"""


@dataclass
class _Search:
    words: str
    page: int
    line: int


class Player:
    """Shows ``printed`` from page ``start`` on until the user quits.

    With a ``speed`` it plays: what happened appears after the recorded pauses divided by it, none
    longer than ``LONGEST`` seconds. Without one, each turn waits for a key.
    """

    def __init__(
        self,
        printed: Printed,
        *,
        start: int = 0,
        speed: float | None = None,
        depth: ColorDepth = ColorDepth.DEPTH_24_BIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._printed = printed
        self._speed = speed
        self._playing = speed is not None
        self._clock = clock
        self._depth = depth
        self._page, self._scroll, self._help = start, 0, False
        self._shown: int | None = 1 if speed is not None else None
        self._since = clock()
        self._search: _Search | None = None
        self._missed = ""
        self._size = (80, 24)
        control = FormattedTextControl(self._text, focusable=True, show_cursor=False)
        self._body = Window(control)
        self._field = TextArea(
            height=1, prompt="/", multiline=False, accept_handler=lambda buffer: self._find()
        )

    def run(self, source: Input | None = None, output: Output | None = None) -> None:
        """Take over the terminal until the user quits."""
        searching = has_focus(self._field)
        app: Application[None] = Application(
            layout=Layout(
                HSplit(
                    [
                        self._body,
                        ConditionalContainer(self._field, Condition(lambda: self._searching)),
                        Window(FormattedTextControl(self._bar), height=1, style="reverse"),
                    ]
                )
            ),
            key_bindings=self._keys(~searching, searching),
            full_screen=True,
            color_depth=self._depth,
            refresh_interval=0.1 if self._speed is not None else None,
            input=source,
            output=output,
        )  # fmt: skip
        self._app = app
        app.run()

    # ---- what is seen

    def _text(self) -> StyleAndTextTuples:
        size = self._app.output.get_size()
        width, height = size.columns, max(1, size.rows - 1 - self._searching)
        self._size = width, height
        if self._help:
            return [("", "\n" + _HELP)]
        self._play()
        lines = self._printed.lines(self._page, width, self._shown)
        last = max(0, len(lines) - height)
        self._scroll = last if self._shown is not None else max(0, min(self._scroll, last))
        parts: StyleAndTextTuples = []
        for number, line in enumerate(lines[self._scroll : self._scroll + height], self._scroll):
            fragments = to_formatted_text(ANSI(line))
            parts += self._marked(fragments, number)
            parts.append(("", "\n"))
        return parts[:-1]

    def _marked(self, fragments: StyleAndTextTuples, number: int) -> StyleAndTextTuples:
        """A line with what was searched for marked; a fragment is one character."""
        if self._search is None:
            return fragments
        text = "".join(part[1] for part in fragments).lower()
        words, place = self._search.words, -1
        here = (self._page, number) == (self._search.page, self._search.line)
        style = "reverse bold" if here else "reverse"
        while (place := text.find(words, place + 1)) >= 0:
            for at in range(place, place + len(words)):
                fragments[at] = (f"{fragments[at][0]} {style}", fragments[at][1])
        return fragments

    def _bar(self) -> StyleAndTextTuples:
        width = self._app.output.get_size().columns
        page = self._printed.pages[self._page]
        parts = [f"{self._page + 1}/{len(self._printed.pages)} {page.title}"]
        if self._missed:
            parts = [self._missed]
        elif self._search is not None:
            parts.append(f"/{self._search.words}: n next, N before, Esc ends")
        else:
            if self._speed is not None:
                parts.append(f"▶ ×{self._speed:g}" if self._playing else "paused")
            parts += ["? help", self._printed.spent[self._page]]
        return [("", cut(f" {' · '.join(parts)}", width - 1).ljust(width))]

    # ---- playing

    def _play(self) -> None:
        """Let appear what is due by now."""
        if not self._playing or self._speed is None:
            return
        while (pause := self._pause()) is not None and self._clock() - self._since >= pause:
            self._since += pause
            shown = self._shown or 0
            if self._shown is None or shown >= len(self._printed.pages[self._page].events):
                self._page, self._shown = self._page + 1, 1
            else:
                self._shown = shown + 1
        if pause is None:
            self._playing, self._shown = False, None

    def _pause(self) -> float | None:
        """Seconds until the next event appears; ``None`` after the last."""
        assert self._speed is not None
        pages = self._printed.pages
        events = pages[self._page].events
        shown = len(events) if self._shown is None else self._shown
        if shown < len(events):
            following = events[shown]
        elif self._page + 1 < len(pages):
            following = pages[self._page + 1].events[0]
        else:
            return None
        recorded = following.at - events[shown - 1].at
        return min(LONGEST, max(0.0, recorded) / self._speed)

    # ---- keys

    @property
    def _searching(self) -> bool:
        return self._app.layout.has_focus(self._field)

    def _go(self, page: int, scroll: int = 0) -> None:
        last = len(self._printed.pages) - 1
        if page > last and self._shown is None:
            return
        self._page, self._scroll = max(0, min(page, last)), scroll
        self._shown, self._since = None, self._clock()

    def _toggle(self) -> None:
        if self._speed is None:
            self._go(self._page + 1)
            return
        self._playing = not self._playing
        self._since = self._clock()
        if self._playing and self._pause() is None:  # at the end: from the beginning
            self._page, self._shown = 0, 1

    def _scroll_by(self, lines: int) -> None:
        self._playing = False
        self._shown = None
        self._scroll += lines

    def _ask(self) -> None:
        self._field.buffer.reset()
        self._app.layout.focus(self._field)

    def _find(self) -> bool:
        words = self._field.text.strip().lower()
        self._app.layout.focus(self._body)
        self._search = None
        if words:
            self._playing = False
            self._step(_Search(words, self._page, self._scroll - 1), 1)
        return False

    def _step(self, search: _Search, way: int) -> None:
        """Go to the next line that has the words, around the end and back to the beginning."""
        pages, width = len(self._printed.pages), self._size[0]
        for offset in range(pages + 1):
            number = (search.page + way * offset) % pages
            lines = self._printed.plain(number, width)
            found = [k for k, line in enumerate(lines) if search.words in line.lower()]
            if offset == 0:
                found = [k for k in found if way * (k - search.line) > 0]
            if found:
                line = found[0] if way > 0 else found[-1]
                self._search = _Search(search.words, number, line)
                self._go(number, max(0, line - self._size[1] // 2))
                return
        self._missed = f"nowhere: {search.words}"

    def _keys(self, paging: Filter, searching: Filter) -> KeyBindings:
        keys = KeyBindings()

        def on(*names: str) -> Callable[[Callable[[], object]], None]:
            def bind(act: Callable[[], object]) -> None:
                def handle(event: KeyPressEvent) -> None:
                    self._missed = ""
                    self._help = False
                    act()

                for name in names:
                    keys.add(name, filter=paging)(handle)

            return bind

        on("right", "enter")(lambda: self._go(self._page + 1))
        on("left", "p", "backspace")(lambda: self._go(self._page - 1))
        on("space")(self._toggle)
        on("g", "home")(lambda: self._go(0))
        on("G", "end")(lambda: self._go(len(self._printed.pages) - 1))
        on("down", "j")(lambda: self._scroll_by(1))
        on("up", "k")(lambda: self._scroll_by(-1))
        on("pagedown", "d")(lambda: self._scroll_by(self._size[1] - 2))
        on("pageup", "u")(lambda: self._scroll_by(2 - self._size[1]))
        on("q", "c-c", "c-d")(lambda: self._app.exit())
        on("/")(self._ask)
        on("n")(lambda: self._step(self._search, 1) if self._search else self._go(self._page + 1))
        on("N")(lambda: self._step(self._search, -1) if self._search else None)
        on("escape")(lambda: setattr(self, "_search", None))

        @keys.add("?", filter=paging)
        def _(event: KeyPressEvent) -> None:
            self._help = not self._help

        @keys.add("escape", filter=searching)
        @keys.add("c-c", filter=searching)
        def _(event: KeyPressEvent) -> None:
            self._app.layout.focus(self._body)

        return keys
