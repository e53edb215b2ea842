"""Which span comes after which: candidates ranked, and spans put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction.energy import Tokens
from rlm.prediction.reading import context_before, following, tubelet_seconds
from rlm.spans import Span

MOST_SPANS = 14
"""Spans that can be put in order: all orders are weighed, and the work doubles with each."""
_AHEAD = 4  # tubelets of a continuation that are judged at most
_METHOD = "V-JEPA predictor, continuations encoded alone"

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankedFuture:
    """A span, ``[start, end)`` in seconds, as a continuation of another.

    ``energy`` is the mean absolute difference of its beginning to what was expected, in layer-norm
    space; ``score`` is how many standard deviations that lies below the mean of the candidates.
    """

    start: float
    end: float
    score: float
    energy: float
    space: str = field(repr=False)
    method: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SegmentOrder:
    """Spans in the order in which they follow each other best.

    ``spans`` are (start, end) in seconds and ``order`` their places in what was given;
    ``energy`` is the sum over the transitions, ``score`` how many standard deviations that lies
    below the mean over all orders.
    """

    start: float
    end: float
    spans: tuple[tuple[float, float], ...]
    order: tuple[int, ...]
    score: float
    energy: float
    space: str = field(repr=False)
    method: str = field(repr=False)


def rank_futures(
    index: VideoIndex, context: Span, candidates: Sequence[Span]
) -> list[RankedFuture]:
    """The candidates by how well their beginnings are what is expected after ``context``.

    Candidates are encoded by themselves: nothing of the context is in them.

    Raises ``UsageError`` for no candidates, and spans that hold no whole tubelet.
    """
    if not candidates:
        raise UsageError("there are no candidates: give at least one span")
    energies = transition_energies(index, [context], candidates)[0]
    spread = float(energies.std()) or 1.0
    space = index.encoder().spec.tubelet_space
    ranked = [
        RankedFuture(
            candidate.start,
            candidate.end,
            (float(energies.mean()) - float(energy)) / spread,
            float(energy),
            space,
            _METHOD,
        )
        for candidate, energy in zip(candidates, energies, strict=True)
    ]
    return sorted(ranked, key=lambda one: one.energy)


def order_segments(index: VideoIndex, spans: Sequence[Span]) -> SegmentOrder:
    """The order of ``spans`` with the least energy over its transitions, of all there are.

    By dynamic programming over sets (Held and Karp 1962).

    Raises ``UsageError`` for less than 2 or more than ``MOST_SPANS`` spans, and for one that holds
    no whole tubelet.
    """
    if not 2 <= len(spans) <= MOST_SPANS:
        raise UsageError(f"2 to {MOST_SPANS} spans can be put in order, not {len(spans)}")
    energies = transition_energies(index, spans, spans)
    order = shortest_path(energies)
    total = float(sum(energies[i, j] for i, j in pairwise(order)))
    mean, spread = _over_all_orders(energies)
    chosen = [spans[i] for i in order]
    return SegmentOrder(
        start=min(span.start for span in spans),
        end=max(span.end for span in spans),
        spans=tuple((span.start, span.end) for span in chosen),
        order=order,
        score=(mean - total) / spread if spread > 0 else 0.0,
        energy=total,
        space=index.encoder().spec.tubelet_space,
        method=f"{_METHOD}; least sum over all orders",
    )


def transition_energies(index: VideoIndex, before: Sequence[Span], after: Sequence[Span]) -> Matrix:
    """Energies float64[len(before), len(after)] of each of ``after`` as what follows each of
    ``before``: the mean over the tubelets that both the forecast and the continuation have.

    Raises ``UsageError`` for a span that holds no whole tubelet.
    """
    ahead = min(_AHEAD, index.encoder().reach // 2)
    real = _beginnings(index, after, ahead)
    return np.array([[_energy(guess, came) for came in real] for guess in _expected(index, before)])


def energies_in_turn(index: VideoIndex, spans: Sequence[Span]) -> NDArray[np.float64]:
    """The energies float64[len(spans) - 1] of each span as what follows the one before it.

    Raises ``UsageError`` for a span that holds no whole tubelet.
    """
    ahead = min(_AHEAD, index.encoder().reach // 2)
    pairs = zip(_expected(index, spans[:-1]), _beginnings(index, spans[1:], ahead), strict=True)
    return np.array([_energy(guess, came) for guess, came in pairs])


def _expected(index: VideoIndex, spans: Sequence[Span]) -> list[Tokens]:
    """What is expected after each span."""
    encoder = index.encoder()
    ahead = min(_AHEAD, encoder.reach // 2)
    contexts = [context_before(index, span, encoder.reach - ahead).pictures for span in spans]
    return [foretold for _, foretold in encoder.predict(contexts, ahead)]


def _beginnings(index: VideoIndex, spans: Sequence[Span], ahead: int) -> list[Tokens]:
    """The first tubelets of each span, at most ``ahead``, encoded by themselves."""
    long = tubelet_seconds(index)
    shown = []
    for span in spans:
        whole = min(ahead, int(span.duration / long + 1e-9))
        came = following(index, span.start, max(whole, 1))
        if not whole or not len(came):
            raise UsageError(f"{span} is shorter than {long:g} s: nothing to judge")
        shown.append(came.pictures)
    return index.encoder().features(shown)


def _energy(expected: Tokens, came: Tokens) -> float:
    return float(np.abs(expected[: len(came)] - came).mean(dtype=np.float64))


def shortest_path(costs: Matrix) -> tuple[int, ...]:
    """The order of all n places with the least sum of ``costs`` [n, n] from each to the next."""
    count = len(costs)
    best = np.full((1 << count, count), np.inf)
    came_from = np.zeros((1 << count, count), np.int8)
    for place in range(count):
        best[1 << place, place] = 0.0
    for visited in range(1, 1 << count):
        for place in range(count):
            if visited >> place & 1 and visited != 1 << place:
                through = best[visited ^ 1 << place] + costs[:, place]
                came_from[visited, place] = int(through.argmin())
                best[visited, place] = through.min()
    visited = (1 << count) - 1
    order = [int(best[visited].argmin())]
    while len(order) < count:
        place = order[-1]
        order.append(int(came_from[visited, place]))
        visited ^= 1 << place
    return tuple(reversed(order))


def _over_all_orders(energies: Matrix) -> tuple[float, float]:
    """Mean and standard deviation of the total over all orders, estimated from 2,000 of them."""
    rng = np.random.default_rng(0)
    count = len(energies)
    totals = []
    for _ in range(2000):
        order = rng.permutation(count)
        totals.append(energies[order[:-1], order[1:]].sum())
    return float(np.mean(totals)), float(np.std(totals))
