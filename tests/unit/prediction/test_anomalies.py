"""What was broken in a film is found again, by the built-in models."""

from __future__ import annotations

import pytest
from broken import Planted

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import find_anomalies
from rlm.spans import Span


def test_breaks_come_first(broken: tuple[Planted, VideoIndex]) -> None:
    planted, index = broken
    found = find_anomalies(index, len(planted.breaks))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    told = [kind for time, kind in planted.breaks if any(_at(one, time) for one in found)]
    assert len(told) >= len(planted.breaks) - 1, f"only {told} were found"
    (frozen,) = [time for time, kind in planted.breaks if kind == "frozen"]
    assert any(_at(one, frozen) and one.kind == "freeze" for one in found)


def test_cuts_are_none(broken: tuple[Planted, VideoIndex]) -> None:
    _, index = broken
    cuts = [scene.start for scene in index.scenes()[1:]]
    for one in find_anomalies(index, 30):
        if one.kind == "surprise":
            assert not any(one.start - 0.5 < cut < one.end for cut in cuts)


def test_only_of_the_kind_that_was_asked_for(broken: tuple[Planted, VideoIndex]) -> None:
    _, index = broken
    every = find_anomalies(index, 1000)
    for kind in ("surprise", "freeze"):
        found = find_anomalies(index, 1000, kind=kind)
        assert found and {one.kind for one in found} == {kind}
        assert found[0] == next(one for one in every if one.kind == kind)
    with pytest.raises(UsageError, match="kind is one of surprise, freeze, not 'jump'"):
        find_anomalies(index, kind="jump")


def test_only_where_it_was_asked_for(broken: tuple[Planted, VideoIndex]) -> None:
    planted, index = broken
    time, _ = planted.breaks[1]
    part = Span(time - 4, time + 3)
    found = find_anomalies(index, 3, part)
    assert found and _at(found[0], time)
    assert all(part.start <= one.start < part.end for one in found)
    with pytest.raises(UsageError, match="at least 1"):
        find_anomalies(index, 0)


def _at(one: object, time: float) -> bool:
    return one.start - 1.0 <= time <= one.end + 1.0  # type: ignore[attr-defined]
