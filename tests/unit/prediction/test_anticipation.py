"""What happens next: in words, in moments, and always from the context alone."""

from __future__ import annotations

import pytest
from broken import Planted

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import anticipate
from rlm.spans import Span


def test_candidates_are_ranked(broken: tuple[Planted, VideoIndex]) -> None:
    planted, index = broken
    shot = planted.film.shots[0]
    thing = shot.things[0]
    right = f"a {thing.colour} {thing.shape}"
    wrong = ["a white ring", "a cyan square", "a purple triangle"]
    wrong = [name for name in wrong if thing.colour not in name and thing.shape not in name]
    guesses = anticipate(index, Span(0.5, 3.0), 1.0, [*wrong, right])
    assert guesses[0].label == right
    assert [g.score for g in guesses] == sorted((g.score for g in guesses), reverse=True)
    assert sum(g.probability for g in guesses) == pytest.approx(1)
    assert all(g.start == pytest.approx(4.0) and g.space == index.text_space for g in guesses)


def test_moments_lie_outside_the_context(index: VideoIndex, deep: VideoIndex) -> None:
    for each, field in ((index, "vjepa"), (deep, "deep")):
        guesses = anticipate(each, Span(4.0, 7.0), 0.5, k=3)
        assert 1 <= len(guesses) <= 3
        for guess in guesses:
            assert guess.label is None and guess.space == each.spaces[field]
            start, end = guess.like
            shot = next(s for s in each.scenes() if s.start <= guess.start < s.end)
            assert end <= 4.0 or start >= shot.end - 1e-6


def test_bad_questions(index: VideoIndex) -> None:
    with pytest.raises(UsageError, match="trained range"):
        anticipate(index, Span(4, 7), 30.0)
    with pytest.raises(UsageError, match="different texts"):
        anticipate(index, Span(4, 7), 1.0, ["a", "a"])
    for wrong in ([1, 2], "ab"):
        with pytest.raises(UsageError, match="texts"):
            anticipate(index, Span(4, 7), 1.0, wrong)
    with pytest.raises(UsageError, match="at least 1"):
        anticipate(index, Span(4, 7), k=0)
