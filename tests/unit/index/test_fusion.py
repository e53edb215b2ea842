from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.index import Hit
from rlm.index.fusion import fuse


def hit(start: float, end: float, name: str = "a") -> Hit:
    return Hit(start, end, 0.5, f"space of {name}", f"track of {name}", f"by {name}")


@st.composite
def ranking(draw: st.DrawFn, name: str) -> list[Hit]:
    """Hits of one field: spans of equal length on a grid, in any order."""
    length = draw(st.sampled_from([0.5, 2.0, 3.0, 7.0]))
    places = draw(st.lists(st.integers(0, 12), unique=True, max_size=8))
    return [hit(place * length, (place + 1) * length, name) for place in places]


RANKINGS = st.fixed_dictionaries({name: ranking(name) for name in ("one", "two", "three")})


@given(RANKINGS, st.integers(1, 10))
def test_the_order_of_fields_does_not_matter(rankings: dict[str, list[Hit]], k: int) -> None:
    backwards = dict(reversed(rankings.items()))
    assert fuse(rankings, k) == fuse(backwards, k)
    assert fuse(rankings, k) == fuse(rankings, 99)[:k]


@given(RANKINGS)
def test_moments_share_no_time_and_nothing_found_is_lost(rankings: dict[str, list[Hit]]) -> None:
    moments = fuse(rankings, 99)
    assert [m.score for m in moments] == sorted((m.score for m in moments), reverse=True)
    for number, moment in enumerate(moments):
        assert all(moment.span.intersect(other.span) is None for other in moments[:number])
    for ranked in rankings.values():
        assert all(any(m.span.intersect(each.span) for m in moments) for each in ranked)


@given(RANKINGS)
def test_what_is_best_in_all_fields_comes_first(rankings: dict[str, list[Hit]]) -> None:
    rankings = {name: [hit(50.0, 52.0, name), *ranked] for name, ranked in rankings.items()}
    rankings = {
        name: [each for each in ranked if each.start == 50 or each.end < 50 or each.start > 52]
        for name, ranked in rankings.items()
    }
    best = fuse(rankings, 3)[0]
    assert (best.start, best.end, best.score) == (50.0, 52.0, pytest.approx(3 / 11))


def test_a_hit_says_which_fields_found_it_and_claims_no_cosine() -> None:
    motion = [hit(0, 4, "motion"), hit(8, 12, "motion")]
    visual = [hit(9, 9.5, "visual"), hit(20, 20.5, "visual"), hit(3, 3.5, "visual")]
    both, other, alone = fuse({"visual": visual, "motion": motion}, 5)
    assert (both.start, both.end) == (8, 12) and both.score == pytest.approx(1 / 12 + 1 / 11)
    assert both.method == "reciprocal rank fusion: motion 2 (by motion), visual 1 (by visual)"
    assert both.source == "track of motion + track of visual"
    assert {m.space for m in (both, other, alone)} == {
        "fusion of space of motion + space of visual"
    }
    assert (other.start, other.end) == (0, 4) and alone.start == 20
    assert alone.method == "reciprocal rank fusion: visual 2 (by visual)"


def test_the_first_of_a_field_that_counts_twice_is_not_outdone_by_middling_ranks() -> None:
    motion = [hit(place, place + 1, "motion") for place in range(9)]
    visual = [hit(place, place + 1, "visual") for place in (20, 21, 22, 4)]
    assert fuse({"motion": motion, "visual": visual}, 1)[0].start == 4
    first = fuse({"motion": motion, "visual": visual}, 2, {"motion": 2.0})
    assert [moment.start for moment in first] == [4, 0]
    assert first[1].score == pytest.approx(2 / 11)
    assert first[1].method == "reciprocal rank fusion: motion 1, weighted 2 (by motion)"


def test_nothing_found_is_nothing() -> None:
    assert fuse({"a": [], "b": []}, 5) == []
    (moment,) = fuse({"a": [hit(3, 3)], "b": []}, 5)
    assert (moment.start, moment.end, moment.score) == (3, 3, pytest.approx(1 / 11))
