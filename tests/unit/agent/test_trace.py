"""What an event says of a tool call: where in the video it was, how high a curve went."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rlm.agent.trace import MAX_HEIGHTS, MAX_SPANS, heights, places
from rlm.index import Detection, Hit
from rlm.prediction import SurpriseCurve
from rlm.tools import SubAnswer

CURVE = SurpriseCurve(
    10.0, 20.0, np.arange(10.0, 20.0, 0.5), np.ones(20), np.ones(20), np.arange(20.0), "s", "m"
)


def hit(start: float, end: float) -> Hit:
    return Hit(start, end, 0.5, "space", "motion", "words")


def test_hits_are_told_best_first_and_each_once() -> None:
    found = places("search", [hit(8, 9.123456), hit(2, 3), hit(8, 9.123456)])
    assert found["spans"] == ((8.0, 9.12), (2.0, 3.0))


def test_of_many_detections_the_times_are_all_there() -> None:
    seen = [
        Detection(t / 2, t / 2 + 0.5, "red", "ring", 0, 0, 0, 0, 1, 1.0, "s", "m")
        for t in range(200)
    ]
    assert places("detect_objects", seen)["spans"] == ((0.0, 100.0),)
    apart = [hit(2.0 * t, 2.0 * t + 1) for t in range(99)]
    assert len(places("search", apart)["spans"]) == MAX_SPANS


def test_of_a_sub_answer_it_is_the_evidence() -> None:
    sub = SubAnswer("x", None, ((3.0, 4.0), (7.0, 8.0)), 0.5, None, 1, 2)
    assert places("rlm_query_batched", [sub])["spans"] == ((3.0, 4.0), (7.0, 8.0))


@pytest.mark.parametrize("value", [None, "text", 3, [], hit(0, float("inf"))])
def test_what_is_nowhere_has_no_spans(value: object) -> None:
    assert places("search", value)["spans"] == ()


def test_a_curve_is_told_at_equal_steps_with_its_peaks() -> None:
    assert places("surprise_curve", CURVE) == {"spans": ((10, 20),), "curve": heights(CURVE)}
    assert heights(CURVE) == tuple(map(float, range(20)))
    rng = np.random.default_rng(0)
    long = replace(
        CURVE, end=2010.0, times=np.arange(10, 2010, 0.5), score=rng.normal(size=4000).round(2)
    )
    told = heights(long)
    assert len(told) == MAX_HEIGHTS
    assert max(told) == long.score.max()
    part = long.score[: 4000 // MAX_HEIGHTS]
    assert told[0] == part.max()


def test_gaps_of_a_curve_are_bridged_with_numbers() -> None:
    gap = replace(CURVE, times=np.array([10.0, 19.5]), score=np.array([1.0, 3.0]))
    assert heights(gap) == (1.0, 3.0)
    nothing = replace(gap, score=np.full(2, np.nan))
    assert heights(nothing) == ()
    broken = replace(CURVE, score=np.where(np.arange(20) == 5, np.nan, CURVE.score))
    told = heights(broken)
    assert all(a < b for a, b in pairwise(told))
