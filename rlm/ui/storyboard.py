"""The scenes of a video as pictures with their times and words: a storyboard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlm.spans import Span
from rlm.ui.pictures import GAP, Drawn, Pictures, across_for, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

    from rlm.ui.pictures import Picture

ROWS = 8
"""Lines of a terminal that a picture takes at most."""

_CELL, _MARGIN, _SPACE = 264, 24, 16  # pixels: of a picture's width, around all, between
_LINE, _WORDS = 19, 3  # pixels a line of words takes; lines of words a scene
_PAPER, _INK, _FAINT = (18, 20, 24), (240, 240, 240), (150, 156, 168)


@dataclass(frozen=True, eq=False)
class Panel:
    """A scene: its number, from 1, when it is, a picture of it and what is said in it."""

    number: int
    span: Span
    picture: Picture
    words: str = ""

    @property
    def title(self) -> str:
        """Number and time."""
        return f"{self.number}  {self.span}"


def in_terminal(panels: Sequence[Panel], pictures: Pictures, width: int) -> list[Drawn]:
    """A grid of ``panels`` that fits in ``width`` columns, row by row."""
    across, columns = across_for(width)
    columns = min(columns, (width + GAP) // across - GAP)
    return [
        pictures.row(
            [(each.picture, f"{each.title}\n{each.words}") for each in panels[n : n + across]],
            columns,
            ROWS,
        )
        for n in range(0, len(panels), across)
    ]


def as_picture(title: str, panels: Sequence[Panel]) -> Image:
    """An RGB picture of all ``panels``, in as many columns as make it about as wide as high."""
    from PIL import Image, ImageDraw

    opened = [open_picture(each.picture) for each in panels]
    height = max(1, round(_CELL * max(one.height / one.width for one in opened)))
    height = min(height, _CELL)
    lines = [_wrapped(each.words, _CELL) for each in panels]
    cell = height + _LINE * (1 + max(map(len, lines))) + 8 + _SPACE
    across = max(1, min(len(panels), 6, round(math.sqrt(len(panels) * cell / _CELL * 1.4))))
    rows = math.ceil(len(panels) / across)
    size = (
        2 * _MARGIN + across * _CELL + (across - 1) * _SPACE,
        2 * _MARGIN + 34 + rows * cell - _SPACE,
    )
    board = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(board)
    draw.text((_MARGIN, _MARGIN), title, fill=_INK, font=_font(18))
    for place, (panel, picture, words) in enumerate(zip(panels, opened, lines, strict=True)):
        x = _MARGIN + place % across * (_CELL + _SPACE)
        y = _MARGIN + 34 + place // across * cell
        scale = min(_CELL / picture.width, height / picture.height)
        inside = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        board.paste(picture.resize(inside, Image.Resampling.LANCZOS), (x, y))
        below = y + height + 6
        draw.text((x, below), panel.title, fill=_INK, font=_font(14))
        for number, line in enumerate(words, start=1):
            draw.text((x, below + number * _LINE), line, fill=_FAINT, font=_font(13))
    return board


def _wrapped(words: str, width: int) -> list[str]:
    """The first lines of ``words`` that fit in ``width`` pixels, the last one marked if cut."""
    font = _font(13)
    lines: list[str] = []
    for word in words.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        elif len(lines) < _WORDS:
            lines.append(word)
        else:
            lines[-1] += " …"
            break
    return [_fitting(line, font, width) for line in lines]


def _fitting(line: str, font: FreeTypeFont, width: int) -> str:
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line}…"


def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)  # type: ignore[return-value]
