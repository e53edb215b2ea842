"""A summary keeps to its length, in order, and prefers what surprises."""

from __future__ import annotations

import pytest
from broken import Planted

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import summarize, surprise_curve
from rlm.spans import Span


@pytest.mark.parametrize("seconds", [2.0, 5.0, 11.5])
def test_it_keeps_to_its_length(index: VideoIndex, seconds: float) -> None:
    parts = summarize(index, seconds)
    assert 0 < sum(part.end - part.start for part in parts) <= seconds + 1e-6
    edges = [time for part in parts for time in (part.start, part.end)]
    assert edges == sorted(edges)


def test_two_seconds_are_enough(index: VideoIndex) -> None:
    assert len(summarize(index, 2)) == 1


def test_all_of_it_is_the_video(index: VideoIndex) -> None:
    (whole,) = summarize(index, 1000)
    assert (whole.start, whole.end) == tuple(index.video.span)


def test_what_surprises_is_kept(broken: tuple[Planted, VideoIndex]) -> None:
    _, index = broken
    curve = surprise_curve(index)
    kept = summarize(index, 20)
    inside = sum((curve.times >= p.start) & (curve.times < p.end) for p in kept).astype(bool)
    assert curve.score[inside].mean() > curve.score[~inside].mean() + 1


def test_a_span_and_what_is_too_short(index: VideoIndex) -> None:
    parts = summarize(index, 4, Span(10, 20))
    assert all(10 <= part.start < part.end <= 20 for part in parts)
    with pytest.raises(UsageError, match="2 s or more"):
        summarize(index, 1)
