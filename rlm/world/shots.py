"""A shot drawn from chance: things that keep clear of each other, and what happens to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.world.parts import BAR_WIDTH, EVENT_ROOM, Part, bar, place, place_collision
from rlm.world.paths import PIXEL, SLANT, WAYS, Floats, Stage, point
from rlm.world.scene import (
    COLOURS,
    EVENTS,
    MOTIONS,
    SHAPES,
    Bar,
    Coat,
    Event,
    Ground,
    Growth,
    Point,
    Shot,
    Thing,
    held_out,
)

SECONDS = (3.0, 9.0)  # the shortest and the longest shot that can be drawn
COUNTS = (0.45, 0.21, 0.14, 0.11, 0.09)  # how often there are 1 to 5 things
ALONE = (7.2 * PIXEL, 11.5 * PIXEL)
AMONG_OTHERS = (5.0 * PIXEL, 9.0 * PIXEL)
GROWN = 13.5 * PIXEL
HIDING = 8.8 * PIXEL  # what hides is not larger, or the bar would fill the picture
LARGEST = 1.2  # at least so many times the radius of the next, before and after what happens
GROWTH = (1.4, 1.6)
GROWTH_SECONDS = (0.8, 1.2)
LONGER_ROOM = {"enter": (1.7, 1.9), "leave": (1.9, 1.7), "hide": (2.4, 1.0)}  # as EVENT_ROOM
EVENTS_APART = 1.0
SECOND_EVENT = 0.4
PAN = 0.33  # of the shots where the camera may move
PAN_SPEED = (2.0 * PIXEL, 5.0 * PIXEL)
UNPANNED = {"bounce", "enter", "leave", "hide", "collide"}  # they are about the picture's edges
CONTRAST = 0.35
PANNED_CONTRAST = 0.2  # a camera that moves over less cannot be seen to move
BAR = 0.07  # of the shots with so few things that there is room for a bar they keep clear of
BARRED_THINGS = 3
FADE = 0.08
FADE_SECONDS = (0.3, 0.5)
TRIES = 6
LOOKS = 3

# How a thing may move to which something happens; what is not here happens to all.
_STRAIGHT = MOTIONS[:8]
_MOVING = tuple(motion for motion in MOTIONS if motion != "still")
_MOTIONS_OF = dict.fromkeys(("stop", "turn"), _MOVING) | dict.fromkeys(
    ("bounce", "enter", "leave", "hide", "collide", "start"), _STRAIGHT
)
# What a collision does to the one that is hit.
_HIT = ("start", "recolour", "collide")

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a shot has to be."""

    things: int
    pairs: tuple[Pair, ...] | None
    motions: tuple[str, ...]
    held: bool | None
    palette: tuple[str, ...]


def make_shot(
    rng: np.random.Generator,
    span: Span,
    *,
    things: int | None = None,
    pairs: Sequence[Pair] | None = None,
    kinds: Sequence[str] | None = None,
    motions: Sequence[str] | None = None,
    held: bool | None = None,
    plain: bool = False,
    palette: Sequence[str] = COLOURS,
) -> Shot:
    """A shot of 1 to 5 things that fills ``span`` (3 to 9 s).

    Args:
        rng: All chance there is; the same state gives the same shot.
        span: In seconds of the film.
        things: How many; drawn if not given.
        pairs: Colour and shape of each, all different; drawn if not given.
        kinds: What may happen (of ``EVENTS``); one of them happens to the first thing, now and
            then another to a second one. A collision brings what it does to the thing that is hit.
        motions: How things may move (of ``MOTIONS``).
        held: Whether all combinations of colour, shape and motion are held out of training
            (:func:`scene.held_out`) or none is; ``None`` for any.
        plain: The camera stands still, there are no bars that nothing hides behind, no fades.
        palette: The colours that things have and turn to.

    What does not fit together is left out: first pan and bar, then what happens, then things.
    Raises ``UsageError`` when ``things``, ``pairs`` or the length of ``span`` cannot be.
    """
    if not SECONDS[0] <= span.duration <= SECONDS[1]:
        raise UsageError(f"a shot takes {SECONDS[0]:g} to {SECONDS[1]:g} s, not {span.duration:g}")
    if things is None:
        things = len(pairs) if pairs else 1 + int(rng.choice(len(COUNTS), p=COUNTS))
    if not 1 <= things <= len(COUNTS) or (pairs is not None and len(set(pairs)) != things):
        raise UsageError(f"a shot shows 1 to 5 different things, not {pairs or things}")
    wish = _Wish(
        things,
        None if pairs is None else tuple(pairs),
        tuple(motions or MOTIONS),
        held,
        tuple(palette),
    )
    first, second = _happenings(rng, things, kinds or EVENTS)
    panned = not plain and rng.random() < PAN and not {first, second} & UNPANNED
    barred = not plain and rng.random() < BAR and things <= BARRED_THINGS
    for extras, happens in ((True, True), (False, True), (False, False)):
        for _ in range(TRIES):
            shot = _draw(
                rng,
                span,
                wish,
                (first, second) if happens else ("none", "none"),
                panned=panned and extras,
                barred=barred and extras,
            )
            if shot is not None:
                return shot if plain else _faded(rng, shot)
    if things == 1:
        raise UsageError(f"no {wish.pairs or 'thing'} moves {' or '.join(wish.motions)} as asked")
    return make_shot(
        rng,
        span,
        things=things - 1,
        pairs=pairs and pairs[:-1],
        kinds=kinds,
        motions=motions,
        held=held,
        plain=plain,
        palette=palette,
    )


def possible(things: int, kinds: Sequence[str] = EVENTS) -> list[str]:
    """Which of ``kinds`` can happen among so many things.

    It takes two to collide, and among many there is no room for a bar to hide behind.
    """
    never = {"collide"} if things == 1 else {"hide"} if things > BARRED_THINGS else set()
    return [kind for kind in kinds if kind not in never]


def _happenings(rng: np.random.Generator, things: int, kinds: Sequence[str]) -> tuple[str, str]:
    """What happens to the first thing, and what to another one."""
    possibly = possible(things, kinds) or ["none"]
    first = possibly[rng.integers(len(possibly))]
    others = [kind for kind in kinds if kind not in ("none", "collide", "hide", first)]
    free = things - (2 if first == "collide" else 1)
    if first == "none" or not free or not others or rng.random() >= SECOND_EVENT:
        return first, "none"
    return first, others[rng.integers(len(others))]


def _draw(
    rng: np.random.Generator,
    span: Span,
    wish: _Wish,
    happens: tuple[str, str],
    *,
    panned: bool,
    barred: bool,
) -> Shot | None:
    """One try; ``None`` when something does not fit."""
    parts = _parts(rng, span, wish.things, happens)
    if parts is None or not _sized(rng, parts):
        return None
    pan = _pan(rng) if panned else (0.0, 0.0)
    bars = (_bar(rng, pan, span),) if barred and happens[0] != "hide" else ()
    stage = Stage.of(span, [part.time for part in parts], pan, bars)
    for number, part in enumerate(parts):
        if part.legs:  # it is hit by the first one, and has been placed with it
            continue
        if not any(_found(rng, stage, wish, parts, number) for _ in range(LOOKS)):
            return None
    return _told(rng, wish, parts, stage)


def _parts(
    rng: np.random.Generator, span: Span, count: int, happens: tuple[str, str]
) -> list[Part] | None:
    """What happens to each thing and when."""
    times = [_time(rng, span, kind) for kind in happens]
    if "none" not in happens and abs(times[0] - times[1]) < EVENTS_APART:
        return None
    parts = [Part(kind, time) for kind, time in zip(happens, times, strict=True)]
    if happens[0] == "collide":
        parts.insert(1, Part(_HIT[rng.integers(len(_HIT))], times[0]))
    parts += [Part("none", span.start) for _ in range(count)]
    return parts[:count]


def _time(rng: np.random.Generator, span: Span, kind: str) -> float:
    """When it happens: where the shot is too short, in the middle, and then mostly nothing fits."""
    if kind == "none":
        return span.start
    before, after = LONGER_ROOM.get(kind, EVENT_ROOM)
    spare = max(0.0, span.duration - before - after)
    return round(span.start + min(before, span.duration / 2) + spare * float(rng.random()), 2)


def _sized(rng: np.random.Generator, parts: list[Part]) -> bool:
    """Give the parts their radii, so that the largest is well ahead; whether that could be."""
    for part in parts:
        if part.kind in ("grow", "shrink"):
            factor = float(rng.uniform(*GROWTH))
            part.factor = round(factor if part.kind == "grow" else 1 / factor, 4)
    factors = np.array([part.factor for part in parts])
    drawn = rng.uniform(*(ALONE if len(parts) == 1 else AMONG_OTHERS), (WAYS, len(parts)))
    most = np.where([part.kind == "hide" for part in parts], HIDING, GROWN / np.maximum(factors, 1))
    drawn = np.minimum(drawn, most)
    fine = np.ones(WAYS, bool)
    if len(parts) > 1:
        first, last = drawn, drawn * factors
        for sizes in (first, last):
            ranked = np.sort(sizes, axis=1)
            fine &= ranked[:, -1] >= LARGEST * ranked[:, -2]
        fine &= first.argmax(axis=1) == last.argmax(axis=1)
    if not fine.any():
        return False
    for part, radius in zip(parts, drawn[fine.argmax()], strict=True):
        part.radius = round(float(radius), 6)
    return True


def _found(
    rng: np.random.Generator, stage: Stage, wish: _Wish, parts: list[Part], number: int
) -> bool:
    """Draw the looks of a part and find its legs; whether both could be."""
    part = parts[number]
    motions = _MOTIONS_OF.get(part.kind, MOTIONS)
    if not _looks(rng, wish, parts, number, motions):
        return False
    if part.kind != "collide":
        return place(rng, stage, part)
    hit = {
        "start": part.motion,
        "recolour": "still",
        "collide": MOTIONS[(MOTIONS.index(part.motion) + 4) % 8],
    }[parts[1].kind]
    return _looks(rng, wish, parts, 1, [hit]) and place_collision(rng, stage, part, parts[1])


def _looks(
    rng: np.random.Generator, wish: _Wish, parts: list[Part], number: int, motions: Sequence[str]
) -> bool:
    """Draw motion, colour and shape of a part, of a colour of its own unless told otherwise."""
    part = parts[number]
    motions = [motion for motion in motions if motion in wish.motions]
    if wish.pairs is not None:
        pairs = [wish.pairs[number]]
        motions = [motion for motion in motions if pairs[0] in _pairs(motion, wish.held)]
    if not motions:
        return False
    part.motion = motions[rng.integers(len(motions))]
    if wish.pairs is None:
        free = set(wish.palette) - {other.colour for other in parts[:number]}
        pairs = [pair for pair in _pairs(part.motion, wish.held) if pair[0] in free]
        if not pairs:
            return False
    part.colour, part.shape = pairs[rng.integers(len(pairs))]
    return True


@lru_cache(maxsize=64)
def _pairs(motion: str, held: bool | None) -> tuple[Pair, ...]:
    """All pairs of colour and shape that may move so."""
    return tuple(
        (colour, shape)
        for colour in COLOURS
        for shape in SHAPES
        if held is None or held_out(colour, shape, motion) == held
    )


def _told(rng: np.random.Generator, wish: _Wish, parts: list[Part], stage: Stage) -> Shot | None:
    """The shot of parts that have all been placed; ``None`` if it cannot be told clearly."""
    span, events, things = stage.span, list[Event](), list[Thing]()
    for number, part in enumerate(parts):
        coats = [Coat(span.start, part.colour)]
        lasting, growth = Span(part.time, part.time), None
        if part.kind == "recolour":
            turned = _new_colour(rng, wish, parts, part)
            if turned is None:
                return None
            coats.append(Coat(part.time, turned))
        if part.factor != 1:
            seconds = float(rng.uniform(*GROWTH_SECONDS))
            lasting = Span(part.time, min(span.end, round(part.time + seconds, 2)))
            growth = Growth(lasting, part.factor)
        if part.kind != "none":
            events.append(_event(parts, number, lasting, coats[1].colour if coats[1:] else None))
        things.append(
            Thing(
                shape=part.shape,
                motion=part.motion,
                radius=part.radius,
                tilt=round(float(rng.uniform(-0.15, 0.15)), 4),
                shade=_triple(rng.uniform(-0.05, 0.05, 3)),
                legs=part.legs,
                coats=tuple(coats),
                present=part.present(span),
                growth=growth,
            )
        )
    events.sort(key=lambda event: (event.span.start, event.thing))
    for one, next_one in pairwise(events):
        together = one.other == next_one.thing
        if not together and next_one.span.start - one.span.end < EVENTS_APART:
            return None
    ground = _ground(rng, panned=stage.pan != (0.0, 0.0))
    return Shot(span, ground, tuple(things), tuple(events), stage.bars, stage.pan)


def _event(parts: list[Part], number: int, span: Span, colour: str | None) -> Event:
    """What happens to a part; the second of two that collide has the first as its cause."""
    kind, other, cause = parts[number].kind, None, None
    if kind == "collide":
        other = 1 - number
    elif parts[0].kind == "collide" and number == 1:
        cause = 0
    return Event(kind, span, number, colour, other, cause)


def _new_colour(rng: np.random.Generator, wish: _Wish, parts: list[Part], part: Part) -> str | None:
    """A colour that nothing in the shot has, and that leaves no combination held if none may be."""
    taken = {other.colour for other in parts}
    free = [
        colour
        for colour, shape in _pairs(part.motion, False if wish.held is False else None)
        if shape == part.shape and colour in wish.palette and colour not in taken
    ]
    return free[rng.integers(len(free))] if free else None


def _ground(rng: np.random.Generator, *, panned: bool) -> Ground:
    textured = panned or rng.random() < 0.6
    least = PANNED_CONTRAST if panned else 0.0
    return Ground(
        colour=_triple(rng.uniform(0.12, 0.37, 3)),
        contrast=round(float(rng.uniform(least, CONTRAST)), 4) if textured else 0.0,
        seed=int(rng.integers(2**31)),
    )


def _pan(rng: np.random.Generator) -> Point:
    angle = rng.integers(8) * math.pi / 4 + rng.uniform(-SLANT, SLANT)
    return point(rng.uniform(*PAN_SPEED) * np.array([math.cos(angle), math.sin(angle)]))


def _bar(rng: np.random.Generator, pan: Point, span: Span) -> Bar:
    """A bar somewhere, long enough to reach over the picture wherever the camera goes."""
    wide = float(rng.uniform(*BAR_WIDTH))
    middle = float(rng.uniform(wide / 2, 1 - wide / 2))
    return bar(rng, int(rng.integers(2)), middle, wide, reach=span.duration * math.hypot(*pan))


def _faded(rng: np.random.Generator, shot: Shot) -> Shot:
    """The shot, at times with a fade at an end."""
    fade_in, fade_out = (
        round(float(rng.uniform(*FADE_SECONDS)), 2) if rng.random() < FADE else 0.0
        for _ in range(2)
    )
    return replace(shot, fade_in=fade_in, fade_out=fade_out)


def _triple(values: Floats) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 4) for value in values)
    return red, green, blue
