"""Plots as SVG that takes its colours from the page around it.

Each is about as wide as a phone and grows with the page. The words are the page's own, so they can
be selected and searched; what a plot shows stands in its title and its description, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from rlm.ui.console import clean

WIDTH, HEIGHT = 420, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 44
ROW = 24
"""Height of a row of :func:`rows`."""
BARS = 24
SERIES = 6
"""Colours there are; further series take them again."""
_LABEL = 150
_LEAST = 1e-9
_WIDE = frozenset("mwMWABCDEFGHKNOPQRUVXYZ@%")


@dataclass(frozen=True)
class Mark:
    """A point at ``x``, ``y`` with its interval from ``low`` to ``high``; ``told`` says it all."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    label: str = ""
    told: str = ""


@dataclass(frozen=True)
class Series:
    """Points that belong together, in order; ``joined`` by a line."""

    name: str
    marks: Sequence[Mark]
    joined: bool = True


@dataclass
class _Axis:
    """From values to pixels, with the values that are written."""

    low: float
    high: float
    start: float
    end: float
    curve: Callable[[float], float] = lambda value: value
    ticks: Sequence[float] = field(default_factory=tuple)

    def __call__(self, value: float) -> float:
        low, high = self.curve(self.low), self.curve(self.high)
        share = (self.curve(min(max(value, self.low), self.high)) - low) / (high - low or 1.0)
        return round(self.start + share * (self.end - self.start), 1)


def rows(title: str, label: str, series: Sequence[Series]) -> str:
    """Shares from 0 to 1 with their intervals, one row for each label; series beside each other.

    ``x`` of a mark is its row, counted from 0.
    """
    labels: dict[int, str] = {}
    for one in series:
        labels |= {round(mark.x): mark.label for mark in one.marks}
    height = ROW * max(1, len(series) * 0.6)
    x = _Axis(0, 1, _LABEL + 12, WIDTH - RIGHT, ticks=(0, 0.25, 0.5, 0.75, 1))
    bottom = TOP + height * len(labels)
    parts = [_across(x, TOP, bottom, label)]
    for place, (row, words) in enumerate(sorted(labels.items())):
        middle = TOP + height * (place + 0.5)
        parts.append(_text(_LABEL, middle + 4, _shortened(words), "end", title=words))
        for number, one in enumerate(series):
            y = round(middle + (number - (len(series) - 1) / 2) * min(11, height / len(series)), 1)
            for mark in one.marks:
                if round(mark.x) == row:
                    parts.append(_horizontal(x, y, mark, number))
    return _svg(title, _described(series), bottom + BOTTOM, parts)


def curve(
    title: str,
    across: str,
    up: str,
    series: Sequence[Series],
    *,
    diagonal: bool = False,
) -> str:
    """Shares from 0 to 1 against a quantity, with intervals.

    The axis is linear up to 1 and logarithmic above 20. With ``diagonal`` it is from 0 to 1 as
    well, and what is as large as it should be lies on the line.
    """
    most = max((mark.x for one in series for mark in one.marks), default=1.0)
    if diagonal:
        x = _Axis(0, 1, LEFT, WIDTH - RIGHT, ticks=(0, 0.25, 0.5, 0.75, 1))
    elif most > 20:
        ticks = [
            float(n) for n in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if n <= most
        ]
        x = _Axis(0, most, LEFT + 6, WIDTH - RIGHT - 6, math.log1p, ticks)
    else:
        ticks = _round_numbers(max(most, 1.0))
        x = _Axis(0, ticks[-1], LEFT + 6, WIDTH - RIGHT - 6, ticks=ticks)
    bottom = HEIGHT - BOTTOM
    y = _Axis(0, 1, bottom, TOP, ticks=(0, 0.25, 0.5, 0.75, 1))
    parts = [_across(x, TOP, bottom, across), _upward(y, up)]
    if diagonal:
        parts.append(_line(x(0), y(0), x(1), y(1), "ideal"))
    for number, one in enumerate(series):
        points = " ".join(f"{x(mark.x)},{y(mark.y)}" for mark in one.marks)
        if one.joined and len(one.marks) > 1:
            parts.append(f'<polyline class="joined s{number % SERIES}" points="{points}"/>')
        for mark in one.marks:
            parts.append(_vertical(x, y, mark, number))
    parts += _labels(x, y, [mark for one in series for mark in one.marks if mark.label])
    return _svg(title, _described(series), HEIGHT, parts)


def histogram(
    title: str, across: str, up: str, values: Sequence[float], unit: Callable[[float], str]
) -> str:
    """How many of ``values``, all 0 or more, are about as large; ``unit`` says one in words."""
    most = max(values, default=0.0)
    most = most if most > _LEAST else 1.0
    ticks = _round_numbers(most)
    high = ticks[-1]
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int(value / high * BARS))] += 1
    x = _Axis(0, high, LEFT, WIDTH - RIGHT, ticks=ticks)
    bottom, numbers = HEIGHT - BOTTOM, _round_numbers(max(*counts, 2))
    y = _Axis(0, numbers[-1], bottom, TOP, ticks=numbers)
    parts = [_across(x, TOP, bottom, across), _upward(y, up)]
    for place, number in enumerate(counts):
        if number:
            low, end = x(place * high / BARS), x((place + 1) * high / BARS)
            told = f"{unit(place * high / BARS)} to {unit((place + 1) * high / BARS)}: {number}"
            parts.append(
                f'<rect class="bar-of s0" x="{low + 0.5:.1f}" y="{y(number)}" '
                f'width="{max(1.0, end - low - 1):.1f}" height="{bottom - y(number):.1f}">'
                f"{_title(told)}</rect>"
            )
    middle = sorted(values)[len(values) // 2] if values else 0.0
    told = f"{len(values)} values, half of them up to {unit(middle)}, the highest {unit(most)}."
    return _svg(title, told, HEIGHT, parts)


# ----


def _svg(title: str, told: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(clean(title))}. {escape(clean(told))}">{"".join(parts)}</svg>'
    )


def _described(series: Sequence[Series]) -> str:
    named = len(series) > 1
    return " ".join(
        (f"{one.name}: " if named else "") + "; ".join(mark.told for mark in one.marks) + "."
        for one in series
    )


def _across(x: _Axis, top: float, bottom: float, label: str) -> str:
    ticks = "".join(
        _line(x(tick), top, x(tick), bottom, "grid")
        + _text(x(tick), bottom + 15, f"{tick:g}", "middle")
        for tick in x.ticks
    )
    middle = (x.start + x.end) / 2
    return f'{ticks}<g class="of-axis">{_text(middle, bottom + 34, label, "middle")}</g>'


def _upward(y: _Axis, label: str) -> str:
    ticks = "".join(
        _line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid")
        + _text(LEFT - 7, y(tick) + 4, f"{tick:g}", "end")
        for tick in y.ticks
    )
    middle = (y.start + y.end) / 2
    turned = f'<g class="of-axis" transform="translate(11 {middle:.1f}) rotate(-90)">'
    return f"{ticks}{turned}{_text(0, 0, label, 'middle')}</g>"


def _horizontal(x: _Axis, y: float, mark: Mark, number: int) -> str:
    known = mark.low is not None and mark.high is not None
    reach = _line(x(mark.low or 0), y, x(mark.high or 0), y, "reach") if known else ""
    return _mark(f'{reach}<circle cx="{x(mark.y)}" cy="{y}" r="4"/>', mark, number)


def _vertical(x: _Axis, y: _Axis, mark: Mark, number: int) -> str:
    known, across = mark.low is not None and mark.high is not None, x(mark.x)
    reach = _line(across, y(mark.low or 0), across, y(mark.high or 0), "reach") if known else ""
    return _mark(f'{reach}<circle cx="{across}" cy="{y(mark.y)}" r="4"/>', mark, number)


def _labels(x: _Axis, y: _Axis, marks: Sequence[Mark]) -> Iterator[str]:
    """Beside their marks, none over another that is on the same side of the plot."""
    last = {True: float("-inf"), False: float("-inf")}
    for mark in sorted(marks, key=lambda mark: -mark.y):
        across = x(mark.x)
        left = across > (LEFT + WIDTH) / 2
        last[left] = down = max(y(mark.y) + 4, last[left] + 13)
        yield _text(across + (-9 if left else 9), down, mark.label, "end" if left else "start")


def _mark(drawn: str, mark: Mark, number: int) -> str:
    return f'<g class="mark s{number % SERIES}">{_title(mark.told)}{drawn}</g>'


def _title(words: str) -> str:
    return f"<title>{escape(clean(words))}</title>"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, title: str = "") -> str:
    told = _title(title) if title else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{told}{escape(clean(words))}</text>'
    )


def _shortened(words: str) -> str:
    """As much as has room beside the rows, by about how wide letters are."""
    room = _LABEL / 6.1
    for place, letter in enumerate(words):
        room -= 1.3 if letter in _WIDE else 1.9 if ord(letter) > 0x2E80 else 1.0
        if room < 0:
            return f"{words[: place - 1].rstrip()}…"
    return words


def _round_numbers(most: float) -> list[float]:
    """0 and up to about five round numbers, the last of them at ``most`` or just above."""
    step = 10.0 ** math.floor(math.log10(most / 2.5))
    step *= next(factor for factor in (1, 2, 5, 10) if most / (step * factor) <= 5)
    return [float(f"{number * step:.9g}") for number in range(math.ceil(most / step - 1e-9) + 1)]
