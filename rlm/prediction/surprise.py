"""How surprising each half second of a video is, and where it breaks.

Of itself an energy is mostly a detector of cuts and of busy pictures (measured: it is highest
where all changes), so that it is told beside the energy of a copy of what was there, and in units
of the video itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.index.storage.store import Part, PartId
from rlm.prediction.energy import foresee
from rlm.prediction.reading import depends_on, steps, tubelet_seconds
from rlm.spans import Span

AHEAD = 1
"""Tubelets that are foretold of each context. Of two, the first would be encoded together with the
second, and bear the surprise of a cut after it."""
_MOST_SEEN = 8  # tubelets; a longer context costs more than it tells
_KIND = "surprise"
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
    read from it; else only the span is computed, and scored by itself.

    Raises ``UsageError`` for a preset without a predictor and a span of less than three tubelets.
    """
    whole = index.video.span
    wanted = whole if span is None else span
    if wanted.duration < 3 * tubelet_seconds(index):
        raise UsageError(
            f"{wanted} is too short: a curve takes {3 * tubelet_seconds(index):g} s or more"
        )
    encoder = index.encoder()
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

    if wanted == whole or index.has_derived(_KIND, parameters):
        part = index.derived(_KIND, parameters, make)
        times, energies = part.timelines["tubelets"], part.arrays["energies"]
    else:
        times, energies = _energies(index, wanted, seen)
    scores = deviations(np.log(energies[:, 0]))
    inside = (times[:, 0] < wanted.end) & (wanted.start < times[:, 1])
    return SurpriseCurve(
        start=wanted.start,
        end=wanted.end,
        times=times[inside, 0],
        energy=energies[inside, 0],
        copy_energy=energies[inside, 1],
        score=scores[inside],
        space=encoder.spec.tubelet_space,
        method=f"V-JEPA predictor, a tubelet from {seen}",
    )


def deviations(values: Values) -> Values:
    """How many standard deviations each value lies above the median.

    By the median absolute deviation, which a few outliers do not move.
    """
    middle = np.median(values)
    spread = _TO_SIGMA * np.median(np.abs(values - middle))
    scores: Values = (values - middle) / max(float(spread), 1e-6)
    return scores


def _energies(index: VideoIndex, span: Span, seen: int) -> tuple[Values, Values]:
    """Spans float64[N, 2] of the tubelets, and their energies float64[N, 2]: foretold, copied."""
    spans: list[Values] = []
    energies: list[Values] = []
    pairs = steps(index, span, seen, AHEAD)
    while batch := list(islice(pairs, index.encoder().batch)):
        contexts, continuations = zip(*((a.pictures, b.pictures) for a, b in batch), strict=True)
        for (_, came), one in zip(
            batch, foresee(index.encoder(), contexts, continuations, AHEAD), strict=True
        ):
            spans.append(came.spans)
            energies.append(np.stack([one.energy, one.copy_energy], axis=1))
    index.video.check_unchanged()
    return np.concatenate(spans), np.concatenate(energies)
