from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.index.scenes import scene_levels

SIZE = 24


def _windows(count: int, seconds: float) -> np.ndarray:
    starts = np.arange(count) * seconds
    return np.stack([starts, starts + seconds], axis=1)


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _take(
    rng: np.random.Generator, count: int, sigma: float = 0.3, places: tuple[int, ...] = ()
) -> np.ndarray:
    """The windows of one take, noise about a vector that changes at ``places``."""
    rows = rng.normal(size=SIZE) + sigma * rng.normal(size=(count, SIZE))
    for place in places:
        rows[place:] += rng.normal(size=SIZE)
    return _unit(rows)


def _starts(level: np.ndarray) -> list[float]:
    return [float(start) for start in level[1:, 0]]


def _check(levels: tuple[np.ndarray, ...], duration: float) -> None:
    assert len(levels) == 3
    for level in levels:
        assert level.dtype == np.float64 and level.ndim == 2 and level.shape[1] == 2
        assert level[0, 0] == 0.0 and level[-1, 1] == duration
        assert np.array_equal(level[:-1, 1], level[1:, 0])
        assert (level[:, 1] > level[:, 0]).all()
    for fine, coarse in pairwise(levels):
        assert set(_starts(coarse)) <= set(_starts(fine))


@given(data=st.data())
def test_every_level_tiles_the_video_and_nests(data: st.DataObject) -> None:
    duration = data.draw(st.floats(0.01, 4000.0), "duration")
    times = st.floats(-1.0, duration + 1.0) | st.sampled_from([0.0, duration])
    boundaries = data.draw(st.lists(times, max_size=30), "boundaries")
    if data.draw(st.booleans(), "tiles"):
        inner = data.draw(st.lists(st.floats(0.0, duration), max_size=60), "edges")
        edges = np.unique([0.0, *inner, duration])
        windows = np.stack([edges[:-1], edges[1:]], axis=1)
    else:
        spans = data.draw(st.lists(st.tuples(times, times), max_size=60), "windows")
        windows = np.array(sorted(sorted(span) for span in spans), np.float64).reshape(-1, 2)
    rng = np.random.default_rng(data.draw(st.integers(0, 99), "seed"))
    vectors = rng.normal(size=(len(windows), 5)).astype(np.float32)
    vectors[rng.random(len(windows)) < data.draw(st.sampled_from([0.0, 0.3, 1.0]))] = 0.0
    if data.draw(st.booleans(), "equal"):
        vectors[:] = vectors[:1]
    levels = scene_levels(windows, vectors, boundaries, duration)
    _check(levels, duration)
    assert {each for each in boundaries if 0 < each < duration} <= set(_starts(levels[0]))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_windows(count: int) -> None:
    vectors = np.ones((count, 4), np.float32)
    levels = scene_levels(_windows(count, 2.0), vectors, [], 4.0)
    _check(levels, 4.0)
    assert [len(level) for level in levels] == [1, 1, 1]


@pytest.mark.parametrize("seconds", [0.5, 4.0])
def test_short_shots_are_never_parted(seconds: float) -> None:
    rng = np.random.default_rng(0)
    count = int(59 / seconds)
    vectors = _take(rng, count, places=(count // 2,))
    levels = scene_levels(_windows(count, seconds), vectors, [], count * seconds)
    assert len(levels[0]) == 1


@pytest.mark.parametrize("seconds", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("sigma", [0.02, 0.3])
def test_long_takes_part_where_they_change_whatever_the_window(
    seconds: float, sigma: float
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        count = int(240 / seconds)
        plain = scene_levels(_windows(count, seconds), _take(rng, count, sigma), [], 240.0)
        assert len(plain[0]) == 1
        places = tuple(int(at / seconds) for at in (48, 120, 180))
        vectors = _take(rng, count, sigma, places)
        fine = scene_levels(_windows(count, seconds), vectors, [], 240.0)[0]
        assert _starts(fine) == pytest.approx([48, 120, 180], abs=seconds)


def test_a_still_take_has_one_scene() -> None:
    vectors = np.ones((300, SIZE), np.float32)
    assert [len(level) for level in scene_levels(_windows(300, 1.0), vectors, [], 300.0)] == [1] * 3


def test_parts_of_a_take_last_eight_seconds() -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        vectors = _unit(np.cumsum(rng.normal(size=(400, SIZE)), axis=0))
        fine = scene_levels(_windows(400, 0.5), vectors, [], 200.0)[0]
        assert (fine[:, 1] - fine[:, 0]).min() >= 8.0
        assert len(fine) > 2


def test_shots_of_one_place_make_a_scene() -> None:
    """Shots of 5 s, back and forth within a place, twelve to a place."""
    rng = np.random.default_rng(5)
    places, pairs = rng.normal(size=(8, SIZE)), rng.normal(size=(8, 2, SIZE)) * 0.4
    rows = [
        places[place] + pairs[place, shot % 2] + rng.normal(size=SIZE) * 0.1
        for place in range(8)
        for shot in range(6)
    ]
    duration = 48 * 5.0
    cuts = [5.0 * number for number in range(1, 48)]
    levels = scene_levels(_windows(48, 5.0), _unit(np.array(rows)), cuts, duration)
    assert [len(level) for level in levels] == [48, 8, 1]
    assert _starts(levels[1]) == [30.0 * number for number in range(1, 8)]


def test_a_long_video_has_chapters() -> None:
    rng = np.random.default_rng(6)
    hour = 3600.0
    cuts = np.unique(rng.uniform(0, hour, 700)).tolist()
    levels = scene_levels(_windows(3600, 1.0), _take(rng, 3600, 1.0), cuts, hour)
    assert [len(level) for level in levels] == [len(cuts) + 1, 120, 12]
    assert len(scene_levels(_windows(320, 1.0), _take(rng, 320), cuts, 320.0)[2]) == 3


def test_where_nothing_is_known_time_is_parted_evenly() -> None:
    cuts = [10.0 * number for number in range(1, 64)]
    nothing = np.zeros((640, SIZE), np.float32)
    levels = scene_levels(_windows(640, 1.0), nothing, cuts, 640.0)
    assert (levels[1][:, 1] - levels[1][:, 0]).max() <= 40.0


def test_a_row_of_zeros_says_nothing() -> None:
    rng = np.random.default_rng(7)
    vectors = _take(rng, 240, 0.1, (100,))
    gaps = vectors.copy()
    gaps[rng.random(240) < 0.3] = 0.0
    gaps[100] = vectors[100]
    for rows in (vectors, gaps):
        assert _starts(scene_levels(_windows(240, 1.0), rows, [], 240.0)[0]) == [100.0]


def test_a_shot_too_short_for_a_window_of_its_own() -> None:
    """The window after it speaks for both."""
    windows = np.array([[0.0, 4.0], [4.0, 8.2], [8.2, 12.0]])
    vectors = _unit(np.random.default_rng(0).normal(size=(3, SIZE)))
    levels = scene_levels(windows, vectors, [4.0, 4.2, 8.2], 12.0)
    assert _starts(levels[0]) == [4.0, 4.2, 8.2]


def test_equal_weights_merge_as_scikit_learn_does() -> None:
    from sklearn.cluster import AgglomerativeClustering

    for seed in range(10):
        rng = np.random.default_rng(seed)
        count, seconds = 120, 5.0
        vectors = _unit(rng.normal(size=(count, SIZE)) + 2 * rng.normal(size=SIZE))
        chain = np.eye(count, k=1) + np.eye(count, k=-1)
        clusters = round(count * seconds / 30)
        ward = AgglomerativeClustering(clusters, connectivity=chain, linkage="ward")
        labels = ward.fit_predict(vectors.astype(np.float64))
        expected = [seconds * (n + 1) for n in np.flatnonzero(np.diff(labels))]
        cuts = [seconds * n for n in range(1, count)]
        levels = scene_levels(_windows(count, seconds), vectors, cuts, count * seconds)
        assert _starts(levels[1]) == expected


@pytest.mark.parametrize("shots", [1, 900])
def test_two_hours_take_no_time(shots: int) -> None:
    rng = np.random.default_rng(8)
    windows = _windows(7200, 1.0)
    cuts = np.sort(rng.choice(windows[1:, 0], shots - 1, replace=False)).tolist()
    vectors = _unit(rng.normal(size=(7200, 768)) + 1.0)
    began = time.process_time()
    _check(scene_levels(windows, vectors, cuts, 7200.0), 7200.0)
    assert time.process_time() - began < 2.0
