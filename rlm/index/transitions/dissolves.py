"""Dissolves, found while the video streams by.

A window of time in which one shot blends into another looks like no motion does: its pictures lie
on the straight line between both ends (Truong, Dorai and Venkatesh, "New enhancements to cut,
fade, and dissolve detection", ACM Multimedia 2000), the way is gone at an even pace, the contrast
dips in the middle as that of a mixture must (Alattar, "Detecting and compressing dissolve
regions", ICIP 1993), and before and after it there is far less change. Each of these is fooled by
something: they are weighed together by one linear discriminant, over windows of all usual lengths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.index.transitions.history import CELLS, CHANNELS, History, Times

LENGTHS = np.array([0.24, 0.34, 0.48, 0.68, 0.96, 1.36, 1.9, 2.7])
"""Seconds that a dissolve may take."""
_TICK = 0.06
"""Seconds between the middles of windows."""
_BATCH = 64
"""Ticks whose windows are looked at together at most."""
_PARTS = 16
"""Parts of a window whose means stand for its pictures."""
_GAP = 0.1
"""Windows closer than this are about one dissolve."""
_CHANGED = 6.0
"""Levels of 255, luma and chroma summed, from which a cell counts as changed."""

# What is no dissolve whatever else speaks for it.
_MIN_CHANGE = 12.0
_PLENTY = 60.0
"""Change beyond this says nothing more."""
_MIN_EXTENT = 0.5
_MIN_VARIETY = 4.0
_MAX_CORRELATION = 0.85
_MAX_MISFIT = 0.4
_MAX_PART = 0.5
_MAX_RETURN = 0.12

WEIGHTS = np.array([-0.68, -0.75, -7.89, -1.97, 4.18, 3.8])
BIAS = -22.1
"""The discriminant over what ``weigh`` gives, as ``tests/bench/fit_dissolves.py`` prints it.

The weights are those of a logistic regression on 18 874 windows of 130 made films, half of their
shots drawn and half taken from five real clips, each a single shot. The bias, in steps of 0.5, has
the largest F1 of the detector, 0.921 (precision 0.958, recall 0.886), on 80 made films of other
seeds with shots of the same clips, among those with which nothing is found in the five clips
themselves. One step up there would be one, at an F1 of 0.924. So the negative controls of the
benchmark, the same five clips, chose the bias, and its made films are of the kind fitted to. Its
real clips with boundaries took no part in the fit, but the limits above were set by hand with them
in view: they are no held-out test either.
"""

_REACH = float(LENGTHS[-1]) / 2
_OUTSIDE = 1.2
_AHEAD = _REACH + _OUTSIDE


@dataclass(frozen=True, slots=True)
class Dissolve:
    """A blend from ``start`` to ``end``, half of it done at ``time``; ``change`` is its size."""

    time: float
    start: float
    end: float
    change: float
    score: float


class Dissolves:
    """Looks at a history of pictures; ``found`` holds the dissolves, the user takes them out.

    All that start before ``horizon`` are there, and nothing before ``needed`` is looked at again.
    """

    def __init__(self, history: History) -> None:
        self.found: list[Dissolve] = []
        self._history = history
        self._tick = 1
        self._held: Dissolve | None = None

    @property
    def horizon(self) -> float:
        """Seconds before which no dissolve starts that is not in ``found``."""
        horizon = self._tick * _TICK - _REACH
        return horizon if self._held is None else min(horizon, self._held.start)

    @property
    def needed(self) -> float:
        """Seconds before which the history is not needed any more."""
        return self._tick * _TICK - _AHEAD - 1.0

    def advance(self, time: float, cuts_until: float, cuts: Sequence[float]) -> None:
        """Look at what has come into view: all pictures up to ``time`` are in the history.

        ``cuts`` are the hard cuts up to ``cuts_until``.
        """
        self._look(math.floor(min(time - _AHEAD, cuts_until - _REACH) / _TICK), cuts, math.inf)

    def finish(self, duration: float, cuts: Sequence[float]) -> None:
        """Look at the windows up to the end of the video."""
        self._look(math.floor(duration / _TICK), cuts, duration)
        if self._held is not None:
            self.found.append(self._held)
            self._held = None

    def _look(self, last: int, cuts: Sequence[float], duration: float) -> None:
        # A slide that shows for an hour is not looked at all at once.
        while self._tick <= last:
            self._look_at(min(last, self._tick + _BATCH - 1), cuts, duration)

    def _look_at(self, last: int, cuts: Sequence[float], duration: float) -> None:
        middles: Times = np.arange(self._tick, last + 1, dtype=np.float64) * _TICK
        self._tick = last + 1
        if not self._history.changes(middles[0] - _REACH - 1.0, middles[-1] + _REACH + 1.0):
            middles = middles[:0]
        middle, length = (
            grid.ravel() for grid in np.meshgrid(middles, LENGTHS, indexing="ij", copy=False)
        )
        fits = (middle > length / 2) & (middle + length / 2 < duration)
        if cuts:
            edges = np.array(cuts)
            after = np.append(edges, math.inf)[np.searchsorted(edges, middle - length / 2, "right")]
            fits &= after >= middle + length / 2
        for dissolve in candidates(self._history, middle[fits], length[fits]):
            held = self._held
            if held is None or dissolve.start > held.end + _GAP:
                if held is not None:
                    self.found.append(held)
                self._held = dissolve
            elif dissolve.score > held.score:
                self._held = dissolve
        held = self._held
        if held is not None and self._tick * _TICK - _REACH > held.end + _GAP:
            self.found.append(held)
            self._held = None


def candidates(history: History, middle: Times, length: Times) -> list[Dissolve]:
    """The windows float64[N] that hold a dissolve, in their order."""
    index, evidence, change, time = weigh(history, middle, length)
    scores = evidence @ WEIGHTS + BIAS
    return [
        Dissolve(
            time=float(time[row]),
            start=float(middle[index[row]] - length[index[row]] / 2),
            end=float(middle[index[row]] + length[index[row]] / 2),
            change=float(change[row]),
            score=float(scores[row]),
        )
        for row in np.flatnonzero(scores > 0)
    ]


def weigh(
    history: History, middle: Times, length: Times
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What speaks for a dissolve in windows, of those that may hold one at all.

    Gives their places [M], the evidence float64[M, 6], the mean change of a cell from end to end
    in levels of 255 [M], and the time at which half of it is done [M].
    """
    nothing = np.zeros(0)
    index = np.arange(len(middle))
    start, end = middle - length / 2, middle + length / 2
    margin = np.clip(length / 4, 0.08, 0.16)
    before = history.mean(start - margin, start)
    after = history.mean(end, end + margin)
    cells = (after - before)[:, :CELLS].reshape(-1, CELLS // CHANNELS, CHANNELS)
    extent = np.abs(cells).sum(axis=2)
    change = extent.mean(axis=1)
    kept = (change > _MIN_CHANGE) & ((extent > _CHANGED).mean(axis=1) > _MIN_EXTENT)
    if not kept.any():
        return index[:0], np.zeros((0, len(WEIGHTS))), nothing, nothing
    index, start, end, margin = index[kept], start[kept], end[kept], margin[kept]
    before, after, change, span = before[kept], after[kept], change[kept], end - start

    # Where each part of the window lies on the line from end to end, and how far from it.
    way = (after - before)[:, :CELLS]
    size = np.einsum("nd,nd->n", way, way)
    marks = start[:, None] + span[:, None] * np.linspace(0, 1, _PARTS + 1)
    parts = np.diff(history.integral(marks), axis=1) / (span / _PARTS)[:, None, None]
    offset = parts[..., :CELLS] - before[:, None, :CELLS]
    along = np.einsum("npd,nd->np", offset, way) / size[:, None]
    misfit = np.einsum("npd,npd->np", offset, offset) / size[:, None] - along**2
    # A cut within a part shows on both sides of it.
    whole = np.pad(along, ((0, 0), (1, 1)), constant_values=((0, 0), (0.0, 1.0)))
    steps = whole[:, 2:] - whole[:, :-2]
    pace = np.abs(along - _EVEN).max(axis=1)

    colours = before[:, :CELLS].reshape(-1, CELLS // CHANNELS, CHANNELS)
    others = after[:, :CELLS].reshape(-1, CELLS // CHANNELS, CHANNELS)
    variety = colours.var(axis=1).sum(axis=1), others.var(axis=1).sum(axis=1)
    correlation = _correlation(colours[..., 0], others[..., 0])

    # The contrast of a mixture lies below the line between that of both ends.
    ends = before[:, CELLS:], after[:, CELLS:]
    dip = ends[0] * (1 - _EVEN) + ends[1] * _EVEN - parts[..., CELLS]
    due = way.reshape(colours.shape).var(axis=1).sum(axis=1) / 4 + 4.0
    dipped = np.clip(dip @ _BOW / (_BOW @ _BOW) / due, -0.5, 1.2)

    # The same on both sides of the window, the worse one counting.
    outside = np.clip(span, 0.4, _OUTSIDE)
    far_before = history.mean(start - outside, start - outside / 2)[:, :CELLS]
    far_after = history.mean(end + outside / 2, end + outside)[:, :CELLS]
    drift = [far_before - before[:, :CELLS], far_after - after[:, :CELLS]]
    moved = np.max([np.einsum("nd,nd->n", d, d) / size for d in drift], axis=0)

    evidence = np.stack(
        [
            np.log(0.01 + np.maximum(misfit.mean(axis=1), 0)),
            np.log(0.03 + moved),
            pace,
            np.maximum(correlation, 0),
            np.log(np.minimum(change, _PLENTY)),
            dipped,
        ],
        axis=1,
    )
    possible = (
        (np.minimum(*variety) > _MIN_VARIETY)
        & (correlation < _MAX_CORRELATION)
        & (misfit.mean(axis=1) < _MAX_MISFIT)
        & (steps.max(axis=1) < _MAX_PART)
        & (-steps.min(axis=1) < _MAX_RETURN)
    )
    half = start + span * np.clip(1 - along.mean(axis=1), 0, 1)
    return index[possible], evidence[possible], change[possible], half[possible]


_EVEN = (np.arange(_PARTS) + 0.5) / _PARTS
_BOW = 4 * _EVEN * (1 - _EVEN)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of pictures [N, cells]; noise of a few levels does not correlate."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1) + a.shape[1] * 4.0)
    correlation: NDArray[np.float64] = (a * b).sum(axis=1) / scale
    return correlation
