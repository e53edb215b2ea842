"""What happens next, by the predictor, told in words or by other moments of the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Embedding
from rlm.encoders.embedding import normalise
from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction.classify import anticipating, classify
from rlm.prediction.energy import Tokens
from rlm.prediction.future import offsets, pooled
from rlm.prediction.matching import FORETOLD, chances, check_candidates
from rlm.prediction.reading import context_before, shot_end, tubelet_seconds
from rlm.spans import Span

Vector = NDArray[np.float32]

_NEIGHBOURS = 5
"""Moments like the expected one that speak for it where the preset itself knows no words."""


@dataclass(frozen=True, slots=True)
class Anticipation:
    """One guess at what is seen from ``start`` to ``end`` (seconds).

    For a candidate, ``label`` is its text and ``lift`` how much better it fits what is expected
    than what is seen now (cosine): above 0 something changes towards it. ``score`` is its cosine to
    what is expected plus the lift, ``probability`` that of being the one if one of them is; it is
    ``None`` in a space for which none was calibrated. Without candidates, it is a moment of the
    video: ``like`` is where (start, end), ``score`` the cosine to what is expected, and ``lift``
    that less the cosine to what is seen now; or it is a class of a probe that foretells: its
    ``label`` and ``probability``, which is its ``score`` too.
    """

    start: float
    end: float
    score: float
    lift: float | None
    label: str | None
    probability: float | None
    like: tuple[float, float] | None
    space: str = field(repr=False)
    method: str = field(repr=False)


_Where = tuple[Span | None, Span]
"""Where moments are looked for, ``None`` for everywhere, and a span that they may not touch."""


def anticipate(
    index: VideoIndex,
    span: Span,
    anticipation_time: float = 1.0,
    candidates: Sequence[str] | None = None,
    k: int = 5,
    inside: Span | None = None,
) -> list[Anticipation]:
    """What is expected ``anticipation_time`` seconds after ``span``: the ``k`` best guesses.

    ``candidates`` are ranked by score; a score without the lift would say of almost everything that
    the same goes on. Where the preset has a text side of its own it reads the expected tokens, as
    it reads seen ones (they live in one space); else the nearest other moments of the video speak
    for what is expected, by their vectors in a text space of the index. Without candidates the
    classes of registered probes that foretell so far ahead are given, the ``k`` best of each, and
    then the ``k`` moments of the video most like what is expected. ``span`` is left out of them,
    and what follows it up to the end of the shot; ``inside`` limits them to another span.

    Raises ``UsageError`` out of the predictor's range, for a span without a whole tubelet of one
    shot, for less than 2 candidates or equal ones, where the index compares no text, and for ``k``
    below 1.
    """
    if k < 1:
        raise UsageError(f"k is the number of guesses wanted, at least 1, not {k}")
    encoder = index.encoder()
    long = tubelet_seconds(index)
    (offset,) = offsets(anticipation_time, 1, long, encoder.reach)
    context = context_before(index, span, encoder.reach - offset - 1)
    ((seen, expected),) = encoder.predict([context.pictures], offset + 1)
    start = span.end + offset * long
    target = Span(start, start + long)
    # What comes right after shows what came, and was encoded together with it.
    hidden = Span(span.start, max(target.end, shot_end(index, target.start)))
    if candidates is None:
        classes = _classes(index, span, target, k)
        return [*classes, *_moments(index, seen, expected[offset:], target, (inside, hidden), k)]
    told = check_candidates(candidates)
    now = Span(float(context.spans[0, 0]), span.end)
    future, present, name, method = _in_words(index, seen, expected[offset:], now, (inside, hidden))
    texts = index.encoder(name).encode_text(told)
    fits = texts @ future
    lifts = fits - texts @ present
    scores = (fits + lifts).astype(np.float64)
    shares = chances(scores, FORETOLD if name == "joint" else name, encoder.spec)
    guesses = [
        Anticipation(
            start=target.start,
            end=target.end,
            score=float(scores[row]),
            lift=float(lifts[row]),
            label=candidates[row],
            probability=shares[row],
            like=None,
            space=index.spaces[name],
            method=method,
        )
        for row in range(len(told))
    ]
    return sorted(guesses, key=lambda guess: -guess.score)[:k]


def _in_words(
    index: VideoIndex, seen: Tokens, expected: Tokens, now: Span, where: _Where
) -> tuple[Vector, Vector, str, str]:
    """What is expected and what is seen now in a text space; the field it is, and how it was read.

    Raises ``UsageError`` where there is none.
    """
    encoder = index.encoder()
    if "joint" in encoder.tracks:
        rows = encoder.pool([expected, seen])["joint"]
        return rows[0], rows[1], "joint", "text side on V-JEPA's expected tokens"
    name = next(iter(index.text_spaces), None)
    if name is None:
        raise UsageError(
            f"an index with preset {index.preset} compares no text with video, by its fields "
            f"{', '.join(index.fields)}: leave out the candidates, or see videorlm models"
        )
    hits = _nearest(index, expected, _NEIGHBOURS, where)
    if not hits:
        raise UsageError("the video holds no other moment that could speak for what is expected")
    vectors = [index.embed(Span(start, end), name).vector for start, end, _, _ in hits]
    future = normalise(np.mean(vectors, axis=0))
    method = f"{name} vectors of the {len(hits)} moments most like what V-JEPA expects"
    return future, index.embed(now, name).vector, name, method


def _classes(index: VideoIndex, span: Span, target: Span, k: int) -> list[Anticipation]:
    """What probes say that foretell the time of ``target``."""
    return [
        Anticipation(
            start=target.start,
            end=target.end,
            score=one.score,
            lift=None,
            label=one.label,
            probability=one.probability,
            like=None,
            space=one.space,
            method=one.method,
        )
        for task, ahead in anticipating(index)
        if span.end + ahead in target
        for one in classify(index, span, task, k=k)
    ]


def _moments(
    index: VideoIndex, seen: Tokens, expected: Tokens, target: Span, where: _Where, k: int
) -> list[Anticipation]:
    now = {e.space: e for e in _embeddings(index, seen[-1:])}
    return [
        Anticipation(
            start=target.start,
            end=target.end,
            score=score,
            lift=score - index.embed(Span(start, end), name).similarity(now[index.spaces[name]]),
            label=None,
            probability=None,
            like=(start, end),
            space=index.spaces[name],
            method=f"nearest in {name} to what V-JEPA expects",
        )
        for start, end, score, name in _nearest(index, expected, k, where)
    ]


def _nearest(
    index: VideoIndex, expected: Tokens, k: int, where: _Where
) -> list[tuple[float, float, float, str]]:
    """Start, end, cosine and field of the ``k`` moments most like ``expected``, ``where`` allowed,
    in the finest field of V-JEPA's own spaces that the index has."""
    spaces = set(index.spaces.values())
    embedding = next(e for e in _embeddings(index, expected) if e.space in spaces)
    hits = index.nearest(embedding, k, *where)
    return [(hit.start, hit.end, hit.score, hit.source) for hit in hits]


def _embeddings(index: VideoIndex, tokens: Tokens) -> list[Embedding]:
    """Tokens as a vector of a tubelet, and as one of a window."""
    encoder = index.encoder()
    rows = encoder.pool([tokens])
    return [
        Embedding(encoder.spec.tubelet_space, pooled(tokens.mean(axis=0))),
        Embedding(encoder.spec.tracks["vjepa"], rows["vjepa"][0]),
    ]
