"""Questions about what happens: in which order, when, and because of what.

Where a sentence names an event it is the only one in the film that the sentence could mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rlm.spans import Span, format_time
from rlm.world.captions import a
from rlm.world.questions.cast import CLEAR, Act, Cast, Deed, Fact
from rlm.world.questions.draft import (
    DOINGS,
    OPTIONS,
    Draft,
    base,
    capital,
    capitals,
    four,
    infinitive,
    shuffled,
)
from rlm.world.scene import SHAPES, Shot

_FAR = 5.0  # seconds between the moments offered as options
_SURE = 1.0  # seconds between events whose order is asked for
_SOON = 8.0  # seconds within which something happens next


def _sorted(spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(sorted(dict.fromkeys(spans)))


def whats(deeds: Iterable[Deed]) -> frozenset[Fact]:
    """What those of the deeds do."""
    return frozenset(act.what for deed in deeds for act in deed.acts)


def whens(deeds: Iterable[Deed]) -> frozenset[Fact]:
    """When those of the deeds are there."""
    return frozenset(act.when for deed in deeds for act in deed.acts)


def _facts(what: str, deeds: Iterable[Deed]) -> frozenset[Fact]:
    return frozenset((deed.act.at, deed.act.index, what) for deed in deeds)


def follows(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What happens right after a red circle disappears? Right before?"""
    step, word = (1, "after") if rng.random() < 0.5 else (-1, "before")
    lone = {deed: place for place, deed in enumerate(cast.deeds) if place in cast.apart}
    keys = set(cast.lone)
    pairs = []
    for deed, place in lone.items():
        if deed in keys and place + step in cast.apart and 0 <= place + step < len(cast.deeds):
            other = cast.deeds[place + step]
            between = Span(*sorted((deed.time, other.time)))
            if other.key != deed.key and not cast.warps(between):
                pairs.append((deed, other))

    if not pairs:
        return None
    named, right = pairs[int(rng.integers(len(pairs)))]
    # Neighbours are unlike each other: the wrong ones are as unlike what is named as the right one.
    told = {right.key: right.sentence}
    for _, deed in shuffled(pairs, rng):
        if deed.key != named.key and _likeness(named, deed) == _likeness(named, right):
            told.setdefault(deed.key, deed.sentence)
    if len(told) < OPTIONS:
        return None
    answer, *wrong = capitals([*told.values()][:OPTIONS])
    offered = [deed for _, deed in pairs if deed.key in [*told][:OPTIONS]]
    shots = cast.film.shots[min(named.act.at, right.act.at) : max(named.act.at, right.act.at) + 1]
    inner = [shot.span for shot in shots[1:-1]]
    return Draft(
        f"What happens right {word} {named.sentence}?",
        answer,
        tuple(wrong),
        _sorted([*named.sides, *inner, *right.sides]),
        tells=whats([named, *offered]),
        offers=whens([named, *offered]),
    )


def _likeness(one: Deed, other: Deed) -> tuple[bool, ...]:
    """Whether they have the kind, the colour, the shape and the new colour in common."""
    colour, shape = one.name.split()
    its, form = other.name.split()
    return one.kind == other.kind, colour == its, shape == form, colour == other.event.colour


def comes_next(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What happens next after 12:34?"""
    nexts: list[tuple[Deed, float]] = []
    for place in cast.apart:
        deed = cast.deeds[place]
        before = cast.deeds[place - 1].time if place else 0.0
        low = math.ceil(max(before + CLEAR, deed.time - _SOON))
        high = math.floor(deed.time - CLEAR)
        if low <= high:
            moment = float(rng.integers(low, high + 1))
            if not cast.warps(Span(moment, deed.time)):
                nexts.append((deed, moment))
    # While something is still going on, it could be taken for what comes next.
    group = four(
        nexts,
        rng,
        lambda one, other: one[0].key == other[0].key,
        lambda item: not cast.under_way(item[1]),
    )
    if not group:
        return None
    (right, moment), *_ = group
    told = capitals(deed.sentence for deed, _ in group)
    passed = [shot.span for shot in cast.film.shots[cast.at(moment) : right.act.at]]
    return Draft(
        f"What happens next after {format_time(moment, 0)}?",
        told[0],
        told[1:],
        _sorted([*passed, *right.sides]),
        _facts("clock", [right]),
        whats(deed for deed, _ in group) | {(cast.at(moment), None, "when")},
        whens(deed for deed, _ in group)
        | _facts("clock", [right])
        | _facts("named", [deed for deed, _ in group]),
    )


def extreme_event(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which of these happens first? Last?"""
    return _extreme(rng, cast.lone, "Which of these happens {}?", lambda deed: deed.sentence)


def extreme_doer(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which of these is the first to disappear? The last?"""
    kind = str(rng.choice(DOINGS))
    deeds = [deed for deed in cast.deeds if deed.kind == kind]
    names = [deed.name for deed in deeds]
    sole = [
        deed
        for deed in deeds
        if names.count(deed.name) == 1 and not cast.doubtful(kind, named=deed.name)
    ]
    text = f"Which of these is the {{}} to {infinitive(kind)}?"
    return _extreme(rng, sole, text, lambda deed: a(deed.name))


def _extreme(
    rng: np.random.Generator, deeds: Sequence[Deed], text: str, tell: Callable[[Deed], str]
) -> Draft | None:
    group = four(deeds, rng, lambda d, e: abs(d.time - e.time) < _SURE)
    if not group:
        return None
    first = rng.random() < 0.5
    told = capitals(tell(deed) for deed in sorted(group, key=lambda d: d.time, reverse=not first))
    return Draft(
        text.format("first" if first else "last"),
        told[0],
        told[1:],
        _sorted([side for deed in group for side in deed.sides]),
        tells=whats(group),
        offers=whens(group),
    )


def extreme_colour(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What colour is the first ring of the film? The last?"""
    first = rng.random() < 0.5
    ends: list[Act] = []
    for shape in SHAPES:
        shown = [act for act in cast.acts if act.thing.shape == shape]
        if shown:
            end = shown[0 if first else -1]
            if len(end.names) == 1 and sum(act.at == end.at for act in shown) == 1:
                ends.append(end)
    group = four(ends, rng, lambda one, other: one.thing.colour == other.thing.colour)
    if not group:
        return None
    right = group[0]
    told = capitals(act.thing.colour for act in group)
    passed = cast.film.shots[: right.at + 1] if first else cast.film.shots[right.at :]
    return Draft(
        f"What colour is the {'first' if first else 'last'} {right.thing.shape} of the film?",
        told[0],
        told[1:],
        tuple(shot.span for shot in passed),
        offers=cast.kin(right, [act.thing.colour for act in group]),
    )


def when(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """When does a red circle turn blue?"""
    group = four(cast.lone, rng, lambda d, e: abs(d.time - e.time) < _FAR)
    if not group:
        return None
    right = group[0]
    told = tuple(f"At about {format_time(deed.time, 0)}" for deed in group)
    return Draft(
        f"When does {a(right.name)} {base(right.words)}?",
        told[0],
        told[1:],
        right.sides,
        # A moment offered here is no moment after which another question asks what comes next;
        # so what is named here, which happens at one of them, is no answer there.
        tells=whats([right])
        | _facts("named", [right])
        | _facts("clock", group)
        | {(deed.act.at, None, "when") for deed in group},
        offers=whens(group) | _facts("clock", group),
    )


def undone(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What would not have happened if the red circle in the shot at 0:34 had not been there?"""
    lone = [deed for deed in cast.lone if deed.kind in ("start", "recolour")]
    for right in shuffled([deed for deed in lone if deed.event.cause is not None], rng):
        cause = Act(right.act.at, int(right.event.cause or 0), right.act.shot)
        reference = cast.refer(cause, rng)
        if not reference:
            continue
        there = Deed(cause, right.event)
        wrong = {
            deed.key: deed
            for deed in shuffled(lone, rng)
            if deed.act.at != right.act.at
            and deed.kind == right.kind
            and _likeness(there, deed) == _likeness(there, right)
        }
        if len(wrong) < OPTIONS - 1:
            continue
        deeds = [*wrong.values()][: OPTIONS - 1]
        return Draft(
            f"What would not have happened if {reference[0]} had not been there?",
            capital(right.sentence),
            capitals(deed.sentence for deed in deeds),
            right.sides,
            frozenset({right.act.what, cause.what}),
            reference[1] | whats([right, *deeds]) | {cause.what},
            whens([right, *deeds]),
        )
    return None


def otherwise(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which of these would have moved or looked otherwise if the red circle had not been there?"""
    bumps = [deed for deed in cast.deeds if deed.kind == "collide"]
    for bump in shuffled(bumps, rng):
        shot, at = bump.act.shot, bump.act.at
        assert bump.event.other is not None
        right, reference = Act(at, bump.event.other, shot), cast.refer(bump.act, rng)
        if not reference or not cast.known(right):
            continue
        touched = _touched(shot, bump.act.index)
        taken = {name for index in touched for name in Act(at, index, shot).names}
        # Bystanders first: they are in the same shot, and nothing would have been new to them.
        others = [*shuffled(cast.acts_of(at), rng), *shuffled(cast.acts, rng)]
        wrong: dict[str, Act] = {}
        for act in others:
            if not taken & set(act.names) and _like(bump.act, act) == _like(bump.act, right):
                wrong.setdefault(act.name, act)
        acts = [right, *wrong.values()][:OPTIONS]
        if len(acts) == OPTIONS:
            told = capitals(a(act.name) for act in acts)
            return Draft(
                "Which of these would have moved or looked otherwise "
                f"if {reference[0]} had not been there?",
                told[0],
                told[1:],
                bump.sides,
                frozenset({bump.act.what}),
                reference[1] | {bump.act.what},
                frozenset({*(act.what for act in acts), *(act.when for act in acts)}),
            )
    return None


def _like(one: Act, other: Act) -> tuple[bool, bool]:
    """Whether they have the colour, and the shape, in common."""
    return one.thing.colour == other.thing.colour, one.thing.shape == other.thing.shape


def _touched(shot: Shot, index: int) -> set[int]:
    """Who could have been another without this thing: by what it bumps into, and so on."""
    touched = {index}
    for event in sorted(shot.events, key=lambda event: event.span.start):
        if event.other is not None and {event.thing, event.other} & touched:
            touched |= {event.thing, event.other}
        if event.cause in touched:
            touched.add(event.thing)
    return touched
