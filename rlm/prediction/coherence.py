"""Whether one span can be what follows another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.index.storage.store import Part, PartId
from rlm.prediction.energy import foresee, foresee_each
from rlm.prediction.reading import (
    context_before,
    depends_on,
    following,
    tubelet_seconds,
)
from rlm.spans import Span

SAMPLES = 32
"""Real continuations of the video that a judgement is compared with."""
_AHEAD = 4  # tubelets of a continuation that are judged at most


@dataclass(frozen=True, slots=True)
class Coherence:
    """How well the beginning of one span follows the end of another.

    ``score`` is how many standard deviations the energy lies below those of what really follows at
    ``samples`` other moments of the video (0 is usual, far below 0 is a break); ``None`` where the
    video is too short to tell. ``energy`` is the mean absolute difference of what was expected to
    what came, in layer-norm space, ``copy_energy`` that of a copy of the last tubelet, ``ratio``
    the logarithm of the first over the second. ``start`` and ``end`` are those of the continuation
    that was judged.
    """

    start: float
    end: float
    score: float | None
    energy: float
    copy_energy: float
    ratio: float
    samples: int
    space: str = field(repr=False)
    method: str = field(repr=False)


def verify(index: VideoIndex, before: Span, after: Span) -> Coherence:
    """Judge ``after`` as what follows ``before``.

    The end of ``before`` is the context, up to half of the predictor's range; as much of the
    beginning of ``after`` is judged.

    Raises ``UsageError`` when either holds no whole tubelet.
    """
    encoder = index.encoder()
    ahead = min(_AHEAD, encoder.reach // 2)
    most = encoder.reach - ahead
    context = context_before(index, before, most)
    wanted = min(ahead, int(after.duration / tubelet_seconds(index) + 1e-9))
    came = following(index, after.start, max(wanted, 1))
    if not wanted or not len(came):
        raise UsageError(f"{after} is shorter than {tubelet_seconds(index):g} s: nothing to judge")
    (one,) = foresee(encoder, [context.pictures], [came.pictures], len(came))
    energy, copied = float(one.energy.mean()), float(one.copy_energy.mean())
    usual = _usual(index, len(context), len(came))
    score = None
    if len(usual) > 2 and (spread := float(usual.std(ddof=1))) > 0:
        score = (float(usual.mean()) - energy) / spread
    return Coherence(
        start=float(came.spans[0, 0]),
        end=float(came.spans[-1, 1]),
        score=score,
        energy=energy,
        copy_energy=copied,
        ratio=math.log(max(energy, 1e-12) / max(copied, 1e-12)),
        samples=len(usual),
        space=encoder.spec.tubelet_space,
        method="V-JEPA predictor beside copying the last tubelet",
    )


def _usual(index: VideoIndex, seen: int, ahead: int) -> NDArray[np.float64]:
    """Energies of what really follows, at up to ``SAMPLES`` moments spread over the shots.

    Kept, since a video is judged moment by moment: without it each judgement costs ``SAMPLES``.
    """
    parameters = depends_on(index) | {"seen": seen, "ahead": ahead, "samples": SAMPLES}

    def make(part: PartId) -> Part:
        return Part(
            part,
            index.video.path.name,
            index.video.span.end,
            arrays={"energies": _sampled(index, seen, ahead)},
        )

    found: NDArray[np.float64] = index.derived("usual", parameters, make).arrays["energies"]
    return found


def _sampled(index: VideoIndex, seen: int, ahead: int) -> NDArray[np.float64]:
    long = tubelet_seconds(index)
    moments: list[float] = []
    for scene in index.scenes():
        first, last = scene.start + seen * long, scene.end - ahead * long
        if last >= first:
            moments += np.arange(first, last + 1e-9, long).tolist()
    if not moments:
        return np.empty(0)
    chosen = np.unique(np.linspace(0, len(moments) - 1, SAMPLES).astype(int)).tolist()
    told = foresee_each(
        index.encoder(), _pairs(index, [moments[i] for i in chosen], seen, ahead), ahead
    )
    return np.array([one.energy.mean() for one in told])


def _pairs(
    index: VideoIndex, moments: Sequence[float], seen: int, ahead: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """What comes before each of ``moments``, and after it, where there is enough of both."""
    for moment in moments:
        start = max(0.0, moment - seen * tubelet_seconds(index))
        context = context_before(index, Span(start, moment), seen)
        came = following(index, moment, ahead)
        if len(context) == seen and len(came) == ahead:
            yield context.pictures, came.pictures
