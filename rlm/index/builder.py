"""The build: one linear pass over the video, with memory that does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder
from rlm.errors import VideoDamaged
from rlm.index.cuts import CutDetector
from rlm.spans import Span
from rlm.video import Video

Progress = Callable[[float, float], None]
"""Called with seconds done and seconds in all."""

# How often progress is told, in seconds of video.
_PROGRESS_STEP = 1.0


@dataclass(frozen=True)
class Window:
    """Consecutive samples of one shot: prepared pictures uint8[T, S, S, 3] and what they cover."""

    span: Span
    rgb: NDArray[np.uint8]


@dataclass(frozen=True)
class Pass:
    """What one pass found.

    ``windows`` and ``scenes`` are float64[N, 2], starts and ends in seconds, each tiling the video;
    ``tracks`` holds float32[N, D], a row a window.
    """

    windows: NDArray[np.float64]
    scenes: NDArray[np.float64]
    tracks: Mapping[str, NDArray[np.float32]]


class Windower:
    """Cuts a stream of samples into windows that tile the time line and never mix two shots.

    A window ends when it holds ``size`` samples or its shot ends. It covers the time from its first
    sample (or the cut before it) to the first sample of the next window (or the cut before that);
    the first window starts at 0 and the last ends with the video.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._start = 0.0
        self._samples: list[NDArray[np.uint8]] = []

    def add(self, time: float, rgb: NDArray[np.uint8], cut: float | None) -> Window | None:
        """Take the sample uint8[S, S, 3] at ``time`` and give back the window it ends, if any.

        ``cut`` is where its shot starts when that is not the shot of the sample before.
        """
        ended = None
        if self._samples and (cut is not None or len(self._samples) == self._size):
            ended = self.flush(time if cut is None else cut)
        self._samples.append(rgb)
        return ended

    def flush(self, end: float) -> Window | None:
        """End the window in hand at ``end``; ``None`` when it holds nothing."""
        if not self._samples:
            return None
        window = Window(Span(self._start, end), np.stack(self._samples))
        self._start, self._samples = end, []
        return window


def read_windows(
    video: Video,
    encoder: Encoder,
    detector: CutDetector,
    progress: Progress | None = None,
) -> Iterator[Window]:
    """Read ``video`` once and yield its windows in order, as soon as their cuts are settled."""
    duration = video.span.end
    # What the decoder forgives stamps when it picks the picture on display.
    rounding = video.timing.tolerance
    windower = Windower(encoder.frames)
    waiting: deque[tuple[float, NDArray[np.uint8]]] = deque()
    used_cuts = 0
    told = 0.0

    def settled() -> Iterator[Window]:
        nonlocal used_cuts
        while waiting and waiting[0][0] + rounding < detector.settled:
            time, rgb = waiting.popleft()
            cut = None
            # A shot too short to hold a sample goes to the window after it.
            while used_cuts < len(detector.cuts) and detector.cuts[used_cuts] <= time + rounding:
                cut = detector.cuts[used_cuts] if cut is None else cut
                used_cuts += 1
            if window := windower.add(time, rgb, cut):
                yield window

    size = encoder.spec.frame_size
    for frame in video.frames(fps=encoder.fps, size=size, tap=detector.add):
        waiting.append((frame.time, encoder.prepare(frame.rgb[None])[0]))
        detector.advance(frame.time)
        yield from settled()
        if progress is not None and frame.time - told >= _PROGRESS_STEP:
            told = frame.time
            progress(frame.time, duration)
    detector.finish(duration)
    yield from settled()
    if last := windower.flush(duration):
        yield last


def build(video: Video, encoder: Encoder, progress: Progress | None = None) -> Pass:
    """Read, cut and encode ``video``.

    Raises ``VideoDamaged`` when not one picture can be decoded.
    """
    detector = CutDetector(min_shot=1.0 / encoder.fps)
    spans: list[Span] = []
    parts: dict[str, list[NDArray[np.float32]]] = {track: [] for track in encoder.tracks}
    batch: list[NDArray[np.uint8]] = []

    def encode() -> None:
        for track, vectors in encoder.encode(batch).items():
            parts[track].append(vectors)
        batch.clear()

    for window in read_windows(video, encoder, detector, progress):
        spans.append(window.span)
        batch.append(window.rgb)
        if len(batch) == encoder.spec.preset.batch:
            encode()
    if batch:
        encode()
    if not spans:
        raise VideoDamaged(f"no picture of {video.path} could be decoded: is the file whole?")
    if progress is not None:
        progress(video.span.end, video.span.end)
    edges = np.array([0.0, *detector.cuts, video.span.end])
    return Pass(
        windows=np.array([(span.start, span.end) for span in spans]),
        scenes=np.stack([edges[:-1], edges[1:]], axis=1),
        tracks={track: np.concatenate(vectors) for track, vectors in parts.items()},
    )
