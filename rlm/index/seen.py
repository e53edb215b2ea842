"""What the heads beside an encoder see in a span: things, moment by moment, and a sentence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder
from rlm.errors import VideoDamaged
from rlm.index.ahead import ahead
from rlm.index.reading import rows_showing
from rlm.index.scenes import Scene
from rlm.index.snapshot import KeptFrames
from rlm.index.windows import TUBELET, FullWindower, Window
from rlm.spans import Span
from rlm.video import Video

WINDOW = 16
"""Pictures that are looked at together; what reads them was trained on so many."""
_BRISK = 8.0  # pictures a second: more were never shown to what reads them
_SLIVER = 0.5  # seconds of another shot at the edge of a span that no caption speaks of


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing during two pictures, ``[start, end)`` in seconds.

    ``x``, ``y`` (its centre, from the upper left) and ``radius`` are fractions of the picture on
    screen; ``dx`` and ``dy`` are what it moves over the ground, in fractions a second: the motion
    of the camera is taken out. ``score`` in [0, 1] is how sure it is.
    """

    start: float
    end: float
    colour: str
    shape: str
    x: float
    y: float
    dx: float
    dy: float
    radius: float
    score: float
    space: str = field(repr=False)
    method: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caption:
    """What ``[start, end)`` seconds show, in words.

    ``score`` in [0, 1] is the geometric mean of the probabilities of its words, of several
    sentences the least.
    """

    start: float
    end: float
    text: str
    score: float
    space: str = field(repr=False)
    method: str = field(repr=False)


def detect(
    video: Video,
    encoder: Encoder,
    scenes: Sequence[Scene],
    span: Span,
    fps: float,
    kept: KeptFrames | None = None,
) -> list[Detection]:
    """The things in ``span``, in order of time: one for each thing and two pictures.

    No window reaches over a boundary of ``scenes``. Decodes once, in bounded memory, or not at all
    where ``kept`` are the frames of the whole video at ``fps``.

    Raises ``UsageError`` when the weights bring no object head, ``VideoDamaged`` when nothing can
    be decoded or the file is no longer the one that was opened.
    """
    source = {
        "space": f"{encoder.spec.model}@{encoder.revision}/objects",
        "method": "object head on V-JEPA tokens",
    }
    found: list[Detection] = []
    shown = False
    cutting = _windows(video, encoder, _boundaries(scenes), span, fps, kept)
    with closing(ahead(cutting, 2 * encoder.batch)) as cut:
        while batch := list(itertools.islice(cut, encoder.batch)):
            sights = encoder.detect(
                [window.pictures for window in batch], [window.keep for window in batch]
            )
            shown = True
            for window, tubelets in zip(batch, sights, strict=True):
                for (start, end), seen in zip(window.moments.tolist(), tubelets, strict=True):
                    for sight in seen:
                        pace = {"dx": sight.dx * fps, "dy": sight.dy * fps}
                        found.append(Detection(start, end, **asdict(sight) | pace | source))
    if not shown:
        raise VideoDamaged(f"no picture in {span} of {video.path} can be decoded")
    video.check_unchanged()
    return found


def caption(video: Video, encoder: Encoder, scenes: Sequence[Scene], span: Span) -> Caption:
    """``span`` in words: a sentence for about four seconds, none across two of ``scenes``.

    A stretch of a shot is cut evenly, each part shown as 16 pictures, or as many as 8 a second
    give. The same sentence is not said twice running. A sliver of a shot at the edge is left out.

    Raises ``UsageError`` when the weights bring no captioner, ``VideoDamaged`` when nothing can be
    decoded or the file is no longer the one that was opened.
    """
    windows: list[NDArray[np.uint8]] = []
    for part in _parts(_boundaries(scenes), span):
        times = max(1, math.floor(part.duration * encoder.fps / WINDOW + 0.5))
        each = TUBELET * math.floor(part.duration / times * _BRISK / TUBELET)
        each = min(max(each, TUBELET), WINDOW)
        clip = video.clip(part, count=times * each, size=encoder.spec.frame_size)
        shown = encoder.prepare(clip.rgb)
        windows += [shown[first : first + each] for first in range(0, len(shown), each)]
    said = encoder.caption(windows)
    video.check_unchanged()
    return Caption(
        start=span.start,
        end=span.end,
        text="; then ".join(text for text, _ in itertools.groupby(text for text, _ in said)),
        score=min(score for _, score in said),
        space=f"{encoder.spec.model}@{encoder.revision}/captioner",
        method="captioner on V-JEPA tokens",
    )


def _boundaries(scenes: Sequence[Scene]) -> NDArray[np.float64]:
    return np.array([scene.start for scene in scenes[1:]])


def _parts(boundaries: NDArray[np.float64], span: Span) -> list[Span]:
    """What of each shot lies in ``span``, slivers left out unless there is nothing else."""
    inside = boundaries[(boundaries > span.start) & (boundaries < span.end)].tolist()
    edges = itertools.pairwise([span.start, *inside, span.end])
    parts = [Span(start, end) for start, end in edges]
    longest = max(part.duration for part in parts)
    return [part for part in parts if part.duration >= min(_SLIVER, longest)]


def _windows(
    video: Video,
    encoder: Encoder,
    boundaries: NDArray[np.float64],
    span: Span,
    fps: float,
    kept: KeptFrames | None,
) -> Generator[Window, None, None]:
    """``span`` at ``fps`` pictures a second, cut so that every picture is seen among others."""
    shot = int(np.searchsorted(boundaries, span.start, side="right"))
    begin = float(boundaries[shot - 1]) if shot else 0.0
    end = min(span.end, *boundaries[shot : shot + 1].tolist(), math.inf)
    # A short span is seen together with what comes before it in its shot.
    context = min(WINDOW - (end - span.start) * fps, (span.start - begin) * fps)
    before = max(0, math.floor(context))
    frames: Iterable[tuple[float, NDArray[np.uint8]]]
    rows = range(0) if kept is None else rows_showing(kept[0], begin, span)
    if kept is None or not rows:
        read = Span(span.start - before / fps, span.end)
        frames = (
            (frame.time, encoder.prepare(frame.rgb[None])[0])
            for frame in video.frames(fps=fps, span=read, size=encoder.spec.frame_size)
        )
    else:
        times, pictures = kept
        before = min(before, rows.start - int(np.searchsorted(times, begin)))
        # The first picture is on screen when the span starts, whenever it appeared.
        shown = {rows.start: span.start}
        frames = (
            (shown.get(row, float(times[row])), pictures[row])
            for row in range(rows.start - before, rows.stop)
        )
    windower = FullWindower(WINDOW)
    for number, (time, picture) in enumerate(frames):
        now = int(np.searchsorted(boundaries, time, side="right"))
        if now != shot:
            yield from windower.flush(float(boundaries[shot]))
            shot = now
        yield from windower.add(time, picture, context=number < before)
    yield from windower.flush(span.end)
