from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlm.index.search import rank, touching
from rlm.spans import Span

SCORES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=30)


@given(SCORES, st.integers(1, 40), st.randoms())
def test_rank_sorts_what_is_eligible(scores: list[float], k: int, random: object) -> None:
    values = np.array(scores, dtype=np.float32)
    eligible = np.array([n % 3 != 1 for n in range(len(scores))])
    chosen = rank(values, eligible, k)
    assert len(chosen) == min(k, eligible.sum())
    assert all(eligible[position] for position in chosen)
    assert chosen == sorted(chosen, key=lambda position: (-values[position], position))
    rest = [values[n] for n in np.flatnonzero(eligible) if n not in chosen]
    assert not rest or max(rest) <= values[chosen[-1]]


@given(SCORES, st.integers(1, 5))
def test_suppression_keeps_hits_apart_and_drops_only_the_worse(
    scores: list[float], reach: int
) -> None:
    values = np.array(scores, dtype=np.float32)
    eligible = np.ones(len(scores), dtype=np.bool_)
    chosen = rank(
        values, eligible, len(scores), lambda at: slice(max(0, at - reach + 1), at + reach)
    )
    assert all(abs(a - b) >= reach for a in chosen for b in chosen if a != b)
    for dropped in set(range(len(scores))) - set(chosen):
        assert any(
            abs(dropped - kept) < reach and values[kept] >= values[dropped] for kept in chosen
        )


def test_touching_is_half_open() -> None:
    spans = np.array([[0.0, 4.0], [4.0, 8.0], [8.0, 9.0]])
    assert touching(spans, Span(4.0, 8.0)).tolist() == [False, True, False]
    assert touching(spans, Span(3.9, 8.1)).tolist() == [True, True, True]
    assert touching(spans, Span(4.0, 4.0)).tolist() == [False, True, False]
    assert touching(spans, Span(9.0, 9.5)).tolist() == [False, False, False]
