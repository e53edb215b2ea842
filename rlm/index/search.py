"""Ranking windows against a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Embedding
from rlm.errors import UsageError
from rlm.index.snapshot import Field
from rlm.spans import Span


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of video, ``[start, end)`` in seconds, that answers a search.

    ``score`` is the cosine similarity in ``space``, to be compared only with others of one search;
    ``source`` is the track searched, and ``method`` says in words what was compared with what.
    """

    start: float
    end: float
    score: float
    space: str = field(repr=False)
    source: str = field(repr=False)
    method: str

    @property
    def span(self) -> Span:
        """From start to end."""
        return Span(self.start, self.end)


def touching(spans: NDArray[np.float64], span: Span) -> NDArray[np.bool_]:
    """Which of ``spans`` float64[N, 2] share time with ``span``; an empty span is a moment."""
    starts, ends = spans[:, 0], spans[:, 1]
    if span.duration == 0:
        inside: NDArray[np.bool_] = (starts <= span.start) & (span.start < ends)
        return inside
    shared: NDArray[np.bool_] = (starts < span.end) & (span.start < ends)
    return shared


def rank(
    scores: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    k: int,
    around: Callable[[int], slice] | None = None,
) -> list[int]:
    """Positions of the ``k`` best eligible scores, best first, the earlier one at a tie.

    With ``around``, greedy non-maximum suppression: a position in the slice around one already
    chosen is passed over, so that fewer than ``k`` may come back.
    """
    chosen: list[int] = []
    left = eligible.copy()
    for candidate in np.argsort(-scores, kind="stable"):
        if len(chosen) == k:
            break
        if left[candidate]:
            position = int(candidate)
            chosen.append(position)
            if around is not None:
                left[around(position)] = False
    return chosen


def nearest(
    field: Field,
    embedding: Embedding,
    k: int,
    span: Span | None,
    excluded: Sequence[Span],
    shots: NDArray[np.float64] | None,
) -> list[Hit]:
    """The ``k`` rows of ``field`` most like ``embedding``, which lives in its space, best first.

    Rows that share no time with ``span``, and those that share some with one of ``excluded``, are
    passed over. With ``shots``, the times at which shots begin, so are rows of one shot that lie
    within the field's reach of a better one. Raises ``UsageError`` when ``k`` is below 1.
    """
    if k < 1:
        raise UsageError(f"k is the number of hits wanted, at least 1, not {k}")
    spans = field.spans
    eligible = np.ones(len(spans), dtype=np.bool_)
    if span is not None:
        eligible &= touching(spans, span)
    for each in excluded:
        eligible &= ~touching(spans, each)

    def around(position: int) -> slice:
        assert shots is not None
        start, end = spans[position]
        shot = int(np.searchsorted(shots, start, side="right"))
        # Rows are in order of time, so those within reach, and those of a shot, are neighbours.
        first = np.searchsorted(spans[:, 1], start - field.reach, side="right")
        last = np.searchsorted(spans[:, 0], end + field.reach, side="left")
        if shot > 0:
            first = max(first, np.searchsorted(spans[:, 0], shots[shot - 1], side="left"))
        if shot < len(shots):
            last = min(last, np.searchsorted(spans[:, 0], shots[shot], side="left"))
        return slice(int(first), int(last))

    scores = field.track.vectors @ embedding.vector
    what = "text to" if embedding.origin == "text" else "example in"
    return [
        Hit(
            start=float(spans[position, 0]),
            end=float(spans[position, 1]),
            score=float(scores[position]),
            space=embedding.space,
            source=field.name,
            method=f"{what} {field.name}",
        )
        for position in rank(scores, eligible, k, None if shots is None else around)
    ]
