from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.index.transitions import Transition, TransitionDetector
from rlm.video import Video

FPS = 25.0
BLACK = np.broadcast_to(np.array([16.0, 128.0, 128.0]), (32, 32, 3))
WHITE = np.broadcast_to(np.array([235.0, 128.0, 128.0]), (32, 32, 3))


def _transitions(
    pictures: Iterable[np.ndarray], fps: float = FPS, min_shot: float = 0.25
) -> list[Transition]:
    detector = TransitionDetector(min_shot)
    number = 0
    for number, picture in enumerate(pictures, start=1):
        detector.add((number - 1) / fps, picture.astype(np.float32))
    detector.finish(number / fps)
    return detector.transitions


def _detect(pictures: Iterable[np.ndarray], fps: float = FPS) -> list[tuple[str, int]]:
    return [(each.kind, round(each.time * fps)) for each in _transitions(pictures, fps)]


def _cuts(*numbers: int) -> list[tuple[str, int]]:
    return [("cut", number) for number in numbers]


def _scene(seed: int) -> np.ndarray:
    """A picture with large structure of its own."""
    coarse = np.random.default_rng(seed).uniform(40, 200, (4, 4, 3))
    return np.kron(coarse, np.ones((8, 8, 1)))


def _noisy(pictures: Iterable[np.ndarray], sigma: float) -> list[np.ndarray]:
    rng = np.random.default_rng(9)
    return [picture + rng.normal(0, sigma, picture.shape) for picture in pictures]


def _blend(a: np.ndarray, b: np.ndarray, length: int) -> list[np.ndarray]:
    """The pictures between, neither end among them."""
    return [a + (b - a) * n / (length + 1) for n in range(1, length + 1)]


def _pan(seed: int, length: int, speed: float = 0.4) -> list[np.ndarray]:
    """A camera that turns over a wide landscape."""
    coarse = np.random.default_rng(seed).uniform(40, 200, (4, 40, 3))
    wide = np.kron(coarse, np.ones((8, 8, 1)))
    kernel = np.hanning(9) / np.hanning(9).sum()
    wide = np.apply_along_axis(np.convolve, 1, wide, kernel, mode="same")
    return [wide[:, 8 + int(speed * n) : 40 + int(speed * n)] for n in range(length)]


# Hard cuts


def test_cuts_are_found_at_the_first_picture_of_the_new_shot() -> None:
    shots = [_scene(1)] * 30 + [_scene(2)] * 10 + [_scene(3)] * 40
    assert _detect(shots) == _cuts(30, 40)
    assert _detect(_noisy(shots, 8.0)) == _cuts(30, 40)


def test_dark_plain_grounds() -> None:
    flat = [np.full((32, 32, 3), level) for level in ((30, 120, 130), (36, 124, 124))]
    assert _detect([flat[0]] * 20 + [flat[1]] * 20) == _cuts(20)


def test_nearly_equal_grounds_with_something_on_each() -> None:
    old, new = (np.full((32, 32, 3), level) for level in ((61.0, 139, 120), (64.0, 138, 121)))
    old[15:25, 2:12] = (118, 91, 110)
    new[13:23, 14:24] = (222, 130, 126)
    assert _detect([old] * 40 + [new] * 40) == _cuts(40)


def test_three_cuts_in_quick_succession() -> None:
    shots = [_scene(1)] * 30 + [_scene(2)] * 9 + [_scene(3)] * 9 + [_scene(4)] * 30
    assert _detect(shots) == _cuts(30, 39, 48)


def test_a_still_and_a_noisy_shot_have_none() -> None:
    assert _detect([_scene(1)] * 60) == []
    assert _detect(_noisy([_scene(1)] * 60, 25.0)) == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_flash_is_no_transition(length: int) -> None:
    assert _detect([_scene(1)] * 60 + [WHITE] * length + [_scene(1)] * 60) == []
    soft = _blend(_scene(1), WHITE, 2 + length)
    assert _detect([_scene(1)] * 60 + soft + [WHITE] + soft[::-1] + [_scene(1)] * 60) == []


@pytest.mark.parametrize(("length", "gain"), [(0, 1.15), (12, 1.5), (50, 1.8)])
def test_a_change_of_exposure_is_no_transition(length: int, gain: float) -> None:
    bright = _scene(1).copy()
    bright[..., 0] = (bright[..., 0] - 16) * gain + 16
    ramp = _blend(_scene(1), bright, length)
    assert _detect([_scene(1)] * 60 + ramp + [bright] * 60) == []


def test_an_object_that_appears_is_no_transition() -> None:
    with_object = _scene(1).copy()
    with_object[8:24, 8:24] = 255
    assert _detect([_scene(1)] * 30 + [with_object] * 30) == []
    assert _detect([_scene(1)] * 60 + _blend(_scene(1), with_object, 20) + [with_object] * 60) == []


def test_an_object_that_crosses_slowly_is_no_transition() -> None:
    pictures = [_scene(1)] * 30
    for x in range(-24, 33):
        picture = _scene(1).copy()
        picture[4:30, max(0, x) : max(0, x + 24)] = (200, 100, 150)
        pictures += [picture] * 2
    assert _detect([*pictures, *[_scene(1)] * 30]) == []


def test_a_pan_is_no_transition() -> None:
    wide = np.random.default_rng(4).uniform(0, 255, (32, 400, 3))
    assert _detect([wide[:, 4 * n : 4 * n + 32] for n in range(90)]) == []
    for seed in range(5):
        assert _detect(_pan(seed, 300)) == []


def test_held_pictures_do_not_look_like_cuts() -> None:
    """Five new pictures a second in a stream of 25, as a screen recording has them."""
    wide = np.random.default_rng(4).uniform(0, 255, (32, 400, 3))
    assert _detect([wide[:, 8 * (n // 5) : 8 * (n // 5) + 32] for n in range(120)]) == []


# Dissolves


@pytest.mark.parametrize("fps", [12.0, 25.0, 60.0])
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.4])
@pytest.mark.parametrize("sigma", [0.0, 5.0])
def test_a_dissolve_is_found_at_its_middle(fps: float, seconds: float, sigma: float) -> None:
    length, hold = round(seconds * fps), round(3 * fps)
    pictures = [
        *([_scene(1)] * hold),
        *_blend(_scene(1), _scene(2), length),
        *([_scene(2)] * hold),
    ]
    [found] = _transitions(_noisy(pictures, sigma), fps)
    assert found.kind == "dissolve"
    assert found.time == pytest.approx((hold + length / 2) / fps, abs=0.15)
    assert found.start <= found.time <= found.end
    assert found.end - found.start == pytest.approx(seconds, rel=0.5)


def test_a_dissolve_between_moving_shots() -> None:
    old, new = _pan(1, 150, speed=0.15), _pan(2, 150, speed=-0.0)
    mixed = [
        a + (b - a) * (n + 1) / 26
        for n, (a, b) in enumerate(zip(old[100:125], new[:25], strict=True))
    ]
    assert [kind for kind, _ in _detect([*old[:100], *mixed, *new[25:]])] == ["dissolve"]


def test_a_dissolve_then_a_cut() -> None:
    pictures = [_scene(1)] * 75 + _blend(_scene(1), _scene(2), 25) + [_scene(2)] * 50
    found = _detect([*pictures, *[_scene(3)] * 50])
    assert [kind for kind, _ in found] == ["dissolve", "cut"]
    assert found[1][1] == 150


# Fades


@pytest.mark.parametrize("plain", [BLACK, WHITE, np.full((32, 32, 3), (90.0, 110.0, 150.0))])
@pytest.mark.parametrize(("out", "hold", "back"), [(20, 10, 20), (10, 50, 30), (30, 1, 12)])
def test_a_fade_is_found_in_its_middle(plain: np.ndarray, out: int, hold: int, back: int) -> None:
    pictures = [
        *([_scene(1)] * 75),
        *_blend(_scene(1), plain, out),
        *([plain] * hold),
        *_blend(plain, _scene(2), back),
        *([_scene(2)] * 75),
    ]
    for sigma in (0.0, 3.0):
        [(kind, number)] = _detect(_noisy(pictures, sigma))
        assert kind == "fade"
        assert number == pytest.approx(75 + out + hold / 2, abs=4)


def test_a_cut_to_black_and_a_fade_in_are_one_fade() -> None:
    pictures = [_scene(1)] * 75 + [BLACK] * 25 + _blend(BLACK, _scene(2), 25) + [_scene(2)] * 75
    assert _detect(pictures) == [("fade", pytest.approx(88, abs=2))]
    assert _detect(pictures[::-1]) == [("fade", pytest.approx(112, abs=2))]


def test_a_caption_on_black_does_not_hide_the_fade() -> None:
    black = BLACK.copy()
    black[28:30, 4:10] = 235
    pictures = [_scene(1)] * 75 + _blend(_scene(1), black, 20) + [black] * 25
    assert _detect([*pictures, *pictures[::-1]]) == [("fade", pytest.approx(120, abs=4))]


@pytest.mark.parametrize("hold", [0, 20, 60])
def test_fades_at_the_start_and_at_the_end_are_no_boundaries(hold: int) -> None:
    rise = [BLACK] * hold + _blend(BLACK, _scene(1), 20)
    assert _detect([*rise, *[_scene(1)] * 75, *rise[::-1]]) == []
    assert _detect([*[BLACK] * hold, *[_scene(1)] * 75, *[BLACK] * hold]) == []


def test_a_long_plain_stretch_is_a_shot_of_its_own() -> None:
    rise = _blend(BLACK, _scene(2), 20)
    pictures = [_scene(1)] * 75 + _blend(_scene(1), BLACK, 20) + [BLACK] * 250
    found = _detect([*pictures, *rise, *[_scene(2)] * 75])
    assert found == [("fade", pytest.approx(95, abs=4)), ("fade", pytest.approx(345, abs=4))]


def test_plain_shots_between_cuts_keep_their_cuts() -> None:
    plain = np.full((32, 32, 3), (90.0, 110.0, 150.0))
    assert _detect([_scene(1)] * 75 + [plain] * 30 + [_scene(2)] * 75) == _cuts(75, 105)


@pytest.mark.parametrize(("fps", "length"), [(12.0, 11), (12.0, 23), (25.0, 13), (25.0, 18)])
def test_a_thing_that_shrinks_on_a_plain_ground_is_no_fade(fps: float, length: int) -> None:
    """What the shot shows just before it becomes plain is not mixed with what is before its cut."""

    def ground(side: float) -> np.ndarray:
        picture = np.full((32, 32, 3), (40.0, 140.0, 120.0))
        picture[8 : 8 + int(side), 8 : 8 + int(side)] = (180, 60, 150)
        return picture

    shrinking = [ground(12 - 4 * n / length) for n in range(length)]
    growing = [ground(8 + 4 * n / 10) for n in range(10)]
    pictures = [_scene(1)] * 60 + shrinking + [ground(8)] * 10 + growing + [ground(12)] * 60
    assert _detect(pictures, fps) == _cuts(60)


def test_a_wall_that_comes_into_view_is_no_fade() -> None:
    wide = np.concatenate([np.tile(_scene(1), (1, 2, 1)), np.full((32, 64, 3), 140.0)], axis=1)
    pan = [wide[:, n : n + 32] for n in range(80)]
    assert [each for each in _detect([*pan, *[pan[-1]] * 50]) if each[0] == "fade"] == []


# The stream


def _check_order(transitions: list[Transition], duration: float, min_shot: float) -> None:
    if transitions:
        edges = [0.0, *(each.time for each in transitions), duration]
        # A microsecond: the difference of two sums of floats.
        assert all(a < b and b - a >= min_shot - 1e-6 for a, b in pairwise(edges))
    assert all(each.start <= each.time <= each.end for each in transitions)


def _film(seed: int) -> tuple[list[float], list[np.ndarray], float]:
    """Shots of stills and pans joined in all ways, at a rate and with noise of its own."""
    rng = np.random.default_rng(seed)
    fps = float(rng.choice([5, 12, 25, 50]))
    pictures: list[np.ndarray] = []
    for number in range(int(rng.integers(2, 6))):
        length = int(rng.uniform(0.5, 5) * fps)
        shot = (
            _pan(seed + number, length) if rng.random() < 0.5 else [_scene(seed + number)] * length
        )
        if pictures:
            way = rng.integers(4)
            if way == 1:
                pictures += _blend(pictures[-1], shot[0], int(rng.uniform(0.2, 3) * fps))
            elif way == 2:
                pictures += _blend(pictures[-1], BLACK, int(rng.uniform(0, 2) * fps))
                pictures += [BLACK] * int(rng.uniform(0, 7) * fps)
                pictures += _blend(BLACK, shot[0], int(rng.uniform(0, 2) * fps))
            elif way == 3:
                pictures += [WHITE] * 2
        pictures += shot
    pictures = _noisy(pictures, float(rng.choice([0.0, 4.0])))
    times = [n / fps for n in range(len(pictures))]
    if rng.random() < 0.3:
        kept = rng.random(len(times)) < 0.5
        kept[0] = True
        times = [time for time, keep in zip(times, kept, strict=True) if keep]
        pictures = [picture for picture, keep in zip(pictures, kept, strict=True) if keep]
    return times, [picture.astype(np.float32) for picture in pictures], times[-1] + 1 / fps


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), min_shot=st.sampled_from([0.0, 0.25, 1.0, 3.0]))
def test_what_is_settled_stays_and_telling_the_time_changes_nothing(
    seed: int, min_shot: float
) -> None:
    times, pictures, duration = _film(seed)
    plain, told = TransitionDetector(min_shot), TransitionDetector(min_shot)
    rng = np.random.default_rng(seed)
    settled: list[Transition] = []
    for number, (time, picture) in enumerate(zip(times, pictures, strict=True)):
        plain.add(time, picture)
        told.add(time, picture)
        until = times[number + 1] if number + 1 < len(times) else duration
        for now in np.sort(rng.uniform(time, until, int(rng.integers(0, 3)))):
            before = told.settled
            told.advance(float(now))
            assert told.settled >= before
        final = [each for each in told.transitions if each.time < told.settled]
        assert final[: len(settled)] == settled
        assert told.transitions == final
        assert told.settled >= time - 20 - min_shot
        settled = final
    plain.finish(duration)
    told.finish(duration)
    assert plain.transitions == told.transitions
    assert told.transitions[: len(settled)] == settled
    _check_order(told.transitions, duration, min_shot)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.floats(0.001, 0.9) | st.sampled_from([0.04, 1.0, 7.0, 90.0]), min_size=1, max_size=60
    ),
    seeds=st.lists(st.integers(0, 3), min_size=60, max_size=60),
    min_shot=st.sampled_from([0.0, 0.25, 1.0]),
    tail=st.floats(0.001, 2.0),
)
def test_any_times_will_do(
    steps: list[float], seeds: list[int], min_shot: float, tail: float
) -> None:
    times = (np.cumsum(steps) - steps[0]).tolist()
    plain, told = TransitionDetector(min_shot), TransitionDetector(min_shot)
    for number, (time, seed) in enumerate(zip(times, seeds, strict=False)):
        plain.add(time, _scene(seed).astype(np.float32))
        told.add(time, _scene(seed).astype(np.float32))
        until = times[number + 1] if number + 1 < len(times) else time + tail
        for now in np.arange(time, until, 1.5):
            told.advance(float(now))
            assert told.settled >= now - 20 - min_shot
            assert all(each.time < told.settled for each in told.transitions)
    duration = times[-1] + tail
    for detector in (plain, told):
        detector.finish(duration)
    assert plain.transitions == told.transitions
    _check_order(plain.transitions, duration, min_shot)


def test_slides_are_shots_and_settle_while_they_show() -> None:
    """A picture a minute: nothing is gained by waiting for the twelve after it."""
    detector, minute = TransitionDetector(0.25), 60
    for second in range(10 * minute):
        if second % minute == 0:
            detector.add(float(second), _scene(second % 7).astype(np.float32))
        detector.advance(float(second))
        assert detector.settled >= second - 10
    detector.finish(600.0)
    assert [each.time for each in detector.transitions] == [float(minute * n) for n in range(1, 10)]


def test_memory_is_bounded() -> None:
    """An hour of pictures is held no longer than a minute of them."""
    import tracemalloc

    detector, scenes = TransitionDetector(0.25), [_scene(n).astype(np.float32) for n in range(9)]
    tracemalloc.start()
    try:
        peaks = []
        for minute in range(4):
            for number in range(1500):
                time = minute * 60 + number / 25
                detector.add(time, scenes[int(time / 5) % 9])
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[-1] < peaks[0] * 1.1 + 100_000


def test_a_picture_and_none() -> None:
    for pictures in ([], [_scene(1)], [_scene(1), _scene(2)]):
        assert _detect(pictures) == []


# Files


def _transitions_of(path: Path) -> list[Transition]:
    video, detector = Video.open(path), TransitionDetector(0.25)
    for _ in video.frames(fps=1.0, size=(16, 16), tap=detector.add):
        pass
    detector.finish(video.span.end)
    return detector.transitions


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
    assert _transitions_of(path) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "bbb_0_30/big_buck_bunny_0_30.webm",
            [("cut", 11.795), ("cut", 15.67), ("cut", 22.961)],
        ),
        ("nasa_jwst/nasa_13013.mp4", [("dissolve", 5.4), ("cut", 8.08)]),
        ("psd_testvideo/testvideo.mp4", [("fade", 6.7), ("fade", 12.75), ("dissolve", 18.05)]),
        ("intel_cars/car-detection.mp4", []),
        ("intel_bottles/bottle-detection.mp4", []),
        ("sam2_coffee/04_coffee.mp4", []),
        ("sam2_cups/02_cups.mp4", []),
        ("chaplin/chaplin.mp4", []),
    ],
)
def test_real_clips(shared_videos: Path, name: str, expected: list[tuple[str, float]]) -> None:
    found = _transitions_of(shared_videos / name)
    assert [(each.kind, each.time) for each in found] == [
        (kind, pytest.approx(time, abs=0.1 if kind == "cut" else 0.25)) for kind, time in expected
    ]
