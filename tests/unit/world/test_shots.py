from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.world.parts import OUTLINE
from rlm.world.scene import EVENTS, MOTIONS, Event, Shot, held_out
from rlm.world.shots import make_shot
from rlm.world.tracks import Tracks, positions, tracks

PIXEL = 1 / 64
SEEDS = st.integers(0, 10**6)
KINDS = st.sampled_from(EVENTS)
COUNTS = st.integers(1, 5)
quick = settings(max_examples=60, deadline=None)


def _shot(seed: int, kind: str | None = None, things: int | None = None) -> Shot:
    start = round(seed % 7 * 1.2, 1)
    kinds = None if kind is None else (kind,)
    span = Span(start, round(start + 5 + seed % 16 / 5, 1))
    return make_shot(np.random.default_rng(seed), span, things=things, kinds=kinds)


def _times(shot: Shot) -> np.ndarray:
    return np.arange(shot.span.start, shot.span.end, 0.04)


def _here(shot: Shot, thing: int, times: np.ndarray) -> np.ndarray:
    present = shot.things[thing].present
    return (present.start <= times) & (times < present.end)


def _kinds(shot: Shot, thing: int) -> set[str]:
    return {event.kind for event in shot.events_of(thing)}


@quick
@given(SEEDS, KINDS, COUNTS)
def test_things_are_inside_unless_they_come_or_go(seed: int, kind: str, things: int) -> None:
    shot = _shot(seed, kind, things)
    times = _times(shot)
    where = tracks(shot, times)
    for number in range(len(shot.things)):
        here = _here(shot, number, times)
        if not _kinds(shot, number) & {"enter", "leave"}:
            reach = where.radius[here, number, None]
            assert np.all(where.position[here, number] - reach > -1e-4)
            assert np.all(where.position[here, number] + reach < 1 + 1e-4)
        if "hide" not in _kinds(shot, number):
            edge = bool(_kinds(shot, number) & {"enter", "leave"})
            assert edge or np.all(where.seen[here, number] > 0.999)


@quick
@given(SEEDS, COUNTS)
def test_things_keep_clear_of_each_other(seed: int, things: int) -> None:
    shot = _shot(seed, None, things)
    times = _times(shot)
    where = tracks(shot, times)
    collided = any(event.kind == "collide" for event in shot.events)
    for one, two in combinations(range(len(shot.things)), 2):
        both = _here(shot, one, times) & _here(shot, two, times)
        apart = np.linalg.norm(where.position[:, one] - where.position[:, two], axis=1)
        gap = (apart - where.radius[:, one] - where.radius[:, two])[both]
        if not (collided and (one, two) == (0, 1)):
            assert gap.min(initial=1.0) > 1.8 * PIXEL


@quick
@given(SEEDS, COUNTS)
def test_things_are_told_apart(seed: int, things: int) -> None:
    shot = _shot(seed, None, things)
    colours = [colour for thing in shot.things for colour in thing.colours]
    assert len(set(colours)) == len(colours)
    where = tracks(shot, [shot.span.start, shot.span.end - 0.01])
    if len(shot.things) > 1:
        ranked = np.sort(where.radius, axis=1)
        assert np.all(ranked[:, -1] > 1.19 * ranked[:, -2])
        assert len(set(where.radius.argmax(axis=1))) == 1
    else:
        assert 7.1 * PIXEL < where.radius[0, 0] < 11.6 * PIXEL


@quick
@given(SEEDS, COUNTS)
def test_things_move_as_told(seed: int, things: int) -> None:
    shot = _shot(seed, None, things)
    for thing in shot.things:
        moving = [leg for leg in thing.legs if leg.velocity != (0, 0)]
        if thing.motion == "still":
            assert not moving
            continue
        leg = moving[0]
        assert 3.9 * PIXEL < math.hypot(*leg.velocity) < 9.1 * PIXEL
        if thing.motion == "orbit":
            assert 4 <= 2 * math.pi / abs(leg.spin) < 10.6
            continue
        assert leg.spin == 0
        angle = MOTIONS.index(thing.motion) * math.pi / 4
        told = math.cos(angle), math.sin(angle)
        assert np.dot(told, leg.velocity) / math.hypot(*leg.velocity) > math.cos(math.radians(10.1))


@quick
@given(SEEDS, KINDS, COUNTS)
def test_events_leave_room_and_come_one_at_a_time(seed: int, kind: str, things: int) -> None:
    shot = _shot(seed, kind, things)
    assert {event.kind for event in shot.events if event.cause is None} <= {kind}
    shot = _shot(seed, None, things)
    for event in shot.events:
        assert shot.span.start + 1.39 <= event.span.start <= shot.span.end - 1.19
        assert shot.span.start < event.span.end <= shot.span.end
    for one, two in pairwise(shot.events):
        together = one.kind == "collide" and two.span.start == one.span.start
        assert together == (one.other == two.thing)
        assert together or two.span.start - one.span.end > 0.99
    assert [event.span.start for event in shot.events] == sorted(
        event.span.start for event in shot.events
    )


@settings(max_examples=150, deadline=None)
@given(SEEDS, KINDS, st.sampled_from((1, 2, 3)))
def test_events_do_what_they_say(seed: int, kind: str, things: int) -> None:
    shot = _shot(seed, kind, things)
    if kind == "none" or (kind == "collide" and things == 1):
        assert shot.events == ()
        return
    assert shot.events[0].kind == kind
    assert shot.events[0].thing == 0
    for event in shot.events:
        _check(shot, event)


def _check(shot: Shot, event: Event) -> None:
    at, who, thing = event.span.start, event.thing, shot.things[event.thing]
    start, end = shot.span.start, shot.span.end - 1e-6
    around = tracks(shot, [at - 0.02, at + 0.02])
    ends = tracks(shot, [start, end])
    before, after = _velocity(shot, who, at - 0.1), _velocity(shot, who, at + 0.1)
    if event.kind == "recolour":
        assert [thing.colours[i] for i in (0, 1)] == [_colour(around, i, who) for i in (0, 1)]
        assert event.colour == thing.colours[1]
    elif event.kind in ("appear", "vanish"):
        assert list(around.seen[:, who] > 0.99) == [event.kind == "vanish", event.kind == "appear"]
    elif event.kind == "stop":
        assert np.any(before) and not np.any(after)
    elif event.kind == "start":
        assert np.any(after) and not np.any(before)
        assert (event.cause is None) == (shot.events[0].kind != "collide")
    elif event.kind == "turn":
        assert np.dot(before, after) < -0.9 * np.dot(before, before)
    elif event.kind == "bounce":
        (place,) = tracks(shot, [at]).position[:, who]
        margin = np.minimum(place, 1 - place) - thing.radius
        axis = int(np.argmin(margin))
        assert margin[axis] < 1e-4 and before[axis] * after[axis] < 0
        assert before[1 - axis] == pytest.approx(after[1 - axis])
    elif event.kind in ("grow", "shrink"):
        assert 0.7 < event.span.duration < 1.3
        grown = ends.radius[1, who] / ends.radius[0, who]
        assert 1.39 < (grown if event.kind == "grow" else 1 / grown) < 1.61
    elif event.kind in ("enter", "leave"):
        order = 1 if event.kind == "enter" else -1
        assert list(ends.seen[::order, who]) == pytest.approx([0, 1])
        (place,) = tracks(shot, [at]).position[:, who]
        assert np.minimum(place, 1 - place).min() == pytest.approx(0, abs=1e-3)
    elif event.kind == "hide":
        covered = tracks(shot, [start, at - 0.1, at]).seen[:, who]
        assert covered[0] == pytest.approx(1)
        assert covered[1] > 0.01
        assert covered[2] < 1e-5  # positions are kept to six digits
    else:
        _check_collision(shot, event)


def _check_collision(shot: Shot, event: Event) -> None:
    assert event.other is not None
    one, two, at = shot.things[event.thing], shot.things[event.other], event.span.start
    reach = OUTLINE[one.shape] * one.radius + OUTLINE[two.shape] * two.radius
    times = np.arange(shot.span.start, shot.span.end, 0.02)
    moments = np.append(times, at)
    apart = np.linalg.norm(positions(one, moments) - positions(two, moments), axis=1)
    assert apart[-1] == pytest.approx(reach, abs=1e-4)
    assert apart.min() > reach - 1e-4
    (other,) = [e for e in shot.events_of(event.other) if e.span.start == at]
    assert (other.kind, other.cause) in {("start", 0), ("recolour", 0), ("collide", None)}


def _velocity(shot: Shot, thing: int, time: float) -> np.ndarray:
    step = positions(shot.things[thing], np.array([time - 0.01, time + 0.01]))
    velocity = (step[1] - step[0]) / 0.02
    velocity[np.abs(velocity) < 1e-6] = 0
    return velocity


def _colour(where: Tracks, moment: int, thing: int) -> str:
    from rlm.world.scene import COLOURS

    return COLOURS[where.colour[moment, thing]]


@quick
@given(SEEDS, st.booleans(), COUNTS)
def test_held_out_combinations(seed: int, held: bool, things: int) -> None:
    span = Span(0, 6)
    shot = make_shot(np.random.default_rng(seed), span, things=things, held=held)
    for thing in shot.things:
        if held:
            assert held_out(thing.colour, thing.shape, thing.motion)
        else:
            assert not any(held_out(c, thing.shape, thing.motion) for c in thing.colours)


@quick
@given(SEEDS)
def test_what_is_asked_for_is_what_comes(seed: int) -> None:
    rng, span = np.random.default_rng(seed), Span(3, 9)
    pairs = [("red", "ring"), ("red", "cross"), ("blue", "ring")]
    shot = make_shot(rng, span, pairs=pairs, motions=MOTIONS[:8], kinds=("none",), plain=True)
    assert [(thing.colour, thing.shape) for thing in shot.things] == pairs
    assert all(thing.motion in MOTIONS[:8] for thing in shot.things)
    assert (shot.span, shot.events, shot.bars, shot.pan) == (span, (), (), (0, 0))
    assert shot.fade_in == shot.fade_out == 0


def test_a_camera_that_moves_is_seen_to_move() -> None:
    shots = [_shot(seed) for seed in range(150)]
    panned = [shot for shot in shots if shot.pan != (0, 0)]
    assert 0.1 < len(panned) / len(shots) < 0.3
    assert all(shot.ground.contrast >= 0.2 for shot in panned)
    assert all(1.99 * PIXEL < math.hypot(*shot.pan) < 5.01 * PIXEL for shot in panned)
    assert 0.05 < np.mean([bool(shot.bars) for shot in shots]) < 0.2


def test_the_same_chance_gives_the_same_shot() -> None:
    assert _shot(5) == _shot(5)
    assert _shot(5) != _shot(6)


def test_refuses_what_is_no_shot() -> None:
    rng, span = np.random.default_rng(0), Span(0, 6)
    with pytest.raises(UsageError, match="3 to 9 s"):
        make_shot(rng, Span(0, 2))
    with pytest.raises(UsageError, match="1 to 5"):
        make_shot(rng, span, things=6)
    with pytest.raises(UsageError, match="different"):
        make_shot(rng, span, pairs=[("red", "ring")] * 2)
    with pytest.raises(UsageError, match="as asked"):
        make_shot(rng, span, pairs=[("red", "ring")], motions=["still"], held=True)
