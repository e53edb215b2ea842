"""Questions about what is in sight: what it does, which way it goes, what it looks like."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rlm.spans import Span, format_time
from rlm.world.captions import a, course
from rlm.world.questions.cast import CLEAR, Act, Cast, Deed
from rlm.world.questions.draft import (
    OPTIONS,
    Draft,
    capitals,
    does,
    four,
    halves,
    ordinal,
)
from rlm.world.scene import Shot
from rlm.world.tracks import tracks
from rlm.world.windows import motion_of

_SLANT = math.radians(12)  # a direction further from all eight is not asked for
_ALIKE = 3.0  # seconds within which two events of a kind could be taken for each other
_MOVED = 0.05  # of the picture: what moves less within a passage may seem to stand still


def alike(one: Act, other: Act) -> bool:
    """Whether the story of one is all or part of the other's, or cannot be told of it."""
    mine, its = ({(event.kind, event.colour) for event in act.events} for act in (one, other))
    same = one.thing.motion == other.thing.motion and (mine <= its or its <= mine)
    turned = set(one.thing.colours[1:]) | set(other.thing.colours[1:])
    return same or bool(turned & {one.thing.colour, other.thing.colour})


def story(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What does the red circle in the shot at 0:34 do?"""
    acts = four([act for act in cast.plain if act.events], rng, alike, cast.known)
    reference = acts and cast.refer(acts[0], rng)
    if not acts or not reference:
        return None
    told = [f"It {act.story}" for act in acts]
    text = f"What does {reference[0]} do?"
    asks = frozenset({acts[0].what})
    return Draft(text, told[0], tuple(told[1:]), halves(acts[0].phases), asks, reference[1])


def first_way(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which way does the red circle in the shot at 0:34 move at first?"""
    acts = [act for act in cast.plain if all(event.kind != "start" for event in act.events)]
    return _way(cast, rng, {act: act.thing.motion for act in acts}, "at first")


def last_way(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which way does the red circle in the shot at 0:34 move at the end?"""
    changes = {"stop", "bounce", "turn", "collide", "start"}
    ends = {"vanish", "leave", "hide"}
    kinds = {act: {event.kind for event in act.events} for act in cast.plain}
    acts = [act for act, had in kinds.items() if had & changes and not had & ends]
    ways = {act: way for act in acts if (way := _end(act)) is not None}
    return _way(cast, rng, ways, "at the end")


def _end(act: Act) -> str | None:
    """The motion of the last leg, where it is clearly one of ``MOTIONS``."""
    leg = act.thing.legs[-1]
    turns = math.atan2(leg.velocity[1], leg.velocity[0]) / (math.pi / 4)
    off = abs(turns - round(turns)) * math.pi / 4
    return motion_of(leg) if leg.spin or off <= _SLANT else None


def _on_screen(act: Act, number: int) -> str:
    """The motion of a leg as the camera sees it."""
    leg, pan = act.thing.legs[number], act.shot.pan
    return motion_of(replace(leg, velocity=(leg.velocity[0] - pan[0], leg.velocity[1] - pan[1])))


def _way(cast: Cast, rng: np.random.Generator, ways: dict[Act, str], when: str) -> Draft | None:
    number = 0 if when == "at first" else -1

    def clash(one: Act, other: Act) -> bool:
        """Whether both go the same way, or one over the ground as the other does on screen."""
        mine, its = ways[one], ways[other]
        return mine in (its, _on_screen(other, number)) or its == _on_screen(one, number)

    acts = four([*ways], rng, clash, cast.known)
    reference = acts and cast.refer(acts[0], rng)
    if not acts or not reference:
        return None
    told = [f"It {course(ways[act])}" for act in acts]
    text = f"Which way does {reference[0]} move {when}?"
    phase = acts[0].phases[number]
    asks = frozenset({acts[0].what})
    return Draft(text, told[0], tuple(told[1:]), halves([phase]), asks, reference[1])


def new_colour(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which colour does the red circle in the shot at 0:34 turn?"""

    def clash(one: Act, other: Act) -> bool:
        turned = {one.thing.colours[1], other.thing.colours[1]}
        return len(turned) == 1 or bool(turned & {one.thing.colour, other.thing.colour})

    turned = [act for act in cast.plain if len(act.thing.colours) == 2]
    acts = four(turned, rng, clash, cast.known)
    reference = acts and cast.refer(acts[0], rng)
    if not acts or not reference:
        return None
    told = capitals(act.thing.colours[1] for act in acts)
    text = f"Which colour does {reference[0]} turn?"
    asks, near = frozenset({acts[0].what}), cast.whens(acts[0].at) - {acts[0].when}
    return Draft(text, told[0], told[1:], acts[0].phases, asks, reference[1], near)


def doer(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Something disappears at about 12:34. What colour is it? What shape?"""
    part, noun = (0, "colour") if rng.random() < 0.5 else (1, "shape")

    def known(deed: Deed) -> bool:
        same = [d for d in cast.deeds if d.kind == deed.kind and abs(d.time - deed.time) < _ALIKE]
        near = Span(max(0.0, deed.time - _ALIKE), deed.time + _ALIKE)
        return len(same) == 1 and not cast.doubtful(deed.kind, within=near)

    deeds = [deed for deed in cast.deeds if deed.kind not in ("recolour", "collide", "hide")]
    group = four(deeds, rng, lambda d, e: d.name.split()[part] == e.name.split()[part], known)
    if not group:
        return None
    told = capitals(deed.name.split()[part] for deed in group)
    right = group[0]
    text = f"Something {does(right.kind)} at about {format_time(right.time, 0)}."
    return Draft(
        f"{text} What {noun} is it?",
        told[0],
        told[1:],
        right.sides,
        tells=frozenset({(right.act.at, right.act.index, "clock"), (right.act.at, None, "when")}),
        offers=cast.whens(right.act.at),
    )


def neighbour(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which of these is shown in the shot right after the one at 12:34? Right before?"""
    step, word = (1, "after") if rng.random() < 0.5 else (-1, "before")
    shots = cast.film.shots
    names = [{n for act in cast.acts_of(at) for n in act.names} for at in range(len(shots))]
    acts = [act for act in cast.acts if 0 <= act.at - step < len(shots)]

    def clash(one: Act, other: Act) -> bool:
        return any(
            act.name in names[place]
            for act, its in ((one, other), (other, one))
            for place in (its.at, its.at - step)
        )

    group = four(acts, rng, clash, lambda act: len(act.names) == 1)
    clock = group and cast.clock(group[0].at - step, rng)
    if not group or not clock:
        return None
    right = group[0]
    told = capitals(a(act.name) for act in group)
    text = f"Which of these is shown in the shot right {word} the one at {clock[0]}?"
    evidence = (shots[right.at - step].span, right.shot.span)
    # What is shown in a shot says what is not shown next to it.
    near = cast.whens(right.at - 1, right.at, right.at + 1)
    return Draft(
        text,
        told[0],
        told[1:],
        tuple(sorted(evidence)),
        frozenset({(right.at, None, "next")}),
        clock[1],
        near | {act.when for act in group},
    )


def mark(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What is shown while the white frame flashes for the third time?"""
    marks = cast.film.marks
    if not marks:
        return None
    number = int(rng.integers(len(marks)))
    span = marks[number]
    at = cast.at(span.start)
    acts = cast.acts_of(at)
    if cast.at(span.end - 1e-6) != at:
        return None
    there = tracks(acts[0].shot, np.linspace(span.start, span.end - 1e-6, 9)).seen.min(axis=0)
    shown = [act for act in acts if there[act.index] > 0.6 and len(act.names) == 1]
    if not shown:
        return None
    right = shown[int(rng.integers(len(shown)))]
    chosen = [right]
    # Drawn as the right one is: a shot where time just passes, then one of its things.
    for place in rng.permutation(sorted({act.at for act in cast.plain})):
        single = [act for act in cast.acts_of(place) if len(act.names) == 1]
        if single and len(chosen) < OPTIONS:
            other = single[int(rng.integers(len(single)))]
            if not any(cast.together(other, act) for act in chosen):
                chosen.append(other)
    if len(chosen) < OPTIONS:
        return None
    told = capitals(a(act.name) for act in chosen)
    time = f" for the {ordinal(number + 1)} time" if len(marks) > 1 else ""
    return Draft(
        f"What is shown while the white frame flashes{time}?",
        told[0],
        told[1:],
        marks[: number + 1],
    )


def passage(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which passage runs backwards? During which one does everything stand still?"""
    warped = [at for at, shot in enumerate(cast.film.shots) if shot.warp is not None]
    if not warped:
        return None
    at = int(rng.choice(warped))
    shot = cast.film.shots[at]
    assert shot.warp is not None
    span = shot.warp.span
    places, passages = [at], [span]
    for place in rng.permutation(len(cast.film.shots)):
        other = cast.film.shots[place]
        # As long and as far into its shot, so that nothing but the pictures tells them apart.
        start = other.span.start + span.start - shot.span.start
        moved = Span(start, start + span.duration)
        if other.warp is None and moved.end <= other.span.end - CLEAR and _moves(other, moved):
            places.append(int(place))
            passages.append(moved)
            if len(places) == OPTIONS:
                break
    else:
        return None
    told = tuple(f"{format_time(p.start, 0)} to {format_time(p.end, 0)}" for p in passages)
    backwards = shot.warp.kind == "reverse"
    text = (
        "Which passage runs backwards?"
        if backwards
        else "During which passage does everything stand still?"
    )
    # Who knows of another shot's time knows that it is not the one.
    facts = frozenset((place, None, "when") for place in places)
    once = frozenset((place, None, "passage") for place in places)
    return Draft(text, told[0], told[1:], halves([span]), once, offers=facts)


def _moves(shot: Shot, span: Span) -> bool:
    """Whether something in sight moves all through ``span``."""
    track = tracks(shot, np.linspace(span.start, span.end, 9))
    ground = track.position + track.camera[:, None]
    steps = np.linalg.norm(np.diff(ground, axis=0), axis=2) * (track.seen[1:] > 0.5)
    return bool((steps.min(axis=0) > _MOVED / 8).any())
