"""Fades through black or any other plain picture, found while the video streams by.

A plain stretch is a run of pictures of one colour. It is a fade where the picture before it or
after it blends with that colour: on the straight line between both, with no turning back. (The
contrast of a picture that is faded falls to nothing with all of it in place; one that is wiped,
covered or panned out of sight leaves that line.) A plain stretch between two hard cuts is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.index.transitions.history import CELLS, CHANNELS, History

LONGEST = 4.0
"""Seconds from which a plain stretch is a shot of its own."""
RAMPS = np.array([0.2, 0.3, 0.45, 0.65, 0.95, 1.4, 2.0])
"""Seconds that a picture may take to fade in or out."""
_PLAIN_SHARE = 0.9
"""So many cells of a plain picture have its colour; captions and marks have the others."""
_PLAIN = 6.0
"""Levels of 255, luma and chroma summed, by which they may differ from it."""
_STILL_PLAIN = 12.0
"""Levels by which they may once the stretch has begun: noise does not end it."""
_BLACK = 24.0
"""Levels of luma up to which plain is black: 16 by the standard, and some noise."""
_NEUTRAL = 8.0
"""Levels by which its chroma may be off."""
_BRIEF = 1.0
"""Seconds within which a return to the same picture is a flash."""
_MARGIN = 0.12
_INSTANT = 0.01
_PARTS = 8
_CHANGED = 6.0
"""Levels of 255, luma and chroma summed, from which a cell counts as changed."""
_MIN_CHANGE = 8.0
_MIN_EXTENT = 0.5
_MIN_VARIETY = 4.0
_MAX_MISFIT = 0.08
_MAX_PART = 0.5
_MAX_RETURN = 0.06
_MAX_PACE = 0.3
_ALIKE = 0.3

_AROUND = float(RAMPS[-1]) + _MARGIN
_EVEN = (np.arange(_PARTS) + 0.5) / _PARTS


@dataclass(frozen=True, slots=True)
class Fade:
    """From the start of the fade out to the end of the fade in.

    ``times`` are where shots part within it: none at the start and the end of the video. What
    else seems to happen between ``start`` and ``end`` is part of the fade.
    """

    start: float
    end: float
    times: tuple[float, ...]


@dataclass(slots=True)
class _Stretch:
    start: float
    first: bool
    end: float = math.inf
    long: bool = False


class Fades:
    """Feed it every picture with ``add``; ``found`` holds the fades, the user takes them out.

    All that start before ``horizon`` are there, and nothing before ``needed`` is looked at again.
    """

    def __init__(self, history: History) -> None:
        self.found: list[Fade] = []
        self.horizon = 0.0
        self._history = history
        self._ended: list[_Stretch] = []
        self._open: _Stretch | None = None
        self._cuts: Sequence[float] = ()
        self._last_cut = -math.inf
        self._any = False

    @property
    def needed(self) -> float:
        """Seconds before which the history is not needed any more."""
        return self.horizon - 2 * _MARGIN

    def add(self, time: float, cells: NDArray[np.float32]) -> None:
        """Take the next picture, already in the history: its cells float32[8, 8, 3]."""
        stretch = self._open
        limit = _PLAIN if stretch is None else _STILL_PLAIN
        plain = _is_plain(cells.reshape(-1, CHANNELS), limit)
        if stretch is not None and not plain:
            stretch.end = time
            self._ended.append(stretch)
            self._open = None
        elif stretch is None and plain:
            self._open = _Stretch(time, first=not self._any)
        self._any = True

    def advance(self, time: float, cuts_until: float, cuts: Sequence[float]) -> None:
        """Take note that all pictures up to ``time`` are in, and all ``cuts`` to ``cuts_until``."""
        self._split(cuts)
        while self._ended and self._ended[0].end + _AROUND < min(time, cuts_until):
            self._judge(self._ended.pop(0))
        if self._open is not None and min(time, cuts_until) - self._open.start > LONGEST:
            self._lengthen(self._open)
        unsure = time
        for stretch in self._ended:
            unsure = min(unsure, stretch.end if stretch.long else stretch.start)
        if self._open is not None and not self._open.long:
            unsure = min(unsure, self._open.start)
        self.horizon = max(self.horizon, unsure - _AROUND)

    def finish(self, duration: float, cuts: Sequence[float]) -> None:
        """Judge what is left at the end of the video."""
        self._split(cuts)
        for stretch in self._ended:
            self._judge(stretch)
        if self._open is not None:
            self._judge_last(self._open, duration)
        self._ended, self._open = [], None
        self.horizon = math.inf

    def _split(self, cuts: Sequence[float]) -> None:
        """End stretches where there is a cut between two plain pictures."""
        self._cuts = cuts
        for cut in (cut for cut in cuts if cut > self._last_cut):
            self._last_cut = cut
            for place, stretch in enumerate(self._ended):
                if stretch.start < cut < stretch.end:
                    rest = _Stretch(cut, first=False, end=stretch.end)
                    stretch.end = cut
                    self._ended.insert(place + 1, rest)
                    break
            if self._open is not None and self._open.start < cut:
                self._open.end = cut
                self._ended.append(self._open)
                self._open = _Stretch(cut, first=False)

    def _judge(self, stretch: _Stretch) -> None:
        start, end = stretch.start, stretch.end
        if end - start > LONGEST:
            self._lengthen(stretch)
            if ramp := self._ramp_in(stretch):
                self.found.append(Fade(end, end + ramp, (end,)))
            return
        ramp_in = self._ramp_in(stretch)
        if stretch.first:
            if ramp_in or self._is_black(start, end):
                self.found.append(Fade(0.0, end + ramp_in, ()))
            return
        ramp_out = self._ramp_out(stretch)
        if ramp_out or ramp_in:
            fade = Fade(start - ramp_out, end + ramp_in, ((start + end) / 2,))
            self.found.append(Fade(fade.start, fade.end, ()) if self._is_flash(fade) else fade)

    def _judge_last(self, stretch: _Stretch, duration: float) -> None:
        if duration - stretch.start > LONGEST:
            self._lengthen(stretch)
        elif not stretch.first:
            ramp = self._ramp_out(stretch)
            if ramp or self._is_black(stretch.start, duration):
                self.found.append(Fade(stretch.start - ramp, duration, ()))

    def _lengthen(self, stretch: _Stretch) -> None:
        """Make a shot of its own of a stretch that goes on and on."""
        if not stretch.long:
            stretch.long = True
            if not stretch.first and (ramp := self._ramp_out(stretch)):
                self.found.append(Fade(stretch.start - ramp, stretch.start, (stretch.start,)))

    def _ramp_out(self, stretch: _Stretch) -> float:
        inside = min(stretch.end, stretch.start + _MARGIN)
        return self._ramp(stretch.start, -1.0, stretch.start, inside)

    def _ramp_in(self, stretch: _Stretch) -> float:
        inside = max(stretch.start, stretch.end - _MARGIN)
        return self._ramp(stretch.end, 1.0, inside, stretch.end)

    def _ramp(self, edge: float, side: float, start: float, end: float) -> float:
        """Seconds that a picture takes to blend with the plain one shown from start to end.

        ``side`` tells where it lies: -1 before ``edge``, 1 after it. 0 where it does not blend.
        """
        plain = self._history.mean(np.array([start]), np.array([end]))[0, :CELLS]
        far = edge + side * RAMPS
        beyond = np.sort([far, far + side * _MARGIN], axis=0)
        picture = self._history.mean(beyond[0], beyond[1])[:, :CELLS]
        way = plain - picture
        size = np.einsum("nd,nd->n", way, way) + 1e-9
        # Parts from the picture to the plain one, whichever comes first.
        marks = far[:, None] - side * RAMPS[:, None] * np.linspace(0, 1, _PARTS + 1)
        sums = self._history.integral(marks)[..., :CELLS]
        parts = -side * np.diff(sums, axis=1) / (RAMPS / _PARTS)[:, None, None]
        offset = parts - picture[:, None]
        along = np.einsum("npd,nd->np", offset, way) / size[:, None]
        misfit = (np.einsum("npd,npd->np", offset, offset) / size[:, None] - along**2).mean(axis=1)
        steps = np.diff(along, axis=1, prepend=0.0, append=1.0)
        shaped = picture.reshape(len(RAMPS), -1, CHANNELS)
        extent = np.abs(way).reshape(shaped.shape).sum(axis=2)
        change = extent.mean(axis=1)
        # The parts may have smoothed a cut, at which all happens at once.
        for cut in self._cuts:
            distance = side * (cut - edge)
            # What is taken for the picture before or after it must not be a mixture of two.
            steps[(distance > RAMPS) & (distance < RAMPS + _MARGIN), 0] = math.inf
            if -_INSTANT <= distance < _AROUND:
                near = np.array([cut - _INSTANT, cut, cut + _INSTANT])
                jump = np.diff(self._history.mean(near[:2], near[1:])[:, :CELLS], axis=0)[0]
                inside = distance - _INSTANT < RAMPS
                steps[inside, 0] = np.maximum(
                    steps[inside, 0], -side * (way[inside] @ jump) / size[inside]
                )
        blends = (
            (change > _MIN_CHANGE)
            & ((extent > _CHANGED).mean(axis=1) > _MIN_EXTENT)
            & (shaped.var(axis=1).sum(axis=1) > _MIN_VARIETY)
            & (misfit < _MAX_MISFIT)
            & (steps.max(axis=1) < _MAX_PART)
            & (-steps.min(axis=1) < _MAX_RETURN)
            & (np.abs(along - _EVEN).max(axis=1) < _MAX_PACE)
        )
        if not blends.any():
            return 0.0
        # Longer windows add nothing but what the shot did before it faded.
        whole = blends & (change >= 0.9 * change[blends].max())
        return float(RAMPS[np.argmax(whole)])

    def _is_flash(self, fade: Fade) -> bool:
        """Whether the same picture is back in no time."""
        if fade.end - fade.start > _BRIEF:
            return False
        old, plain, new = self._history.mean(
            np.array([fade.start - _MARGIN, fade.times[0] - 0.01, fade.end]),
            np.array([fade.start, fade.times[0] + 0.01, fade.end + _MARGIN]),
        )[:, :CELLS]
        return bool(np.abs(new - old).mean() < _ALIKE * np.abs(plain - old).mean())

    def _is_black(self, start: float, end: float) -> bool:
        cells = self._history.mean(np.array([start]), np.array([end]))[0, :CELLS]
        luma, *chroma = np.median(cells.reshape(-1, CHANNELS), axis=0)
        return bool(luma < _BLACK and np.abs(np.array(chroma) - 128).max() < _NEUTRAL)


def _is_plain(cells: NDArray[np.float32], limit: float) -> bool:
    """Whether nearly all of the cells float32[N, 3] have one colour, within ``limit`` levels."""
    colour = np.sort(cells, axis=0)[len(cells) // 2]
    differing = np.count_nonzero(np.abs(cells - colour).sum(axis=1) > limit)
    return bool(differing <= (1 - _PLAIN_SHARE) * len(cells))
