from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.index.cuts import CutDetector
from rlm.video import Video

FPS = 25.0


def _detect(
    pictures: Iterable[np.ndarray], fps: float = FPS, min_shot: float = 0.25
) -> list[float]:
    detector = CutDetector(min_shot)
    number = 0
    for number, picture in enumerate(pictures, start=1):
        detector.add((number - 1) / fps, picture.astype(np.float32))
    detector.finish(number / fps)
    return [round(cut * fps) for cut in detector.cuts]


def _scene(seed: int) -> np.ndarray:
    """A picture with large structure of its own."""
    coarse = np.random.default_rng(seed).uniform(40, 200, (4, 4, 3))
    return np.kron(coarse, np.ones((8, 8, 1)))


def _noisy(pictures: Iterable[np.ndarray], sigma: float) -> list[np.ndarray]:
    rng = np.random.default_rng(9)
    return [picture + rng.normal(0, sigma, picture.shape) for picture in pictures]


def test_cuts_are_found_at_the_first_picture_of_the_new_shot() -> None:
    shots = [_scene(1)] * 30 + [_scene(2)] * 10 + [_scene(3)] * 40
    assert _detect(shots) == [30, 40]
    assert _detect(_noisy(shots, 8.0)) == [30, 40]


def test_dark_plain_grounds() -> None:
    flat = [np.full((32, 32, 3), level) for level in ((30, 120, 130), (36, 124, 124))]
    assert _detect([flat[0]] * 20 + [flat[1]] * 20) == [20]


def test_three_cuts_in_quick_succession() -> None:
    shots = [_scene(1)] * 30 + [_scene(2)] * 9 + [_scene(3)] * 9 + [_scene(4)] * 30
    assert _detect(shots) == [30, 39, 48]


def test_a_still_and_a_noisy_shot_have_none() -> None:
    assert _detect([_scene(1)] * 60) == []
    assert _detect(_noisy([_scene(1)] * 60, 25.0)) == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_flash_is_no_cut(length: int) -> None:
    white = np.full((32, 32, 3), 255.0)
    assert _detect([_scene(1)] * 30 + [white] * length + [_scene(1)] * 30) == []


def test_a_change_of_exposure_is_no_cut() -> None:
    assert _detect([_scene(1)] * 30 + [_scene(1) * 1.15] * 30) == []


def test_an_object_that_appears_is_no_cut() -> None:
    with_object = _scene(1).copy()
    with_object[8:24, 8:24] = 255
    assert _detect([_scene(1)] * 30 + [with_object] * 30) == []


def test_a_pan_is_no_cut() -> None:
    wide = np.random.default_rng(4).uniform(0, 255, (32, 400, 3))
    assert _detect([wide[:, 4 * n : 4 * n + 32] for n in range(90)]) == []


def test_a_fade_is_no_cut() -> None:
    fade = [_scene(1) * (1 - n / 25) + _scene(2) * n / 25 for n in range(26)]
    assert _detect([_scene(1)] * 30 + fade + [_scene(2)] * 30) == []


def test_held_pictures_do_not_look_like_cuts() -> None:
    """Five new pictures a second in a stream of 25, as a screen recording has them."""
    wide = np.random.default_rng(4).uniform(0, 255, (32, 400, 3))
    assert _detect([wide[:, 8 * (n // 5) : 8 * (n // 5) + 32] for n in range(120)]) == []


def test_what_is_settled_stays() -> None:
    shots = [_scene(n // 15) for n in range(150)]
    detector, seen = CutDetector(0.25), []
    for number, picture in enumerate(_noisy(shots, 5.0)):
        detector.add(number / FPS, picture.astype(np.float32))
        for cut in (cut for cut in detector.cuts if cut not in seen):
            assert not seen or cut > seen[-1]
            seen.append(cut)
        assert all(cut < detector.settled for cut in detector.cuts)
        assert detector.settled >= (number - 32) / FPS
    detector.finish(150 / FPS)
    assert detector.cuts[: len(seen)] == seen and len(detector.cuts) == 9


def test_slides_are_shots_and_settle_while_they_show() -> None:
    """A picture a minute: nothing is gained by waiting for the twelve after it."""
    detector, minute = CutDetector(0.25), 60
    for second in range(10 * minute):
        if second % minute == 0:
            detector.add(float(second), _scene(second % 7).astype(np.float32))
        detector.advance(float(second))
        assert detector.settled >= second - 6
    detector.finish(600.0)
    assert detector.cuts == [float(minute * n) for n in range(1, 10)]


@given(
    steps=st.lists(st.sampled_from([0.04, 0.2, 1.0, 4.0, 7.0, 90.0]), min_size=1, max_size=60),
    seeds=st.lists(st.integers(0, 3), min_size=60, max_size=60),
)
def test_telling_the_time_changes_nothing(steps: list[float], seeds: list[int]) -> None:
    times = np.cumsum(steps).tolist()
    plain, told = CutDetector(0.25), CutDetector(0.25)
    for number, (time, seed) in enumerate(zip(times, seeds, strict=False)):
        picture = _scene(seed).astype(np.float32)
        plain.add(time, picture)
        told.add(time, picture)
        until = times[number + 1] if number + 1 < len(times) else time + 50
        for now in np.arange(time, until, 0.5):
            before = told.settled
            told.advance(float(now))
            assert told.settled >= max(before, now - 5.25)
            assert all(cut < told.settled for cut in told.cuts)
    for detector in (plain, told):
        detector.finish(times[-1] + 60)
    assert plain.cuts == told.cuts


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.floats(0.001, 0.9), min_size=1, max_size=60),
    seeds=st.lists(st.integers(0, 3), min_size=60, max_size=60),
    min_shot=st.sampled_from([0.0, 0.25, 1.0]),
    tail=st.floats(0.001, 2.0),
)
def test_cuts_are_ordered_and_apart(
    steps: list[float], seeds: list[int], min_shot: float, tail: float
) -> None:
    times = np.cumsum(steps) - steps[0]
    detector = CutDetector(min_shot)
    for time, seed in zip(times, seeds, strict=False):
        detector.add(float(time), _scene(seed).astype(np.float32))
    duration = float(times[-1]) + tail
    detector.finish(duration)
    edges = [0.0, *detector.cuts, duration]
    assert all(a < b for a, b in pairwise(edges))
    assert all(b - a >= min_shot for a, b in pairwise(edges[1:]))
    assert set(detector.cuts) <= {float(time) for time in times}


def test_any_shape_of_sample_will_do() -> None:
    detector = CutDetector(0.25)
    for number in range(40):
        side = 20 if number < 10 else 45
        detector.add(number / FPS, np.full((side, side + 3, 3), 99, np.float32))
    detector.finish(40 / FPS)
    assert detector.cuts == []


def _cuts_of(path: Path) -> list[float]:
    video, detector = Video.open(path), CutDetector(0.25)
    for _ in video.frames(fps=1.0, size=(16, 16), tap=detector.add):
        pass
    detector.finish(video.span.end)
    return detector.cuts


def test_events_inside_a_shot(
    tmp_path: Path,
    shot: Callable[..., tuple[object, ...]],
    draw_shot: Callable[..., np.ndarray],
    make_video: Callable[..., Path],
) -> None:
    """A shape that appears, changes colour and vanishes, in a coded film."""
    red, green = shot(9.0), shot(9.0, "green")
    empty = np.broadcast_to(np.uint8((45, 50, 60)), (128, 128, 3))
    pictures = [draw_shot(red if n < 60 else green, n / 24) for n in range(120)]
    path = make_video(tmp_path / "a.mp4", [empty] * 40 + pictures + [empty] * 40, 24)
    assert _cuts_of(path) == []


@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("bbb_0_30/big_buck_bunny_0_30.webm", (11.795, 15.67, 22.961)),
        ("nasa_jwst/nasa_13013.mp4", (8.08,)),
        ("intel_cars/car-detection.mp4", ()),
        ("intel_bottles/bottle-detection.mp4", ()),
        ("sam2_cups/02_cups.mp4", ()),
        ("chaplin/chaplin.mp4", ()),
    ],
)
def test_real_clips(shared_videos: Path, name: str, cuts: tuple[float, ...]) -> None:
    assert _cuts_of(shared_videos / name) == pytest.approx(cuts, abs=0.1)
