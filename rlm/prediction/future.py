"""The future of a span, as V-JEPA's predictor expects it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rlm.encoders import Embedding
from rlm.encoders.embedding import normalise
from rlm.errors import SpaceMismatch, UsageError
from rlm.index import Hit, VideoIndex
from rlm.prediction.energy import Tokens, foresee
from rlm.prediction.reading import context_before, following, shot_end, tubelet_seconds
from rlm.spans import Span


@dataclass(frozen=True, slots=True)
class Future:
    """What is expected to be seen from ``start`` to ``end`` (seconds), one tubelet.

    ``embedding`` is the mean of its tokens. Where the video goes on so far, ``score`` is the cosine
    similarity of that mean to that of what came, ``energy`` the mean absolute difference of their
    tokens in layer-norm space, and ``copy_energy`` that of a copy of the last tubelet seen: below
    it, the predictor knew better than that all stays as it is. ``nearest`` are the other moments
    most like it, in an index that holds vectors of that space.
    """

    start: float
    end: float
    score: float | None
    energy: float | None
    copy_energy: float | None
    nearest: tuple[Hit, ...]
    embedding: Embedding = field(repr=False)
    space: str = field(repr=False)
    method: str = field(repr=False)


def predict(
    index: VideoIndex,
    span: Span,
    horizon: float = 1.0,
    steps: int = 1,
    k: int = 3,
    inside: Span | None = None,
) -> list[Future]:
    """What follows ``span``: ``steps`` moments, the first ``horizon`` seconds after its end, each
    as much after the one before.

    The context is the end of ``span``, as much of its last shot as the predictor's range allows;
    nothing else is encoded for it. All tubelets up to the last step are foretold together, as in
    training. ``k`` is how many other moments, all ``inside`` a span if given, are looked up
    for each step.

    Raises ``UsageError`` when ``horizon`` or ``steps`` is out of the predictor's range, when steps
    are nearer to each other than a tubelet, or when ``span`` holds no whole tubelet of one shot.
    """
    encoder = index.encoder()
    long = tubelet_seconds(index)
    places = offsets(horizon, steps, long, encoder.reach)
    ahead = places[-1] + 1
    context = context_before(index, span, encoder.reach - ahead)
    came = following(index, span.end, ahead)
    (foreseen,) = foresee(encoder, [context.pictures], [came.pictures], ahead)
    seen = Span(float(context.spans[0, 0]), span.end)
    space = encoder.spec.tubelet_space
    futures = []
    for offset in places:
        start = span.end + offset * long
        known = offset < len(came)
        embedding = Embedding(space, pooled(foreseen.expected[offset]))
        score = None
        if known:
            score = embedding.similarity(Embedding(space, pooled(foreseen.real[offset])))
            start = float(came.spans[offset, 0])
        target = Span(start, start + long)
        # What comes right after shows it.
        here = Span(span.start, max(target.end, shot_end(index, target.start)))
        futures.append(
            Future(
                start=target.start,
                end=target.end,
                score=score,
                energy=float(foreseen.energy[offset]) if known else None,
                copy_energy=float(foreseen.copy_energy[offset]) if known else None,
                nearest=tuple(_elsewhere(index, embedding, k, inside, here)),
                embedding=embedding,
                space=space,
                method=f"V-JEPA predictor, from {seen.duration:.3g} s",
            )
        )
    return futures


def pooled(tokens: Tokens) -> Tokens:
    """The vector float32[hidden] of one tubelet's tokens float32[G * G, hidden]."""
    return normalise(tokens.mean(axis=0))


def offsets(horizon: float, steps: int, long: float, reach: int) -> list[int]:
    """How many tubelets after the last one seen each step begins."""
    whole = isinstance(steps, int) and not isinstance(steps, bool)
    if not whole or steps < 1:
        raise UsageError(f"steps is a whole number from 1 on, not {steps!r}")
    farthest = (reach - 2) * long
    if not (math.isfinite(horizon) and horizon >= 0 and horizon * steps <= farthest + 1e-9):
        raise UsageError(
            f"{steps} steps of {horizon:g} s are out of the trained range: the last one lies 0 to "
            f"{farthest:g} s after the span"
        )
    places = [int(horizon * step / long + 1e-9) for step in range(1, steps + 1)]
    if len(set(places)) < steps:
        raise UsageError(f"steps lie at least {long:g} s apart, not {horizon:g}")
    return places


def _elsewhere(
    index: VideoIndex, embedding: Embedding, k: int, inside: Span | None, here: Span
) -> list[Hit]:
    try:
        return index.nearest(embedding, k, inside, here) if k else []
    except SpaceMismatch:  # only tiers with a vector for each tubelet have that space
        return []
