"""Candidates ranked by a text-video space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.encoders import find_weights
from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import matching
from rlm.prediction.matching import FORETOLD, chances, match, probabilities, statements
from rlm.spans import Span

TOLD = ["a red circle moves up", "a blue square moves down", "a green ring stays still"]


def test_matches_are_ordered_and_their_numbers_belong_together(
    index: VideoIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "TEMPERATURES", {("joint", index.encoder().revision): 0.1})
    found = match(index, "", TOLD)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True) and {m.candidate for m in found} == set(TOLD)
    assert found[0].margin == pytest.approx(scores[0] - scores[1]) and found[0].margin >= 0
    assert all(m.margin == pytest.approx(m.score - scores[0]) for m in found[1:])
    chances = [each.probability for each in found]
    assert sum(chances) == pytest.approx(1) and chances == sorted(chances, reverse=True)
    assert chances == pytest.approx(list(probabilities(np.array(scores), 0.1)))
    assert {each.space for each in found} == {index.text_space}


def test_the_window_is_the_one_that_a_search_finds(index: VideoIndex) -> None:
    for each in match(index, "", TOLD):
        hit = index.nearest(index.embed(each.candidate), k=1)[0]
        assert (each.start, each.end) == (hit.start, hit.end)
        assert each.score == pytest.approx(hit.score, abs=1e-5)


def test_only_the_span_is_looked_at(index: VideoIndex) -> None:
    scene = index.scenes()[2].span
    assert all(m.start >= scene.start and m.end <= scene.end for m in match(index, "", TOLD, scene))
    short = Span(scene.start + 0.5, scene.start + 1.0)
    for each in match(index, "", TOLD, short):
        assert (each.start, each.end) == tuple(short)
        own = index.embed(short, "joint").similarity(index.embed(each.candidate, "joint"))
        assert each.score == pytest.approx(own, abs=1e-5)


def test_weights_that_no_temperature_was_fitted_for_give_no_probabilities(
    index: VideoIndex,
) -> None:
    for field in ("joint", FORETOLD):
        assert sum(chances(np.array([0.1, 0.2]), field, find_weights("builtin"))) == pytest.approx(
            1
        )
    found = match(index, "", TOLD)
    assert {each.probability for each in found} == {None}
    assert found[0].method.endswith("no temperature fitted") and found[0].margin >= 0


@pytest.mark.parametrize(
    ("question", "candidates", "told"),
    [
        ("Which is shown?", ["a red ring", "a man sits down"], ["a red ring", "a man sits down"]),
        ("What is it?", ["Ring", "Star"], ["What is it? Ring", "What is it? Star"]),
        ("What does it do", ["It moves up", "a ball is hit"],
         ["What does it do? It moves up", "What does it do? a ball is hit"]),
        ("", ["Blue", "It's gone now"], ["Blue", "It's gone now"]),
    ],
)  # fmt: skip
def test_statements(question: str, candidates: list[str], told: list[str]) -> None:
    assert statements(question, candidates) == told


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.floats(0.005, 2))
def test_probabilities_keep_the_order_and_sum_to_one(scores: list[float], heat: float) -> None:
    chances = probabilities(np.array(scores), heat)
    assert chances.sum() == pytest.approx(1) and (chances >= 0).all()
    assert (np.diff(chances[np.argsort(scores)]) >= -1e-12).all()


@pytest.mark.parametrize(
    "wrong", [[], ["a"], ["a", " "], ["a b", "a  b"], [str(n) for n in range(101)]]
)
def test_candidates_that_cannot_be(index: VideoIndex, wrong: list[str]) -> None:
    with pytest.raises(UsageError, match="2 to 100 different texts"):
        match(index, "", wrong)


@pytest.mark.parametrize("wrong", ["red ring", ["a", 3], {"a", "b"}, None, 3, {"a": 1, "b": 2}])
def test_candidates_that_are_no_list(index: VideoIndex, wrong: object) -> None:
    with pytest.raises(UsageError, match=r"^candidates are a list of texts"):
        match(index, "", wrong)


def test_without_a_text_side_it_says_so(film: Path, tmp_path: Path) -> None:
    scanned = VideoIndex.build(film / "film.mp4", tier=1, cache=tmp_path)
    with pytest.raises(UsageError, match="has no text side"):
        match(scanned, "", TOLD)
    with pytest.raises(UsageError, match="holds nothing of the video"):
        match(VideoIndex.build(film / "film.mp4", cache=tmp_path), "", TOLD, Span(90, 99))
