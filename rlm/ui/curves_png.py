"""Curves over the time of a video as a picture, one panel below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlm.spans import Span, format_time
from rlm.ui.curves import Curve, peaks, time_ticks, value_ticks

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH, PANEL = 1280, 300
"""Pixels of the picture, and the height of a panel."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 54, 34  # margins of a panel
_FINE = 2  # drawn so many times as large, for smooth lines
_PAPER, _INK, _FAINT, _GRID = (255, 255, 255), (34, 38, 46), (120, 126, 138), (232, 234, 238)
_CUT, _BAND = (196, 202, 214), (255, 243, 205)
_COLOURS = ((31, 90, 200), (200, 60, 40), (30, 140, 70), (150, 80, 180))
_FEW = 80  # points that are marked by dots


def as_picture(title: str, curves: Sequence[Curve], span: Span, cuts: Sequence[float]) -> Image:
    """An RGB picture of ``curves`` over ``span``, with thin lines at the ``cuts`` between shots."""
    from PIL import Image, ImageDraw

    head = 40
    size = WIDTH * _FINE, (head + PANEL * len(curves)) * _FINE
    image = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(image)
    _write(draw, _LEFT, 14, title, 18, _INK)
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        _Panel(draw, curve, span, head + PANEL * number).draw(cuts, colour)
    small = WIDTH, head + PANEL * len(curves)
    return image.resize(small, Image.Resampling.LANCZOS)


class _Panel:
    """Draws one curve; ``top`` is where its panel begins, in pixels of the finished picture."""

    def __init__(self, draw: ImageDraw, curve: Curve, span: Span, top: int) -> None:
        self._draw, self._curve, self._span = draw, curve, span
        self._left, self._right = _LEFT, WIDTH - _RIGHT
        self._upper, self._lower = top + _TOP, top + PANEL - _BOTTOM
        low, high = curve.limits()
        room = 0.06 * (high - low)
        self._low, self._high = low - room, high + 2 * room

    def draw(self, cuts: Sequence[float], colour: tuple[int, int, int]) -> None:
        """The panel, from the back to the front."""
        curve = self._curve
        if curve.marked is not None:
            left, right = self._x(curve.marked.start), self._x(curve.marked.end)
            self._box((left, self._upper, right, self._lower), _BAND)
        for value, name in value_ticks(curve, 5):
            y = self._y(value)
            self._line([(self._left, y), (self._right, y)], _GRID, 1)
            _write(self._draw, self._left - 8, y, name, 13, _FAINT, "rm")
        for time in cuts:
            if self._span.start < time < self._span.end:
                x = self._x(time)
                self._line([(x, self._upper), (x, self._lower)], _CUT, 0.5)
        for time, name in time_ticks(self._span, 12):
            x = self._x(time)
            self._line([(x, self._lower), (x, self._lower + 5)], _FAINT, 1)
            _write(self._draw, x, self._lower + 8, name, 13, _FAINT, "ma")
        base = [(self._left, self._upper), (self._left, self._lower), (self._right, self._lower)]
        self._line(base, _FAINT, 1)
        points = [
            (self._x(time), self._y(value))
            for time, value in zip(curve.times.tolist(), curve.values.tolist(), strict=True)
        ]
        self._line(points, colour, 1.5)
        for x, y in points if len(points) <= _FEW else ():
            self._dot(x, y, 2.2, colour)
        self._peaks(points, colour)
        _write(self._draw, self._left, self._upper - 30, curve.title, 15, colour)
        _write(self._draw, self._right, self._upper - 30, curve.unit, 13, _FAINT, "ra")

    def _peaks(self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
        taken: list[tuple[float, float]] = []
        for place in peaks(self._curve, self._span):
            x, y = points[place]
            name = format_time(float(self._curve.times[place]))
            half = _font(12).getlength(name) / 2 / _FINE + 4
            middle = min(max(x, self._left + half), self._right - half)
            self._dot(x, y, 3.5, colour)
            if all(abs(middle - other) > half + width for other, width in taken):
                taken.append((middle, half))
                _write(self._draw, middle, y - 7, name, 12, _INK, "ms")

    def _x(self, time: float) -> float:
        share = (time - self._span.start) / self._span.duration
        return self._left + share * (self._right - self._left)

    def _y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._lower - share * (self._lower - self._upper)

    def _line(
        self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], width: float
    ) -> None:
        fine = [(x * _FINE, y * _FINE) for x, y in points]
        self._draw.line(fine, fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def _dot(self, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
        box = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(tuple(each * _FINE for each in box), fill=colour)

    def _box(self, box: tuple[float, float, float, float], colour: tuple[int, int, int]) -> None:
        self._draw.rectangle(tuple(each * _FINE for each in box), fill=colour)


def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.load_default(size * _FINE)  # type: ignore[return-value]


def _write(
    draw: ImageDraw,
    x: float,
    y: float,
    text: str,
    size: int,
    colour: tuple[int, int, int],
    anchor: str = "la",
) -> None:
    draw.text((x * _FINE, y * _FINE), text, fill=colour, font=_font(size), anchor=anchor)
