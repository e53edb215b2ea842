"""Curves over the time of a video, and what is read off them: peaks, ticks, text for a terminal.

As a picture they are drawn in ``curves_png``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span, format_time
from rlm.tools.pixels.plotting import ticks
from rlm.ui.pictures import cut

if TYPE_CHECKING:
    from rich.text import Text

MAX_PEAKS = 5
ROWS = 8
"""Lines of a terminal that a curve takes, without its axis."""

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_LABEL = 8  # columns left of a curve, for its values
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a braille character


@dataclass(frozen=True, eq=False)
class Curve:
    """``values`` float64[N] at ``times`` float64[N], rising, in seconds.

    ``unit`` says what the values are; ``marked`` is a span it is about, if any.
    """

    title: str
    unit: str
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    marked: Span | None = None

    def limits(self) -> tuple[float, float]:
        """The lowest and highest value, with room where they are one."""
        low, high = float(self.values.min()), float(self.values.max())
        return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


def peaks(curve: Curve, span: Span, most: int = MAX_PEAKS) -> list[int]:
    """Where ``curve`` has its highest peaks, by place, highest first.

    A peak is higher than its neighbours and stands out from what is around it by a tenth of the
    range; two of them lie a twentieth of ``span`` apart or more.
    """
    from scipy.signal import find_peaks

    low, high = float(curve.values.min()), float(curve.values.max())
    padded = np.concatenate([[low], curve.values, [low]])  # an end may be a peak as well
    found = find_peaks(padded, prominence=max(0.1 * (high - low), 1e-9))[0] - 1
    chosen: list[int] = []
    for place in sorted(found.tolist(), key=lambda place: -curve.values[place]):
        apart = [abs(curve.times[place] - curve.times[other]) for other in chosen]
        if all(distance >= span.duration / 20 for distance in apart):
            chosen.append(place)
    return chosen[:most]


def time_ticks(span: Span, most: int) -> list[tuple[float, str]]:
    """Round times in ``span``, at most about ``most`` of them, and how they are written."""
    step = next((s for s in _STEPS if span.duration / s <= most), _STEPS[-1])
    first = math.ceil(span.start / step - 1e-9)
    last = math.floor(span.end / step + 1e-9)
    digits = 0 if step >= 1 else 1
    return [(n * step, format_time(n * step, digits)) for n in range(first, last + 1)]


def value_ticks(curve: Curve, most: int) -> list[tuple[float, str]]:
    """Round values of a curve, and how they are written."""
    return ticks(*curve.limits(), most)


def as_text(curve: Curve, span: Span, cuts: Sequence[float], width: int) -> Iterator[Text]:
    """``curve`` over ``span`` in lines of ``width`` columns: title, curve, axis, highest peaks.

    Where shots begin, ``cuts``, is dotted where there is room.
    """
    from rich.text import Text

    inner = max(10, width - _LABEL - 1)
    yield Text(cut(f"{curve.title} ({curve.unit})", width), style="bold")
    cells = _braille(curve, span, inner)
    dotted = {_column(time, span, inner) for time in cuts}
    dotted = dotted if len(dotted) <= inner / 3 else set()
    low, high = curve.limits()
    labels = {0: high, ROWS // 2: (low + high) / 2, ROWS - 1: low}
    for row in range(ROWS):
        label = _short(labels[row], high - low) if row in labels else ""
        line = Text(f"{label:>{_LABEL}}", style="dim").append("┤" if label else "│", style="dim")
        for column in range(inner):
            if cells[row, column]:
                line.append(chr(0x2800 + int(cells[row, column])), style="cyan")
            else:
                line.append("┊" if column in dotted else " ", style="dim")
        line.rstrip()
        yield line
    axis, names = ["─"] * inner, [" "] * inner
    free = 0
    for time, name in time_ticks(span, max(2, inner // 9)):
        column = _column(time, span, inner)
        axis[column] = "┬"
        start = max(0, min(column - len(name) // 2, inner - len(name)))
        if start >= free:
            names[start : start + len(name)] = name
            free = start + len(name) + 1
    yield Text(" " * _LABEL + "└" + "".join(axis), style="dim")
    yield Text((" " * _LABEL + " " + "".join(names)).rstrip(), style="dim")
    highest = [
        f"{format_time(float(curve.times[place]))} {curve.values[place]:.3g}"
        for place in peaks(curve, span)
    ]
    if highest:
        yield Text(cut(f"highest: {' · '.join(highest)}", width), style="yellow")


def _short(value: float, beside: float) -> str:
    text = f"{value if abs(value) > 1e-6 * beside else 0:.3g}"
    return text if len(text) < _LABEL else f"{value:.1e}"


def _column(time: float, span: Span, columns: int) -> int:
    return min(columns - 1, max(0, int((time - span.start) / span.duration * columns)))


def _braille(curve: Curve, span: Span, columns: int) -> NDArray[np.int64]:
    """The dots of each cell int64[ROWS, columns]: every point of the curve leaves one."""
    across, down = 2 * columns, 4 * ROWS
    edges = np.linspace(span.start, span.end, 4 * across)
    edges = edges[(edges >= curve.times[0]) & (edges <= curve.times[-1])]
    times = np.union1d(edges, curve.times)
    low, high = curve.limits()
    heights = (high - np.interp(times, curve.times, curve.values)) / (high - low) * (down - 1)
    places = ((times - span.start) / span.duration * across).astype(np.intp).clip(0, across - 1)
    top, bottom = np.full(across, down), np.full(across, -1)
    np.minimum.at(top, places, np.rint(heights).astype(np.intp))
    np.maximum.at(bottom, places, np.rint(heights).astype(np.intp))
    cells = np.zeros((ROWS, columns), np.int64)
    for x in range(across):
        for y in range(top[x], bottom[x] + 1):
            cells[y // 4, x // 2] |= _DOTS[x % 2][y % 4]
    return cells
