"""A curve as a picture, for a reader who sees pictures better than columns of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["plot"]

_WIDTH, _HEIGHT = 640, 360
_LEFT, _TOP, _RIGHT, _BOTTOM = 76, 30, 16, 30  # margins, in pixels
_COLOURS = ((31, 90, 200), (214, 39, 40), (30, 140, 50), (240, 130, 0), (130, 70, 180))
_TINY, _HUGE = 1e-100, 1e100
_SPARE = 0.04  # of the height, free above the highest point and below the lowest
_SCALE = 2  # pixels to a dot of the font
# A letter is 5 rows of 3 dots, one octal digit a row: the characters from " " to "_".
_FONT = (
    "00000 22202 55000 57575 36236 51245 25257 22000 12221 42224 05250 02720 00024 00700 00002 "
    "11244 75557 26227 71747 71717 55711 74717 74757 71122 75757 75717 02020 02024 12421 07070 "
    "42124 71302 75747 25755 65656 34443 65556 74647 74644 34553 55755 72227 11152 55655 44447 "
    "57755 65555 25552 65644 25563 65655 34216 72222 55557 55552 55775 55255 55222 71247 64446 "
    "44211 31113 25000 00007"
).split()


def plot(y: Any, x: Any = None, title: str = "") -> Array:
    """Draw a curve: uint8 (360, 640, 3), to look at with show().

    `y` holds N numbers, or (K, N) for up to 5 curves (blue, red, green, orange, violet); `x`, N
    numbers such as times, is 0, 1, ... by default. NaN or None leaves a gap.
    Example: show(plot(diff(frames).mean(axis=(1, 2, 3)), frames.times[1:], "change by second"))
    """
    curves = np.atleast_2d(_numbers(y, "y"))
    if curves.ndim != 2 or not 1 <= len(curves) <= len(_COLOURS) or not curves.shape[1]:
        raise ValueError(f"plot: y is N numbers, or (K, N) for at most 5 curves, not {np.shape(y)}")
    along = np.arange(curves.shape[1], dtype=np.float64) if x is None else _numbers(x, "x")
    if along.shape != curves.shape[1:]:
        raise ValueError(f"plot: x needs {curves.shape[1]} numbers, as y has, not {along.shape}")
    drawn = np.isfinite(curves) & np.isfinite(along)
    if not drawn.any():
        raise ValueError("plot: y and x hold no finite number")
    if max(abs(curves[drawn]).max(), abs(along[drawn.any(axis=0)]).max()) > _HUGE:
        raise ValueError(f"plot: numbers beyond {_HUGE:g} cannot be drawn")
    canvas = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    low_x, high_x = _limits(along[drawn.any(axis=0)])
    low_y, high_y = _limits(curves[drawn])
    low_y, high_y = low_y - _SPARE * (high_y - low_y), high_y + _SPARE * (high_y - low_y)

    def across(value: Any) -> Any:
        return _LEFT + (value - low_x) / (high_x - low_x) * (right - _LEFT)

    def up(value: Any) -> Any:
        return bottom - (value - low_y) / (high_y - low_y) * (bottom - _TOP)

    for value, text in ticks(low_y, high_y, 6):
        row = round(float(up(value)))
        canvas[row, _LEFT:right] = 225
        _write(canvas, max(0, _LEFT - 8 - _length(text)), row - 5, text)
    for value, text in ticks(low_x, high_x, 8):
        column = round(float(across(value)))
        canvas[_TOP:bottom, column] = 225
        half = _length(text) // 2
        _write(canvas, min(column - half, _WIDTH - 2 * half - 2), bottom + 10, text)
    canvas[_TOP : bottom + 1, _LEFT] = canvas[bottom, _LEFT:right] = 90
    for number, curve in enumerate(curves):
        _draw(canvas, across(along), up(curve), drawn[number], _COLOURS[number])
    _write(canvas, _LEFT, 9, str(title)[: (right - _LEFT) // (4 * _SCALE)])
    return canvas


def _numbers(values: Any, name: str) -> Array:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"plot: {name} holds numbers, in rows of one length") from None


def _limits(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    # A flat curve, or one that is flat but for rounding, runs through the middle.
    if high - low <= 1e-9 * max(abs(low), abs(high)) + _TINY:
        spare = abs(low) / 2 or 0.5
        return low - spare, high + spare
    return low, high


def ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round numbers from low to high, 1, 2 or 5 times a power of ten apart, and their text."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    digits = 6
    while digits < 12 and len({f"{v:.{digits}g}" for v in values}) < len(values):
        digits += 1
    return [(float(value), f"{value + 0.0:.{digits}g}") for value in values]


def _draw(canvas: Array, x: Array, y: Array, drawn: Array, colour: tuple[int, int, int]) -> None:
    """A line of two pixels through the points, with a dot on each where they are few."""
    ends = np.flatnonzero(drawn[:-1] & drawn[1:])
    x_step, y_step = x[ends + 1] - x[ends], y[ends + 1] - y[ends]
    dots = np.ceil(np.maximum(abs(x_step), abs(y_step))).astype(np.intp) + 1
    segment = np.repeat(np.arange(len(ends)), dots)
    offset = np.arange(len(segment)) - np.repeat(np.cumsum(dots) - dots, dots)
    part = offset / dots[segment]
    columns = x[ends][segment] + part * x_step[segment]
    rows = y[ends][segment] + part * y_step[segment]
    marks, size = np.flatnonzero(drawn), 2 if drawn.sum() <= 40 else 1
    for dx in range(-size, size + 1):
        for dy in range(-size, size + 1):
            _paint(canvas, x[marks] + dx, y[marks] + dy, colour)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        _paint(canvas, columns + dx, rows + dy, colour)


def _paint(canvas: Array, x: Array, y: Array, colour: tuple[int, int, int]) -> None:
    columns = np.clip(np.rint(x).astype(np.intp), 0, _WIDTH - 1)
    rows = np.clip(np.rint(y).astype(np.intp), 0, _HEIGHT - 1)
    canvas[rows, columns] = colour


def _length(text: str) -> int:
    return 4 * _SCALE * len(text) - _SCALE


def _write(canvas: Array, x: int, y: int, text: str) -> None:
    """Text in capitals with its upper left corner at (x, y); what has no letter is "?"."""
    for number, letter in enumerate(text.upper()):
        place = ord(letter) - 32
        glyph = _FONT[place if place < len(_FONT) else ord("?") - 32]
        rows = [[int(digit) >> bit & 1 for bit in (2, 1, 0)] for digit in glyph]
        dots = np.kron(np.array(rows, np.bool_), np.ones((_SCALE, _SCALE), np.bool_))
        left = x + number * 4 * _SCALE
        canvas[y : y + 5 * _SCALE, left : left + 3 * _SCALE][dots] = 30
