"""How surprising each half second of a video is, and where it breaks.

Of itself an energy is mostly a detector of cuts and of busy pictures (measured: it is highest
where all changes), so that it is told beside the energy of a copy of what was there, and in units
of the video itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError, VideoDamaged
from rlm.index import VideoIndex
from rlm.index.storage.store import Part, PartId
from rlm.prediction.energy import foresee_each
from rlm.prediction.reading import Pictures, depends_on, steps, tubelet_seconds
from rlm.spans import Span

AHEAD = 1
"""Tubelets that are foretold of each context. Of two, the first would be encoded together with the
second, and bear the surprise of a cut after it."""
_MOST_SEEN = 8  # tubelets; a longer context costs more than it tells
_KIND = "surprise"
_LEAST = 0.05  # standard deviation of a logarithm: a twentieth
_TO_SIGMA = 1.4826  # from the median absolute deviation of a normal distribution

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurpriseCurve:
    """What was expected of each tubelet of ``[start, end)`` seconds against what came.

    For N tubelets that begin at ``times`` float64[N] (seconds): ``energy`` float64[N], the mean
    absolute difference of what was expected to what came, in layer-norm space, and
    ``copy_energy``, that of a copy of the last tubelet seen. ``score`` float64[N] is how many
    standard deviations the logarithm of the energy lies above the median of the video: a cut, or
    something nobody could foresee, stands out.
    """

    start: float
    end: float
    times: Values
    energy: Values
    copy_energy: Values
    score: Values
    space: str = field(repr=False)
    method: str = field(repr=False)

    def __repr__(self) -> str:
        peaks = ", ".join(f"{self.times[i]:.2f}" for i in np.argsort(-self.score)[:3])
        return (
            f"SurpriseCurve(start={self.start:g}, end={self.end:g}, {len(self.times)} moments, "
            f"highest at {peaks} s)"
        )


def surprise_curve(index: VideoIndex, span: Span | None = None) -> SurpriseCurve:
    """The curve of ``span``, by default of the whole video, which is kept for the next time.

    Contexts reach over cuts, so that cuts stand out. Where the whole has been computed, a span is
    read from it; else only the span is computed, and its scores are by itself.

    Raises ``UsageError`` for a preset without a predictor and a span of less than three tubelets,
    ``VideoDamaged`` when nothing of it can be decoded.
    """
    wanted = index.video.span if span is None else span
    curve = widest_curve(index, wanted)
    inside = (curve.times + tubelet_seconds(index) > wanted.start) & (curve.times < wanted.end)
    return replace(
        curve,
        start=wanted.start,
        end=wanted.end,
        times=curve.times[inside],
        energy=curve.energy[inside],
        copy_energy=curve.copy_energy[inside],
        score=curve.score[inside],
    )


def widest_curve(index: VideoIndex, span: Span) -> SurpriseCurve:
    """The curve of the whole video where it is known or asked for, else that of ``span``.

    Raises as ``surprise_curve`` does.
    """
    encoder, long = index.encoder(), tubelet_seconds(index)
    if span.duration < 3 * long:
        raise UsageError(f"{span} is too short: a curve takes {3 * long:g} s or more")
    whole = index.video.span
    seen = min(_MOST_SEEN, encoder.reach // 2)
    parameters = depends_on(index) | {"seen": seen, "ahead": AHEAD}

    def make(part: PartId) -> Part:
        times, energies = _energies(index, whole, seen)
        return Part(
            part,
            index.video.path.name,
            whole.end,
            timelines={"tubelets": times},
            arrays={"energies": energies},
        )

    if span == whole or index.has_derived(_KIND, parameters):
        span = whole
        part = index.derived(_KIND, parameters, make)
        times, energies = part.timelines["tubelets"], part.arrays["energies"]
    else:
        # As of the whole: the same tubelets, none with less context than it would have there.
        first = max(0.0, (math.floor(span.start / long + 1e-9) - seen) * long)
        times, energies = _energies(index, Span(first, span.end), seen)
        inside = times[:, 1] > span.start
        times, energies = times[inside], energies[inside]
    return SurpriseCurve(
        start=span.start,
        end=span.end,
        times=times[:, 0],
        energy=energies[:, 0],
        copy_energy=energies[:, 1],
        score=deviations(np.log(energies[:, 0])),
        space=encoder.spec.tubelet_space,
        method=f"V-JEPA predictor, a tubelet from {seen}",
    )


def deviations(values: Values) -> Values:
    """How many standard deviations each value lies above the median.

    ``values`` are logarithms. By the median absolute deviation, which a few outliers do not move;
    but not below ``_LEAST``, or in a video that stands still a breath would be a wonder.
    """
    middle = np.median(values)
    spread = _TO_SIGMA * np.median(np.abs(values - middle))
    scores: Values = (values - middle) / max(float(spread), _LEAST)
    return scores


def _energies(index: VideoIndex, span: Span, seen: int) -> tuple[Values, Values]:
    """Spans float64[N, 2] of the tubelets, and their energies float64[N, 2]: foretold, copied."""
    spans: list[Values] = []

    def pairs() -> Iterator[tuple[Pictures, Pictures]]:
        for context, came in steps(index, span, seen, AHEAD):
            spans.append(came.spans)
            yield context.pictures, came.pictures

    told = foresee_each(index.encoder(), pairs(), AHEAD)
    energies = [np.stack([one.energy, one.copy_energy], axis=1) for one in told]
    index.video.check_unchanged()
    if not spans:
        raise VideoDamaged(f"nothing of {span} of {index.video.path} can be decoded")
    return np.concatenate(spans), np.concatenate(energies)
