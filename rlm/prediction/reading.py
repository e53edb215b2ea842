"""The pictures about a moment, as the preset's encoder is shown them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.index.windows import TUBELET
from rlm.spans import Span

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive pictures uint8[T, S, S, 3], T even, and the ``spans`` float64[T / 2, 2] (seconds)
    of their tubelets."""

    pictures: Pictures
    spans: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.spans)


def tubelet_seconds(index: VideoIndex) -> float:
    """How long a tubelet of the preset lasts."""
    return TUBELET / index.encoder().fps


def depends_on(index: VideoIndex) -> dict[str, JsonValue]:
    """All that predictions of a video depend on beside the video itself."""
    encoder = index.encoder()
    return {"space": encoder.spec.tubelet_space, "fps": encoder.fps, "crop": encoder.crop}


def pictures_of(index: VideoIndex, span: Span) -> Iterator[tuple[float, Pictures]]:
    """The pictures of ``span`` with their times, at the preset's rate."""
    encoder = index.encoder()
    kept = index.kept_frames(encoder.fps)
    if kept is not None:
        times, pictures = kept
        first, last = np.searchsorted(times, [span.start, span.end]).tolist()
        yield from ((float(times[row]), pictures[row]) for row in range(first, last))
        return
    size = encoder.spec.frame_size
    for frame in index.video.frames(fps=encoder.fps, span=span, size=size):
        yield frame.time, encoder.prepare(frame.rgb[None])[0]


def read(index: VideoIndex, span: Span) -> Stretch:
    """What of ``span`` fills whole tubelets, counted back from its end.

    Frames that the build kept are taken where there are some; else the span is decoded.
    """
    shown = list(pictures_of(index, span))
    shown = shown[len(shown) % TUBELET :]
    return _stretch(shown, span.end)


def context_before(index: VideoIndex, span: Span, most: int) -> Stretch:
    """The last tubelets of ``span``, at most ``most``, that lie in one shot.

    Raises ``UsageError`` when there is not one.
    """
    # A cut less than half a picture before the end is that end, rounded.
    last = span.end - 0.5 / index.encoder().fps
    begin = max((s.start for s in index.scenes() if s.start < last), default=0.0)
    end = min((s.start for s in index.scenes() if last <= s.start < span.end), default=span.end)
    start = min(max(span.start, begin, end - most * tubelet_seconds(index)), end)
    found = read(index, Span(start, end))
    if not len(found):
        raise UsageError(
            f"{span} shows less than {tubelet_seconds(index):g} s of one shot before its end: "
            "nothing can be foretold from it"
        )
    return _last(found, most)


def shot_end(index: VideoIndex, moment: float) -> float:
    """Where the shot that shows ``moment`` ends."""
    return min((s.end for s in index.scenes() if s.end > moment), default=moment)


def following(index: VideoIndex, moment: float, most: int) -> Stretch:
    """The tubelets from ``moment`` on, at most ``most``; fewer, or none, where the video ends."""
    end = min(index.video.span.end, moment + most * tubelet_seconds(index))
    if end <= moment:
        return Stretch(np.empty((0, 0, 0, 3), np.uint8), np.empty((0, 2)))
    shown = list(pictures_of(index, Span(moment, end)))[: TUBELET * most]
    return _stretch(shown[: len(shown) // TUBELET * TUBELET], end)


def steps(
    index: VideoIndex, span: Span, seen: int, ahead: int
) -> Iterator[tuple[Stretch, Stretch]]:
    """``span`` in steps of ``ahead`` tubelets, each with up to ``seen`` tubelets before it.

    Cuts are not heeded. Decodes once, in bounded memory, or not at all where frames were kept.
    What comes before the first tubelet is none of ``span``, and of the last step there may be less.
    """
    frames = pictures_of(index, span)
    before: deque[tuple[float, Pictures]] = deque(islice(frames, TUBELET), TUBELET * seen)
    came = list(islice(frames, TUBELET * ahead))
    while len(before) >= TUBELET and len(came) >= TUBELET:
        following = list(islice(frames, TUBELET * ahead))
        whole = came[: len(came) // TUBELET * TUBELET]
        end = following[0][0] if following else span.end
        yield _stretch(list(before), whole[0][0]), _stretch(whole, end)
        before.extend(came)
        came = following


def _last(found: Stretch, most: int) -> Stretch:
    return Stretch(found.pictures[-TUBELET * most :], found.spans[-most:])


def _stretch(shown: list[tuple[float, Pictures]], end: float) -> Stretch:
    times = np.array([time for time, _ in shown])
    edges = np.append(times[::TUBELET], end)
    pictures = [picture for _, picture in shown]
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    return Stretch(np.stack(pictures) if pictures else np.empty((0, 0, 0, 3), np.uint8), spans)
