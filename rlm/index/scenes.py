"""Scenes at three levels, from the boundaries of shots and the trajectory of the embedding.

Neighbours are merged by Ward's criterion (Ward, "Hierarchical grouping to optimize an objective
function", JASA 1963), which picks the pair whose union adds least to the squared distances from
the means, here in seconds: each window counts by its length, so that heights mean the same for
windows of 4 s and of half a second. Only neighbours in time may merge.

That is scikit-learn's ``ward_tree`` over a chain, which has no weights: with equal ones both merge
alike.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span

Floats = NDArray[np.float64]

SCENE_SECONDS = 30.0
CHAPTER_SECONDS = 300.0
_FEW = 3
"""Chapters that a video of at least one chapter's length has."""
_LONG_TAKE = 60.0
_SHORTEST_PART = 8.0
_CHANGE = 6.0
"""A take parts where the cost of merging is so many times the median between its neighbours."""
_NO_CHANGE = 1e-3
"""Squared distance of unit vectors that is none."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of video that belongs together, ``[start, end)`` in seconds."""

    start: float
    end: float

    @property
    def span(self) -> Span:
        """From start to end."""
        return Span(self.start, self.end)


def scene_levels(
    windows: NDArray[np.float64],
    vectors: NDArray[np.float32 | np.float16],
    boundaries: Sequence[float],
    duration: float,
) -> tuple[Floats, ...]:
    """Scenes that tile ``[0, duration]`` at three levels, each float64[M, 2] seconds.

    ``windows`` float64[N, 2] are the times that ``vectors`` [N, D] speak for, in order; a
    row of zeros says nothing. ``boundaries`` are where shots part.

    Level 0 has a scene for every shot, more for a take of over a minute whose content changes
    within it. Level 1 has scenes of about 30 s on average, level 2 chapters of about 5 minutes,
    made by merging those of the level before: every boundary of a level is one of all finer ones.
    """
    edges = _edges(boundaries, duration)
    track = _Track(windows, vectors)
    fine = [edges[0]]
    for start, end in pairwise(edges):
        fine += [*_parts(track, start, end), end]
    lengths, means, weights = track.over(np.array(fine))
    levels = [_spans(fine)]
    chapters = max(round(duration / CHAPTER_SECONDS), _FEW if duration >= CHAPTER_SECONDS else 1)
    for count in (max(round(duration / SCENE_SECONDS), chapters), chapters):
        merged = _Chain(lengths, means, weights).merge(count=count)
        levels.append(_spans([fine[place] for place in merged]))
    return tuple(levels)


def _edges(boundaries: Sequence[float], duration: float) -> list[float]:
    inside = {float(time) for time in boundaries if 0.0 < time < duration}
    return [0.0, *sorted(inside), float(duration)]


def _spans(edges: Sequence[float]) -> Floats:
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _parts(track: _Track, start: float, end: float) -> list[float]:
    """Where a long take really changes.

    Its windows merge into parts of 8 s and more. What it costs to merge two of these that follow
    each other says how much the take varies anyhow, whatever its encoder and its content.
    """
    if end - start <= _LONG_TAKE:
        return []
    inside = [time for time in track.starts_within(start, end) if start < time < end]
    edges = np.array([start, *inside, end])
    chain = _Chain(*track.over(edges))
    chain.merge(least=_SHORTEST_PART, limit=-1.0)
    costs = chain.costs()
    if len(costs) < 2:
        return []
    quiet = _NO_CHANGE * _SHORTEST_PART / 2
    parts = chain.merge(limit=max(_CHANGE * float(np.median(costs)), quiet))
    return [float(edges[place]) for place in parts[1:-1]]


class _Track:
    """Unit vectors over time."""

    def __init__(
        self, windows: NDArray[np.float64], vectors: NDArray[np.float32 | np.float16]
    ) -> None:
        order = np.argsort(windows[:, 0], kind="stable")
        self._starts: Floats = windows[order, 0].astype(np.float64)
        self._ends: Floats = windows[order, 1].astype(np.float64)
        self._reach: Floats = np.maximum.accumulate(self._ends)
        rows = vectors[order].astype(np.float64)
        norms = np.linalg.norm(rows, axis=1)
        self._spoken: NDArray[np.bool_] = norms > 0
        self._rows: Floats = rows / np.where(self._spoken, norms, 1.0)[:, None]

    def starts_within(self, start: float, end: float) -> list[float]:
        """Where windows start in a stretch of time."""
        inside = (self._starts > start) & (self._starts < end)
        starts: list[float] = np.unique(self._starts[inside]).tolist()
        return starts

    def over(self, edges: Floats) -> tuple[Floats, Floats, Floats]:
        """Lengths [M], mean vectors [M, D] and seconds spoken for [M] between ``edges`` [M+1]."""
        count = len(edges) - 1
        means, weights = np.zeros((count, self._rows.shape[1])), np.zeros(count)
        for place in range(count):
            start, end = edges[place], edges[place + 1]
            first = int(np.searchsorted(self._reach, start, side="right"))
            last = int(np.searchsorted(self._starts, end, side="left"))
            shared = np.minimum(self._ends[first:last], end)
            shared = shared - np.maximum(self._starts[first:last], start)
            shared = np.where(self._spoken[first:last], np.maximum(shared, 0.0), 0.0)
            weights[place] = shared.sum()
            if weights[place] > 0:
                means[place] = shared @ self._rows[first:last] / weights[place]
        return np.diff(edges), means, weights


class _Chain:
    """Stretches of time that merge with their neighbours, the cheapest pair first.

    Of pairs that cost the same the shortest merges first, so that where nothing is known about the
    content the time is parted evenly.
    """

    def __init__(self, lengths: Floats, means: Floats, weights: Floats) -> None:
        self._size = self._left = len(lengths)
        # Single numbers are read far faster from lists.
        self._lengths: list[float] = lengths.tolist()
        self._weights: list[float] = weights.tolist()
        self._means = means.copy()
        self._next = list(range(1, self._size + 1))
        self._previous = list(range(-1, self._size - 1))
        # A stretch that has grown or gone makes what was planned for it void.
        self._version = [0] * self._size

    def merge(self, *, count: int = 1, limit: float = math.inf, least: float = 0.0) -> list[int]:
        """Merge until ``count`` are left or the next would cost more than ``limit``.

        Those shorter than ``least`` seconds merge whatever it costs, and before all others.
        Gives the places of the edges that stay, the first and the last among them.
        """
        heap: list[tuple[bool, float, float, int, tuple[int, int]]] = []

        def plan(left: int) -> None:
            if left < 0 or self._next[left] == self._size:
                return
            right = self._next[left]
            lengths = self._lengths[left], self._lengths[right]
            versions = self._version[left], self._version[right]
            planned = (min(lengths) >= least, self._cost(left, right), sum(lengths), left, versions)
            heapq.heappush(heap, planned)

        for left in self._alive():
            plan(left)
        while heap and self._left > count:
            optional, cost, _, left, versions = heapq.heappop(heap)
            right = self._next[left]
            if right == self._size or versions != (self._version[left], self._version[right]):
                continue
            if optional and cost > limit:
                break
            self._join(left, right)
            plan(self._previous[left])
            plan(left)
        return [*self._alive(), self._size]

    def costs(self) -> list[float]:
        """What each merge of two neighbours would cost now."""
        alive = self._alive()
        return [self._cost(a, b) for a, b in pairwise(alive)]

    def _alive(self) -> list[int]:
        alive, place = [], 0
        while place < self._size:
            alive.append(place)
            place = self._next[place]
        return alive

    def _cost(self, left: int, right: int) -> float:
        a, b = self._weights[left], self._weights[right]
        if a == 0 or b == 0:
            return 0.0
        way = self._means[left] - self._means[right]
        return a * b / (a + b) * float(way @ way)

    def _join(self, left: int, right: int) -> None:
        a, b = self._weights[left], self._weights[right]
        if a + b > 0:
            self._means[left] = (a * self._means[left] + b * self._means[right]) / (a + b)
        self._weights[left] = a + b
        self._lengths[left] += self._lengths[right]
        after = self._next[left] = self._next[right]
        if after < self._size:
            self._previous[after] = left
        self._version[left] += 1
        self._version[right] += 1
        self._left -= 1
