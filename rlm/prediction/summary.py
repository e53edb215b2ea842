"""The parts of a video that say most: what surprises is kept, what could be foreseen is not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction.surprise import surprise_curve
from rlm.spans import Span

PART_SECONDS = 2.0
"""How long a part of a summary is at most: long enough to be watched, short enough to be many."""


@dataclass(frozen=True, slots=True)
class SummaryPart:
    """A stretch ``[start, end)`` (seconds) that a summary keeps.

    ``score`` is the mean surprise of what it shows, in standard deviations above the median of the
    video.
    """

    start: float
    end: float
    score: float
    space: str = field(repr=False)
    method: str = field(repr=False)


def summarize(index: VideoIndex, seconds: float, span: Span | None = None) -> list[SummaryPart]:
    """At most ``seconds`` of the video, or of ``span``, in order of time: what surprises most.

    Parts of two seconds or a little less, each within one shot, are taken by their mean surprise;
    the first part of a shot bears the surprise of the cut before it, so that shots come before what
    goes on in them. Parts that touch become one.

    Raises ``UsageError`` for less than two seconds, and as ``surprise_curve`` does.
    """
    if not seconds >= PART_SECONDS:
        raise UsageError(f"a summary takes {PART_SECONDS:g} s or more, not {seconds:g}")
    curve = surprise_curve(index, span)
    wanted = Span(curve.start, curve.end)
    parts = _parts(index, wanted)
    scored = []
    for part in parts:
        inside = (curve.times >= part.start - 1e-6) & (curve.times < part.end)
        scored.append(float(curve.score[inside].mean()) if inside.any() else 0.0)
    left, kept = seconds, []
    for number in np.argsort(-np.array(scored), kind="stable").tolist():
        if parts[number].duration <= left + 1e-9:
            kept.append(number)
            left -= parts[number].duration
    return [
        SummaryPart(start, end, score, curve.space, f"mean of: {curve.method}")
        for start, end, score in _joined([(parts[n], scored[n]) for n in sorted(kept)])
    ]


def _parts(index: VideoIndex, span: Span) -> list[Span]:
    """``span`` cut at the boundaries of shots, and shots into equal parts of about two seconds."""
    parts = []
    for scene in index.scenes():
        inside = span.intersect(Span(scene.start, scene.end))
        if inside is None or inside.duration <= 0:
            continue
        edges = np.linspace(
            inside.start, inside.end, math.ceil(inside.duration / PART_SECONDS - 1e-9) + 1
        ).tolist()
        parts += [Span(a, b) for a, b in pairwise(edges)]
    return parts


def _joined(parts: list[tuple[Span, float]]) -> list[tuple[float, float, float]]:
    """Neighbours as one, with the mean of their scores by length."""
    joined: list[tuple[float, float, float]] = []
    for part, score in parts:
        if joined and abs(joined[-1][1] - part.start) < 1e-6:
            start, end, mean = joined[-1]
            whole = part.end - start
            joined[-1] = (start, part.end, (mean * (end - start) + score * part.duration) / whole)
        else:
            joined.append((part.start, part.end, score))
    return joined
