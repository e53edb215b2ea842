"""Transitions between shots, found in one pass while the video streams by.

Three finders look at the same pictures, each for its kind: hard cuts, dissolves, fades. What they
find is brought into order here: what happens within a fade belongs to it, a cut within what looks
like a dissolve makes it none, and of two transitions closer than the shortest shot the stronger
one stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rlm.index.transitions.dissolves import Dissolves
from rlm.index.transitions.fades import Fade, Fades
from rlm.index.transitions.hard_cuts import HardCuts
from rlm.index.transitions.history import CHANNELS, GRID, History, pool

# By so much the edges of a fade are uncertain.
_SLACK = 0.1
# The finders of gradual transitions work in steps of this many seconds: their cost is per call.
_STEP = 0.5


@dataclass(frozen=True, slots=True)
class Transition:
    """Where two shots part, and from when to when both or neither are in view, in seconds.

    The ``time`` of a cut is that of the first picture of the new shot, of a dissolve that of its
    middle, of a fade the middle of the plain stretch; ``start`` and ``end`` of a cut equal it.
    """

    time: float
    start: float
    end: float
    kind: Literal["cut", "fade", "dissolve"]


@dataclass(frozen=True, slots=True)
class _Event:
    transition: Transition
    strength: float


class TransitionDetector:
    """Feed it every picture in order with ``add``; read ``transitions`` up to ``settled``.

    Where pictures are long in coming, ``advance`` tells how far there is none. When it is called,
    and whether at all, does not change what is found.

    The times of ``transitions`` strictly increase, are at least ``min_shot`` seconds apart and as
    far from both ends. What lies before ``settled`` will not change any more: all but the last 5 to
    9 s in most videos, 20 s at the worst, and ``min_shot``. No more than that is remembered.
    """

    def __init__(self, min_shot: float) -> None:
        self.transitions: list[Transition] = []
        self.settled = 0.0
        # Even where shots may be of any length, no two transitions are at one time.
        self._apart = max(min_shot, 1e-9)
        self._history = History()
        self._cuts = HardCuts()
        self._dissolves = Dissolves(self._history)
        self._fades = Fades(self._history)
        self._recent_cuts: list[tuple[float, float]] = []
        self._recent_fades: list[Fade] = []
        self._waiting: list[_Event] = []
        self._pending: _Event | None = None
        self._told = 0.0
        self._looked = 0.0

    def add(self, time: float, yuv: NDArray[np.float32]) -> None:
        """Take the next picture: its time and 32 x 32 points of its Y, U and V.

        ``yuv`` is float32[32, 32, 3] on the scale of 8 bits.
        """
        cells = pool(yuv, 2 * GRID)
        coarse = pool(cells, GRID)
        self._cuts.add(time, cells)
        self._history.add(time, coarse, _contrast(cells))
        self._fades.add(time, coarse)
        self.advance(time)

    def advance(self, time: float) -> None:
        """Take note that all pictures up to ``time`` have been added."""
        self._told = max(self._told, time)
        self._cuts.advance(self._told)
        if self._told - self._looked >= _STEP:
            self._looked = self._told
            self._look()

    def finish(self, duration: float) -> None:
        """Judge the last pictures of a video that is ``duration`` seconds long."""
        self._cuts.finish()
        self._take_cuts()
        cuts = [time for time, _ in self._recent_cuts]
        self._dissolves.finish(duration, cuts)
        self._fades.finish(duration, cuts)
        self._settle(math.inf)
        if self._pending is not None:
            self._commit(self._pending)
        while self.transitions and (duration - self.transitions[-1].time < self._apart):
            self.transitions.pop()
        self.settled = math.inf

    def _look(self) -> None:
        self._take_cuts()
        cuts = [time for time, _ in self._recent_cuts]
        self._dissolves.advance(self._told, self._cuts.horizon, cuts)
        self._fades.advance(self._told, self._cuts.horizon, cuts)
        horizon = min(self._cuts.horizon, self._dissolves.horizon, self._fades.horizon)
        self._settle(horizon)
        unsettled = [event.transition.time for event in self._waiting]
        if self._pending is not None:
            unsettled.append(self._pending.transition.time)
        self.settled = max(self.settled, min([horizon, *unsettled]))
        needed = min(self._dissolves.needed, self._fades.needed)
        self._history.forget_before(needed)
        self._recent_cuts = [cut for cut in self._recent_cuts if cut[0] >= needed]
        self._recent_fades = [fade for fade in self._recent_fades if fade.end >= needed - 3.0]

    def _take_cuts(self) -> None:
        for time, step in self._cuts.found:
            self._recent_cuts.append((time, step))
            self._waiting.append(_Event(Transition(time, time, time, "cut"), step))
        self._cuts.found.clear()

    def _settle(self, horizon: float) -> None:
        """Decide on everything that ends before ``horizon``, up to where all is known."""
        for dissolve in self._dissolves.found:
            transition = Transition(dissolve.time, dissolve.start, dissolve.end, "dissolve")
            self._waiting.append(_Event(transition, dissolve.change))
        self._dissolves.found.clear()
        for fade in self._fades.found:
            self._recent_fades.append(fade)
            for time in fade.times:
                transition = Transition(time, fade.start, fade.end, "fade")
                self._waiting.append(_Event(transition, math.inf))
        self._fades.found.clear()
        self._waiting.sort(key=lambda event: event.transition.time)
        while self._waiting and self._waiting[0].transition.end < horizon:
            event = self._waiting.pop(0)
            if not self._is_within_a_fade(event.transition):
                self._consider(event)
        earliest = self._waiting[0].transition.time if self._waiting else horizon
        self._commit_before(min(horizon, earliest))

    def _is_within_a_fade(self, transition: Transition) -> bool:
        return transition.kind != "fade" and any(
            fade.start - _SLACK <= transition.time <= fade.end + _SLACK
            for fade in self._recent_fades
        )

    def _consider(self, event: _Event) -> None:
        time = event.transition.time
        if time < self._apart:
            return
        self._commit_before(time)
        if self._pending is None or event.strength > self._pending.strength:
            self._pending = event

    def _commit_before(self, time: float) -> None:
        """Commit the pending one when an event at ``time`` is too late to take its place."""
        pending = self._pending
        if pending is not None and (time - pending.transition.time >= self._apart):
            self._commit(pending)

    def _commit(self, event: _Event) -> None:
        self.transitions.append(event.transition)
        self._pending = None


def _contrast(cells: NDArray[np.float32]) -> float:
    """The spatial variance of a picture's cells, summed over the channels."""
    flat = cells.reshape(-1, CHANNELS)
    mean = flat.mean(axis=0)
    return float(np.vdot(flat, flat) / len(flat) - np.vdot(mean, mean))
