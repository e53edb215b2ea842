"""Accuracy, its interval, and what is mixed up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.prediction.scores import Accuracy, Confusion


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [  # Newcombe (1998), table I, the score method without continuity correction
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(right: int, total: int, low: float, high: float) -> None:
    assert Accuracy(right, total).interval == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_is_where_the_score_test_turns(case: tuple[int, int]) -> None:
    accuracy = Accuracy(*case)
    low, high = accuracy.interval
    assert 0 <= low <= accuracy.share <= high <= 1
    for end in {low, high} - {0.0, 1.0}:
        error = math.sqrt(end * (1 - end) / accuracy.total)
        assert abs(accuracy.share - end) == pytest.approx(1.959964 * error, rel=1e-4, abs=1e-9)


def test_spans_of_one_stretch_make_no_interval_narrower() -> None:
    twice = Confusion.of("ab", "aabb" * 2, "abbb" * 2, groups="wxyz" * 2)
    assert twice.accuracy == Accuracy(6, 8, 4)
    assert twice.accuracy.interval == Accuracy(3, 4).interval
    assert str(twice.accuracy) == "6/8 = 75.0% (95% interval 30.1% to 95.4%, 4 independent)"
    assert twice.recall(0) == Accuracy(2, 4, 2)


def test_a_confusion_counts_rows_as_true() -> None:
    confusion = Confusion.of("abc", truth="aabb", told="abbb")
    assert confusion.counts.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert confusion.accuracy == Accuracy(3, 4, 4)
    assert [confusion.recall(n) for n in range(3)] == [Accuracy(1, 2, 2), Accuracy(2, 2, 2), None]
    assert str(Accuracy(3, 4)) == "3/4 = 75.0% (95% interval 30.1% to 95.4%)"
