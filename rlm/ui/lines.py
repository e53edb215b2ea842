"""How lines stand in the terminal: indented, behind a gutter, and hanging where they are broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text


@dataclass(frozen=True)
class Indented:
    """``inner`` with ``gutter`` and ``indent`` blanks before each of its lines, no blanks behind.

    Blanks that do not show would become lines of their own when a terminal is made narrower.
    """

    inner: RenderableType
    gutter: str
    indent: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.style import Style

        gutter, dim = self.gutter, Style(dim=True)
        width = max(1, options.max_width - cell_len(self.gutter) - self.indent)
        for line in console.render_lines(self.inner, options.update(width=width), pad=False):
            while line and not line[-1].control and not line[-1].text.strip():
                line.pop()
            if line and not line[-1].control:
                line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
            yield Segment(gutter if line else gutter.rstrip(), dim)
            yield Segment(" " * self.indent if line else "")
            yield from line
            yield Segment.line()


@dataclass(frozen=True)
class Hanging:
    """Lines of code or of its output: what of one is broken stands below where that line begins.

    Python says by its blanks what belongs to what, and this keeps it readable.
    """

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.text.split("\n", allow_blank=True):
            line.expand_tabs(8)
            yield from self._broken(line, console, options.max_width)

    @staticmethod
    def _broken(line: Text, console: Console, width: int) -> Iterator[Text]:
        if line.cell_len <= width:
            yield line
            return
        begin = len(line.plain) - len(line.plain.lstrip())
        blanks = min(begin, width // 2)  # what is nested deeper still has room
        for part in line[begin:].wrap(console, width - blanks):
            part.pad_left(blanks)
            yield part
