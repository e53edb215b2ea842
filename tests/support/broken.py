"""Films in which something breaks: continuations that cannot be, and where they were planted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span
from rlm.world.scene import Film, Leg, Shot
from rlm.world.shots import make_shot
from rlm.world.tracks import positions

FPS = 4.0
SPLIT = 8
"""Pictures before a break, at ``FPS``; nothing else may happen to its thing in that time."""
KINDS = ("teleported", "reversed", "swapped", "frozen")
SHOT_SECONDS = 7.0
EVENTFUL = 0.2
"""Of the shots that are whole hold an event that nobody can foresee."""
_UNPREDICTABLE = ("recolour", "vanish", "stop", "turn", "grow", "shrink")
_FAR = 14 / 64  # how far a thing is teleported at least, in fractions of the picture


@dataclass(frozen=True)
class Planted:
    """A film with the moments (seconds) at which it breaks, each with the kind of break."""

    film: Film
    breaks: tuple[tuple[float, str], ...]


def planted_film(seed: int, breaks: int) -> Planted:
    """A film of three shots for each of ``breaks``, the middle one of which breaks halfway."""
    rng = np.random.default_rng((seed, 77))
    shots: list[Shot] = []
    told = []
    for number in range(3 * breaks):
        start = shots[-1].span.end if shots else 0.0
        span = Span(start, start + SHOT_SECONDS)
        if number % 3 != 1:
            eventful = rng.random() < EVENTFUL
            kinds = _UNPREDICTABLE if eventful else ("none",)
            shots.append(make_shot(rng, span, things=1, kinds=kinds, plain=True))
            continue
        kind = KINDS[number // 3 % len(KINDS)]
        shot = _moving(rng, span)
        begin = start + float(rng.uniform(2.8, 2.9))
        split = begin + (SPLIT - 0.5) / FPS
        told.append((split, kind))
        shots += _broken(rng, shot, begin, split, kind)
    return Planted(Film(seed, tuple(shots)), tuple(told))


def moving_film(seed: int, shots: int, seconds: float) -> Film:
    """Shots of one thing that moves, and bounces off the edges where it meets them."""
    rng = np.random.default_rng((940, seed))
    made: list[Shot] = []
    while len(made) < shots:
        start = made[-1].span.end if made else 0.0
        span = Span(start, start + seconds)
        shot = make_shot(rng, span, things=1, kinds=("none", "bounce"), plain=True)
        if shot.things[0].motion not in ("still", "orbit"):
            made.append(shot)
    return Film(seed, tuple(made))


def going_on(
    shot: Shot, begin: float, turn: float = 0.0, pace: float = 1.0, to: Sequence[float] = ()
) -> Shot:
    """The shot as it is up to the split; then its thing goes on turned by ``turn`` radians and
    ``pace`` times as fast, from ``to`` if given, bouncing off the edges of the picture."""
    thing = shot.things[0]
    split = begin + (SPLIT - 0.5) / FPS
    last = begin + (SPLIT - 1) / FPS
    here = np.array(to) if len(to) else positions(thing, np.array([last]))[0]
    vx, vy = thing.legs[0].velocity
    cos, sin = math.cos(turn) * pace, math.sin(turn) * pace
    velocity = np.array([vx * cos - vy * sin, vx * sin + vy * cos])
    # The new way starts at the last picture seen, but is taken from between it and the next.
    start = here + velocity * (split - last)
    legs = (*thing.legs[:1], *_bounced(start, velocity, split, begin + 4.2, thing.radius))
    return replace(shot, things=(replace(thing, legs=legs),), events=())


def _bounced(
    start: NDArray[np.float64], velocity: NDArray[np.float64], time: float, end: float, r: float
) -> list[Leg]:
    legs = []
    at, way = np.clip(start, r, 1 - r), velocity.copy()
    for _ in range(8):
        legs.append(Leg(time, (float(at[0]), float(at[1])), (float(way[0]), float(way[1]))))
        wall = np.where(way > 0, 1 - r, r)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(np.abs(way) > 1e-9, (wall - at) / way, np.inf)
        axis = int(np.argmin(left))
        if time + left[axis] >= end:
            break
        at, time = at + way * left[axis], time + float(left[axis])
        way[axis] *= -1
    return legs


def _moving(rng: np.random.Generator, span: Span) -> Shot:
    while True:
        shot = make_shot(rng, span, things=1, kinds=("none",), plain=True)
        if shot.things[0].motion not in ("still", "orbit"):
            return shot


def _broken(
    rng: np.random.Generator, shot: Shot, begin: float, split: float, kind: str
) -> list[Shot]:
    if kind == "reversed":
        return [going_on(shot, begin, turn=math.pi)]
    if kind == "frozen":
        return [going_on(shot, begin, pace=0.0)]
    if kind == "teleported":
        (here,) = positions(shot.things[0], np.array([split]))
        while True:
            there = rng.uniform(0.2, 0.8, 2)
            if np.hypot(*(there - here)) > _FAR:
                return [going_on(shot, begin, to=[float(x) for x in there])]
    other = _moving(rng, shot.span).things
    before = replace(shot, span=Span(shot.span.start, split))
    return [before, replace(shot, span=Span(split, shot.span.end), things=other)]
