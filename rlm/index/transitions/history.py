"""What a stream of pictures has shown lately, as means over any interval of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRID = 8
CHANNELS = 3
CELLS = GRID * GRID * CHANNELS

Times = NDArray[np.float64]
Values = NDArray[np.float64]


def pool(picture: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Mean over a grid of cells: float32[grid, grid, 3] of a picture float32[32, 32, 3]."""
    side = picture.shape[0] // grid
    # Two sums over strided views are several times faster than a mean over two axes.
    rows = picture.reshape(grid, side, -1).sum(axis=1)
    cells = rows.reshape(grid, grid, side, CHANNELS).sum(axis=2)
    pooled: NDArray[np.float32] = cells / np.float32(side * side)
    return pooled


class History:
    """Running integrals of pictures, each on display until the next one.

    Means come out exact whatever the spacing of the pictures, at a cost that does not depend on
    how many there are. The first picture counts as shown before the start and the last one as
    shown on and on.
    """

    def __init__(self) -> None:
        self._size = 0
        self._times: Times = np.empty(64)
        self._values: Values = np.empty((64, CELLS + 1))
        self._sums: Values = np.empty((64, CELLS + 1))

    def add(self, time: float, cells: NDArray[np.float32], contrast: float) -> None:
        """Take the next picture: cells float32[8, 8, 3] and its spatial variance."""
        if self._size == len(self._times):
            for name in ("_times", "_values", "_sums"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.empty_like(old)]))
        n = self._size
        self._times[n] = time
        self._values[n, :CELLS] = cells.ravel()
        self._values[n, CELLS] = contrast
        self._sums[n] = (
            self._sums[n - 1] + (time - self._times[n - 1]) * self._values[n - 1] if n else 0.0
        )
        self._size += 1

    def changes(self, start: float, end: float) -> bool:
        """Whether a new picture comes on display between ``start`` and ``end``."""
        first, last = np.searchsorted(self._times[: self._size], [start, end])
        return bool(first < last)

    def forget_before(self, time: float) -> None:
        """Drop what is not needed for means after ``time``."""
        spent = int(np.searchsorted(self._times[: self._size], time, side="right")) - 1
        if spent > self._size // 2 and spent >= 32:
            for array in (self._times, self._values, self._sums):
                array[: self._size - spent] = array[spent : self._size].copy()
            self._size -= spent

    def integral(self, times: Times) -> Values:
        """The integrals up to ``times`` [...], float64[..., 193]: 192 cells and the variance."""
        place = np.searchsorted(self._times[: self._size], times, side="right") - 1
        place = np.maximum(place, 0)
        integral: Values = self._sums[place]
        integral += (times - self._times[place])[..., None] * self._values[place]
        return integral

    def mean(self, start: Times, end: Times) -> Values:
        """The means over intervals, float64[..., 193]."""
        both = self.integral(np.stack([start, end]))
        mean: Values = (both[1] - both[0]) / (end - start)[..., None]
        return mean
