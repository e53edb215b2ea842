"""Cutting a stream of samples into windows that never mix two shots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span

TUBELET = 2
"""V-JEPA 2 sees pictures in pairs; what it says of one, it says of both."""


@dataclass(frozen=True, eq=False)
class Window:
    """Consecutive samples of one shot, and which of them its vectors speak for.

    ``pictures`` are uint8[T, S, S, 3], prepared. ``keep`` is the half-open range of those that are
    no mere context; ``span`` is the time they cover. ``moments``, float64[M, 2], are the spans of
    the kept pictures two by two; they tile ``span``.
    """

    span: Span
    pictures: NDArray[np.uint8]
    keep: tuple[int, int]
    moments: NDArray[np.float64]


class Windower:
    """Cuts samples into windows of up to ``size``, a new one every ``stride`` samples of a shot.

    Where windows overlap, each speaks for its middle: at an edge inside the shot, half the overlap
    is context and no more, since a vision transformer knows least about the edges of what it sees.
    At the ends of a shot everything is kept. The tail of a shot makes a shorter window, never a
    lost one. So the spans of all windows tile the time line: the first begins at ``start``, the
    last ends with the video, and each begins where its first kept sample, or the boundary before
    it, lies.
    """

    def __init__(self, size: int, stride: int, start: float = 0.0) -> None:
        if not 0 < stride <= size:
            raise ValueError(f"windows of {size} cannot start every {stride} samples")
        self._size = size
        self._stride = stride
        # In whole tubelets, so that rows of neighbouring windows pair the same pictures.
        self._margin = (size - stride) // 2 // TUBELET * TUBELET
        self._edge = start
        self._kept_from = 0
        self._times: list[float] = []
        self._pictures: list[NDArray[np.uint8]] = []

    def add(self, time: float, picture: NDArray[np.uint8], boundary: float | None) -> list[Window]:
        """Take the sample uint8[S, S, 3] at ``time`` and give back the windows it ends, if any.

        ``boundary`` is where its shot starts when that is not the shot of the sample before.
        """
        ended = []
        if boundary is not None:
            ended = self.flush(boundary)
        elif len(self._times) == self._size:
            self._times.append(time)
            last = self._stride + self._margin
            ended = [self._window(last, self._times[last])]
            self._times = self._times[self._stride : -1]
            self._pictures = self._pictures[self._stride :]
            self._kept_from = self._margin
        self._times.append(time)
        self._pictures.append(picture)
        return ended

    def flush(self, end: float) -> list[Window]:
        """End the shot in hand at ``end``; its last window, if it holds anything."""
        if not self._times:
            return []
        window = self._window(len(self._times), end)
        self._times, self._pictures, self._kept_from = [], [], 0
        return [window]

    def _window(self, last: int, end: float) -> Window:
        """The window in hand, kept up to sample ``last`` and the moment ``end``."""
        pictures = np.stack(self._pictures)
        span = Span(self._edge, end)
        inner = self._times[self._kept_from + TUBELET : last : TUBELET]
        edges = np.array([span.start, *inner, span.end])
        window = Window(
            span,
            pictures,
            (self._kept_from, last),
            np.stack([edges[:-1], edges[1:]], axis=1),
        )
        self._edge = end
        return window


class FullWindower:
    """Cuts samples into windows of ``size`` side by side, for what needs to see them full.

    Where the tail of a shot would make a shorter window, that one reaches back over samples that
    were spoken for. So it sees as much as the others, and an odd picture has the one before it as
    the other half of its tubelet: within one picture nothing moves.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._times: list[float] = []
        self._pictures: list[NDArray[np.uint8]] = []
        self._spoken = 0

    def add(self, time: float, picture: NDArray[np.uint8], *, context: bool) -> list[Window]:
        """Take a sample and give back the window it ends, if any.

        ``context``, which only comes first in a shot, is seen and not spoken for.
        """
        ended = []
        if len(self._times) - self._spoken == self._size:
            ended = [self._window(self._spoken, len(self._times), time)]
            del self._times[: self._spoken], self._pictures[: self._spoken]
            self._spoken = self._size
        self._times.append(time)
        self._pictures.append(picture)
        self._spoken += context
        return ended

    def flush(self, end: float) -> list[Window]:
        """End the shot in hand at ``end``; windows of what is left of it."""
        ended = []
        count = len(self._times)
        size = min(self._size, count - count % TUBELET or 1)
        while self._spoken < count:
            first = min(self._spoken, count - size)
            last = first + size
            ended.append(self._window(first, last, self._times[last] if last < count else end))
            self._spoken = last
        self._times, self._pictures, self._spoken = [], [], 0
        return ended

    def _window(self, first: int, last: int, end: float) -> Window:
        """Samples ``first`` to ``last``, speaking for those nobody spoke for."""
        kept = (self._spoken - first) // TUBELET * TUBELET
        inner = self._times[first + kept + TUBELET : last : TUBELET]
        edges = np.array([self._times[self._spoken], *inner, end])
        moments = np.stack([edges[:-1], edges[1:]], axis=1)
        pictures = np.stack(self._pictures[first:last])
        return Window(Span(edges[0], end), pictures, (kept, last - first), moments)
