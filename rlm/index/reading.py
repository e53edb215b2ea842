"""The linear pass: from a video, or from frames kept of it, to windows for the encoders."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder
from rlm.index.shots import Shots
from rlm.index.storage.rows import RowWriter, read_rows
from rlm.index.windows import Window, Windower
from rlm.spans import Span
from rlm.video import Video
from rlm.video.video import grid

Progress = Callable[[str, float, float], None]
"""Called with what is going on, the seconds of video done and the seconds in all."""

BASE_FPS = 4.0
"""Samples a second of the pass; an encoder takes each of them, or each n-th."""

# How often progress is told, in seconds of video.
_PROGRESS_STEP = 1.0


@dataclass(frozen=True, eq=False)
class Sample:
    """What is on display at ``time``, prepared uint8[S, S, 3] for each encoder that takes it."""

    time: float
    pictures: Sequence[NDArray[np.uint8] | None]


class Boundaries(Protocol):
    """Where shots begin, as far as that is settled."""

    @property
    def times(self) -> Sequence[float]:
        """Seconds, rising; those before ``settled`` are final."""
        ...

    @property
    def settled(self) -> float:
        """Up to where ``times`` is complete."""
        ...


@dataclass(frozen=True)
class KnownBoundaries:
    """Boundaries of an earlier pass."""

    times: Sequence[float]
    settled: float = math.inf


def stride_of(encoder: Encoder) -> int:
    """How many samples of the pass lie between two that ``encoder`` takes.

    Raises ``ValueError`` for a rate that the pass does not serve.
    """
    every = BASE_FPS / encoder.fps
    if every < 1 or every != int(every):
        raise ValueError(f"an encoder takes {BASE_FPS:g} pictures a second or a whole part of that")
    return int(every)


def read_video(
    video: Video,
    encoders: Sequence[Encoder],
    shots: Shots | None = None,
    keeper: RowWriter | None = None,
    progress: Progress | None = None,
) -> Generator[Sample, None, None]:
    """Decode ``video`` once; ``shots`` sees every picture, ``keeper`` gets the first encoder's.

    Without ``shots`` pictures that nobody wants may be jumped over.

    Raises the errors of ``Video.read``.
    """
    strides = [stride_of(encoder) for encoder in encoders]
    duration, told = video.span.end, -_PROGRESS_STEP
    tap = None if shots is None else shots.detector.add
    with video.read(fps=BASE_FPS, tap=tap, subtitles=shots is not None) as reading:
        for number, view in enumerate(reading):
            prepared: dict[object, NDArray[np.uint8]] = {}
            pictures: list[NDArray[np.uint8] | None] = []
            for encoder, stride in zip(encoders, strides, strict=True):
                # Encoders of one shape share the picture.
                shape = encoder.crop, encoder.spec.frame_size
                if number % stride == 0 and shape not in prepared:
                    rgb = view.rgb(encoder.spec.frame_size)
                    prepared[shape] = encoder.prepare(rgb[None])[0]
                pictures.append(prepared[shape] if number % stride == 0 else None)
            if shots is not None:
                shots.add(view)
            if keeper is not None and pictures[0] is not None:
                keeper.add(pictures[0])
            if progress is not None and view.time - told >= _PROGRESS_STEP:
                told = view.time
                progress("reading", told, duration)
            yield Sample(view.time, pictures)
        if shots is not None:
            shots.finish(reading)
    if progress is not None:
        progress("reading", duration, duration)


def read_kept(
    frames: NDArray[np.uint8], times: Iterable[float], encoders: Sequence[Encoder]
) -> Generator[Sample, None, None]:
    """The samples of an earlier pass from ``frames`` uint8[N, S, S, 3], its memory-mapped file."""
    strides = [stride_of(encoder) for encoder in encoders]
    for number, (time, rows) in enumerate(zip(times, read_rows(frames), strict=True)):
        yield Sample(time, [rows[0] if number % stride == 0 else None for stride in strides])


def cut_windows(
    samples: Iterable[Sample],
    boundaries: Boundaries,
    plans: Sequence[tuple[int, int]],
    duration: float,
    tolerance: float,
) -> Generator[tuple[int, Window], None, None]:
    """Windows for each of ``plans``, (pictures, stride), in order, once their shots are settled.

    Yields the number of the plan and the window. ``tolerance`` is what stamps may be off by.
    """
    windowers = [Windower(size, stride) for size, stride in plans]
    used = [0] * len(plans)
    waiting: deque[Sample] = deque()

    def shot_start(plan: int, time: float) -> float | None:
        # A shot too short to hold a sample goes to the window after it.
        first, times = used[plan], boundaries.times
        while used[plan] < len(times) and times[used[plan]] <= time + tolerance:
            used[plan] += 1
        return times[first] if used[plan] > first else None

    def settled() -> Iterator[tuple[int, Window]]:
        while waiting and waiting[0].time + tolerance < boundaries.settled:
            sample = waiting.popleft()
            for plan, picture in enumerate(sample.pictures):
                if picture is not None:
                    start = shot_start(plan, sample.time)
                    for window in windowers[plan].add(sample.time, picture, start):
                        yield plan, window

    for sample in samples:
        waiting.append(sample)
        yield from settled()
    yield from settled()
    for plan, windower in enumerate(windowers):
        for window in windower.flush(duration):
            yield plan, window


def rows_showing(times: NDArray[np.float64], begin: float, span: Span) -> range:
    """Which of the frames at ``times`` show ``span``, whose shot begins at ``begin``."""
    first = int(np.searchsorted(times, span.start, side="right")) - 1
    if first < 0 or times[first] < begin:
        first += 1  # what is still on screen is of the shot before
    return range(first, int(np.searchsorted(times, span.end)))


def read_span(
    video: Video,
    encoder: Encoder,
    span: Span,
    boundaries: NDArray[np.float64],
    kept: tuple[NDArray[np.float64], NDArray[np.uint8]] | None = None,
) -> Iterator[Window]:
    """Windows of ``span``, side by side, none across one of ``boundaries``.

    It is decoded by itself, or not at all where ``kept`` are the frames of the whole video at the
    encoder's rate: times float64[N] and pictures uint8[N, S, S, 3].
    """
    windower = Windower(encoder.frames, encoder.frames, span.start)
    shot = int(np.searchsorted(boundaries, span.start, side="right"))
    frames: Iterable[tuple[float, NDArray[np.uint8]]]
    rows = None if kept is None else _rows_at(kept[0], boundaries, span, encoder.fps)
    if kept is None or rows is None:
        frames = (
            (frame.time, encoder.prepare(frame.rgb[None])[0])
            for frame in video.frames(fps=encoder.fps, span=span, size=encoder.spec.frame_size)
        )
    else:
        pictures = kept[1]
        frames = ((time, pictures[row]) for time, row in rows)
    for time, picture in frames:
        now = int(np.searchsorted(boundaries, time, side="right"))
        start = None if now == shot else float(boundaries[now - 1])
        shot = now
        yield from windower.add(time, picture, start)
    yield from windower.flush(span.end)


def _rows_at(
    times: NDArray[np.float64], boundaries: NDArray[np.float64], span: Span, fps: float
) -> list[tuple[float, int]] | None:
    """The moments at which ``span`` is decoded at ``fps``, each with the frame that shows it.

    That is the last of the frames at ``times`` up to then, or the next where that one is of the
    shot before. ``None`` where a shot has no frame of its own.
    """
    rows = []
    for time in grid(span, fps):
        shot = int(np.searchsorted(boundaries, time, side="right"))
        begin = float(boundaries[shot - 1]) if shot else -math.inf
        end = float(boundaries[shot]) if shot < len(boundaries) else math.inf
        row = int(np.searchsorted(times, time, side="right")) - 1
        if row < 0 or times[row] < begin:
            row += 1
        if row >= len(times) or times[row] >= min(end, span.end):
            return None
        rows.append((time, row))
    return rows or None
