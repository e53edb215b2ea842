"""The curve of surprise: where it comes from, that it is kept, and that cuts stand out."""

from __future__ import annotations

import numpy as np
import pytest

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import surprise_curve
from rlm.prediction.surprise import deviations
from rlm.spans import Span


def test_a_part_is_computed_alone_until_the_whole_is_there(index: VideoIndex) -> None:
    part = Span(8.0, 14.0)
    alone = surprise_curve(index, part)
    whole = surprise_curve(index)
    assert np.all(np.diff(whole.times) > 0)
    assert whole.times[0] > 0  # nothing comes before the first tubelet
    assert whole.times[-1] > index.video.span.end - 1.1
    for curve in (alone, whole):
        lengths = {len(v) for v in (curve.times, curve.energy, curve.copy_energy, curve.score)}
        assert lengths == {len(curve.times)} and curve.energy.min() > 0
    again = surprise_curve(index, part)
    assert np.array_equal(alone.times, again.times)
    assert np.allclose(alone.energy, again.energy, rtol=0.02)
    inside = (whole.times + 0.5 > part.start) & (whole.times < part.end)
    assert np.array_equal(again.energy, whole.energy[inside])
    assert np.array_equal(again.score, whole.score[inside])
    assert np.array_equal(surprise_curve(index).energy, whole.energy)
    assert f"highest at {whole.times[whole.score.argmax()]:.2f}, " in repr(whole)


def test_a_cut_stands_out(index: VideoIndex) -> None:
    """Even with random weights, since what is copied is of another shot."""
    curve = surprise_curve(index)
    cuts = [scene.start for scene in index.scenes()[1:]]
    highest = curve.times[np.argsort(-curve.copy_energy)[: len(cuts)]]
    near = [any(abs(time - cut) <= 1.0 for cut in cuts) for time in highest]
    assert np.mean(near) >= 0.8


def test_too_short_for_a_curve(index: VideoIndex) -> None:
    with pytest.raises(UsageError, match=r"takes 1\.5 s or more"):
        surprise_curve(index, Span(3, 4))


def test_deviations_are_robust() -> None:
    values = np.random.default_rng(0).standard_normal(400) + 10
    values[7] = 1000
    scores = deviations(values)
    assert scores[7] > 100
    own = np.delete(scores, 7)
    assert abs(np.median(own)) < 0.1 and 0.8 < own.std() < 1.2
    assert np.array_equal(deviations(np.ones(6)), np.zeros(6))


def test_what_stands_still_is_no_wonder() -> None:
    """A slide on which a cursor moves once: its energies are equal but for a hair."""
    values = np.full(100, -1.3)
    values[40] += 0.04
    assert deviations(values)[40] < 1
