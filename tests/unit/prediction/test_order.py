"""Spans in order: the best of all orders, and the true continuation before others."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from broken import Planted
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import order_segments, rank_futures
from rlm.prediction.order import shortest_path
from rlm.spans import Span

costs = st.integers(2, 6).flatmap(
    lambda n: arrays(np.float64, (n, n), elements=st.floats(0, 10, allow_nan=False))
)


@given(costs)
def test_no_order_is_shorter(energies: np.ndarray) -> None:
    order = shortest_path(energies)
    assert sorted(order) == list(range(len(energies)))

    def total(path: tuple[int, ...]) -> float:
        return sum(energies[i, j] for i, j in pairwise(path))

    assert total(order) == pytest.approx(min(map(total, permutations(range(len(energies))))))


def test_what_was_shuffled_is_put_right(broken: tuple[Planted, VideoIndex]) -> None:
    """Pieces of two shots: at least those of one shot stay together."""
    _, index = broken
    shots = [s for s in index.scenes() if s.end - s.start > 6][:2]
    pieces = [Span(s.start + t, s.start + t + 2) for s in shots for t in (0.5, 2.5)]
    told = order_segments(index, [pieces[i] for i in (2, 0, 3, 1)])
    assert sorted(told.order) == [0, 1, 2, 3]
    shot_of = [0 if start < shots[0].end else 1 for start, _ in told.spans]
    assert shot_of in ([0, 0, 1, 1], [1, 1, 0, 0])
    assert told.spans == tuple(tuple([pieces[i] for i in (2, 0, 3, 1)][j]) for j in told.order)
    assert told.energy > 0 and told.score > 0
    assert order_segments(index, pieces[:2]).score is None
    assert order_segments(index, [pieces[0]] * 3).score is None


def test_the_true_future_is_ranked_first(broken: tuple[Planted, VideoIndex]) -> None:
    _, index = broken
    shots = [s for s in index.scenes() if s.end - s.start > 6][:3]
    context = Span(shots[0].start + 1, shots[0].start + 3)
    others = [Span(s.start + 3, s.start + 5) for s in shots]
    ranked = rank_futures(index, context, others[::-1])
    assert ranked[0].start == others[0].start and ranked[0].score > 0 > ranked[-1].score
    assert [one.energy for one in ranked] == sorted(one.energy for one in ranked)


def test_what_cannot_be_ordered(index: VideoIndex) -> None:
    with pytest.raises(UsageError, match="2 to 14 spans"):
        order_segments(index, [Span(0, 2)])
    with pytest.raises(UsageError, match="1 to 200 candidates"):
        rank_futures(index, Span(0, 2), [])
    with pytest.raises(UsageError, match="not 201"):
        rank_futures(index, Span(0, 2), [Span(2, 4)] * 201)
    with pytest.raises(UsageError, match="nothing to judge"):
        rank_futures(index, Span(0, 2), [Span(5, 5.1)])
