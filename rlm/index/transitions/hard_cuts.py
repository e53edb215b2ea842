"""Hard cuts, found while the video streams by.

A cut is one step between two pictures that (1) changes most of the picture, (2) into another
picture and not the same one brighter or sharper, (3) stands far above the steps around it, and
(4) is not undone: no picture just after it looks like one just before. The first keeps out objects
that appear, the second exposure changes and key frames of a coarse codec, the third motion, noise
and fades, the fourth flashes. The comparison with the neighbourhood follows the adaptive detectors
of the field (the ratio to the local level), with a rank statistic for the mean so that two cuts in
quick succession do not hide each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEIGHBOURS = 12
"""Pictures on each side that set the local level."""
_NEARBY = 5.0
"""Seconds beyond which a picture is no neighbour: slides wait for no others."""
_RANK = 3
"""The local level is the third largest step nearby: two other cuts do not raise it."""
_ECHO = 8
"""Pictures on each side among which a flash would find its like."""
_CHANGED = 6.0
"""Levels of 255, luma and chroma summed, from which a cell counts as changed."""
_TOUCHED = 3.0
"""Levels that will do where all is quiet around: two plain grounds may be no further apart."""
_MIN_EXTENT = 0.5
_MIN_STEP = 4.0
_MIN_NOVELTY = 0.3
_MIN_RATIO = 2.5
_MAX_ECHO = 0.5


@dataclass(frozen=True, slots=True)
class _Picture:
    time: float
    cells: NDArray[np.float32]
    step: float


class HardCuts:
    """Feed it every picture in order with ``add`` and tell the time with ``advance``.

    ``found`` holds the cuts, each the time of the first picture of the new shot and the size of
    the step in levels of 255; all before ``horizon`` are there. The user takes them out.
    """

    def __init__(self) -> None:
        self.found: list[tuple[float, float]] = []
        self.horizon = 0.0
        self._pictures: list[_Picture] = []
        self._next = 0

    def add(self, time: float, cells: NDArray[np.float32]) -> None:
        """Take the next picture: its time and its cells float32[16, 16, 3], 0 to 255."""
        step = _distance(self._pictures[-1].cells, cells) if self._pictures else 0.0
        self._pictures.append(_Picture(time, cells, step))

    def advance(self, time: float) -> None:
        """Take note that all pictures up to ``time`` have been added."""
        while self._next < len(self._pictures) and self._can_judge(self._next, time):
            self._judge(self._next)
            self._next += 1
        spent = self._next - 2 * _NEIGHBOURS
        if spent > _NEIGHBOURS:
            del self._pictures[:spent]
            self._next -= spent
        self.horizon = self._pictures[self._next].time if self._next < len(self._pictures) else time

    def finish(self) -> None:
        """Judge the last pictures."""
        for position in range(self._next, len(self._pictures)):
            self._judge(position)
        self._next = len(self._pictures)
        self.horizon = math.inf

    def _can_judge(self, position: int, time: float) -> bool:
        """Whether all its neighbours are here: as many as are wanted, or all that are nearby."""
        enough = position + _reach(position) < len(self._pictures)
        return enough or time - self._pictures[position].time > _NEARBY

    def _judge(self, position: int) -> None:
        if self._is_cut(position):
            picture = self._pictures[position]
            self.found.append((picture.time, picture.step))

    def _is_cut(self, position: int) -> bool:
        picture = self._pictures[position]
        if position == 0 or picture.step < _MIN_STEP:
            return False
        last = min(position + _reach(position), len(self._pictures) - 1)
        while self._pictures[last].time - picture.time > _NEARBY:
            last -= 1
        first = max(0, last - 2 * _NEIGHBOURS)
        while picture.time - self._pictures[first].time > _NEARBY:
            first += 1
        neighbours = self._pictures[first:position] + self._pictures[position + 1 : last + 1]
        steps = sorted((other.step for other in neighbours), reverse=True)
        level = steps[_RANK - 1] if len(steps) >= _RANK else 0.0
        if picture.step < _MIN_RATIO * level:
            return False
        # Every cell twitches where there is noise, and on the key frames of a coarse codec.
        twitch = steps[1] if len(steps) > 1 else 0.0
        touched = min(max(2 * twitch, _TOUCHED), _CHANGED)
        if not _is_another(self._pictures[position - 1].cells, picture.cells, touched):
            return False
        # The picture before the first neighbour was still on display nearby.
        old = self._pictures[max(0, first - 1, position - _ECHO) : position]
        new = self._pictures[position : min(position + _ECHO, last + 1)]
        nearest = min(_distance(a.cells, b.cells) for a in old for b in new)
        return nearest >= _MAX_ECHO * picture.step


def _reach(position: int) -> int:
    """How many pictures after this one are looked at: at the start more, to make up for before."""
    return max(_NEIGHBOURS, 2 * _NEIGHBOURS - position)


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean change of a cell, in levels of 255 summed over luma and chroma."""
    return float(np.abs(a - b).sum(axis=-1).mean())


def _is_another(a: NDArray[np.float32], b: NDArray[np.float32], touched: float) -> bool:
    """Whether most cells changed, and by as much as their own variety: unrelated pictures do.

    A cell is one of the most from ``touched`` levels on.

    The mean squared change over the sum of both variances is 1 for pictures with one mean and
    nothing else in common, and near 0 for one picture shown brighter or sharper.
    """
    change = np.abs(a - b).sum(axis=-1)
    if (change > touched).mean() < _MIN_EXTENT:
        return False
    changed = change > _CHANGED
    a, b = a[changed], b[changed]  # [cells, 3]
    variety = a.var(axis=0).sum() + b.var(axis=0).sum()
    return bool(((a - b) ** 2).mean(axis=0).sum() >= _MIN_NOVELTY * variety)
