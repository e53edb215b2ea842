from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.spans import Span
from rlm.world.draw import RGB, pictures
from rlm.world.scene import COLOURS, Shot, Warp
from rlm.world.shots import make_shot
from rlm.world.tracks import positions, radii, tracks

SEEDS = st.integers(0, 10**6)
quick = settings(max_examples=40, deadline=None)


def _shot(seed: int, **wish: object) -> Shot:
    return make_shot(np.random.default_rng(seed), Span(4, 10), **wish)  # type: ignore[arg-type]


@quick
@given(SEEDS)
def test_legs_follow_each_other_without_a_jump(seed: int) -> None:
    for thing in _shot(seed).things:
        assert thing.legs[0].time == 4
        for _, leg in pairwise(thing.legs):
            assert np.allclose(positions(thing, np.array([leg.time - 1e-7])), leg.start, atol=1e-4)


@quick
@given(SEEDS)
def test_velocities_are_the_slopes_of_positions(seed: int) -> None:
    for thing in _shot(seed).things:
        for leg in thing.legs:
            near = positions(thing, np.array([leg.time + 1e-6, leg.time + 1e-4]))
            assert np.allclose((near[1] - near[0]) / 9.9e-5, leg.velocity, atol=1e-4)
            if leg.spin:
                speed = np.linalg.norm(leg.velocity)
                times = np.linspace(leg.time, leg.time + 1, 50)
                again = positions(replace(thing, legs=(leg,)), times)
                steps = np.linalg.norm(np.diff(again, axis=0), axis=1) * 49
                assert np.allclose(steps, speed, rtol=1e-3)


@quick
@given(SEEDS)
def test_growth_is_even_and_lasts(seed: int) -> None:
    thing = _shot(seed, kinds=("grow", "shrink"), things=1).things[0]
    assert thing.growth is not None
    span, factor = thing.growth.span, thing.growth.factor
    times = np.array([4, span.start, span.middle, span.end, 10])
    assert np.allclose(
        radii(thing, times) / thing.radius, [1, 1, (1 + factor) / 2, factor, factor], atol=1e-6
    )


@quick
@given(SEEDS, st.sampled_from(["freeze", "reverse"]), st.floats(6.7, 7.3), st.floats(1.6, 2.4))
def test_time_stands_or_runs_backwards(seed: int, kind: str, start: float, seconds: float) -> None:
    shot = _shot(seed, kinds=("none",), things=2)
    warped = replace(shot, warp=Warp(kind, Span(start, start + seconds)))
    within = np.linspace(0.01, seconds - 0.01, 9)
    seen = tracks(warped, start + within)
    told = tracks(shot, start - within if kind == "reverse" else np.full(9, start))
    assert np.allclose(seen.position, told.position)
    assert np.allclose(seen.camera, told.camera)
    after = np.linspace(0, 10 - start - seconds, 9)
    lag = 2 * seconds if kind == "reverse" else seconds
    later = tracks(warped, start + seconds + after)
    assert np.allclose(later.position, tracks(shot, start + seconds + after - lag).position)


@quick
@given(SEEDS)
def test_the_camera_takes_all_with_it(seed: int) -> None:
    shot = _shot(seed)
    times = np.linspace(4, 10, 20)
    still, moved = (
        tracks(replace(shot, pan=(0, 0)), times),
        tracks(replace(shot, pan=(1, 2)), times),
    )
    assert np.allclose(moved.camera, np.outer(times - 4, (1, 2)))
    assert np.allclose(still.position - moved.camera[:, None], moved.position)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from([64, 150]))
def test_pictures_show_what_tracks_tell(seed: int, side: int) -> None:
    shot = _shot(seed, plain=True)
    times = [4.5, 7, 9.5]
    told, shown = tracks(shot, times), pictures(shot, times, side)
    empty = replace(shot, things=())
    for k in range(3):
        there = np.flatnonzero(told.seen[k] > 0.99)
        for number in there:
            x, y = np.floor(told.position[k, number] * side).astype(int)
            thing = shot.things[number]
            if thing.shape != "ring":
                colour = RGB[COLOURS[told.colour[k, number]]]
                expected = np.clip(np.add(colour, thing.shade), 0, 1)
                assert np.allclose(shown[k, y, x] / 255, expected, atol=0.01)
            covered = np.any(shown[k] != pictures(empty, times[k : k + 1], side)[0], axis=-1)
            ys, xs = np.nonzero(covered)
            near = np.hypot((xs + 0.5) / side - told.position[k, number, 0],
                            (ys + 0.5) / side - told.position[k, number, 1])  # fmt: skip
            area = (near < 1.3 * told.radius[k, number]).sum() / side**2
            assert 0.2 < area / (np.pi * told.radius[k, number] ** 2) < 1.4
        if not told.seen[k].any() and not shot.bars:
            assert np.array_equal(shown[k], pictures(empty, times[k : k + 1], side)[0])


def test_what_is_absent_is_not_seen() -> None:
    shot = _shot(1, kinds=("vanish",), things=2)
    (event,) = shot.events
    seen = tracks(shot, [event.span.start - 0.01, event.span.start]).seen
    assert seen[:, 0] == pytest.approx([1, 0])
    assert seen[:, 1] == pytest.approx([1, 1])
