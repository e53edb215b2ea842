"""Questions that take counting: how many, and the how manyth."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from rlm.spans import Span, format_time
from rlm.world.captions import a
from rlm.world.questions.cast import CLEAR, Act, Cast, Fact
from rlm.world.questions.draft import (
    DOINGS,
    Draft,
    capital,
    capitals,
    four,
    halves,
    infinitive,
    ordinal,
)
from rlm.world.questions.events import whats, whens
from rlm.world.questions.looks import alike
from rlm.world.scene import SHAPES

_REACH = 9  # as far as one has to count up


def _distinct(one: str, other: str) -> bool:
    fewer, more = sorted((int(one), int(other)))
    return more - fewer >= 1 + fewer // 12


Found = dict[str, dict[int, tuple[Span, ...]]]
"""For each subject the shots that count, with what one must look at there."""


def _number(cast: Cast, rng: np.random.Generator, text: str, found: Found) -> Draft | None:
    """``text`` with one of the subjects; those of the others are the wrong numbers."""
    counts = {subject: str(len(shots)) for subject, shots in found.items() if len(shots) > 1}
    group = four([*counts], rng, lambda one, other: not _distinct(counts[one], counts[other]))
    if not group:
        return None
    told = [counts[subject] for subject in group]
    counted = found[group[0]]
    rest = (shot.span for at, shot in enumerate(cast.film.shots) if at not in counted)
    evidence = sorted({*rest, *(span for spans in counted.values() for span in spans)})
    return Draft(text.format(group[0]), told[0], tuple(told[1:]), tuple(evidence))


def shots_that_show(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """How many shots show a ring? Something red? A red ring?"""
    part = int(rng.integers(3))
    found: Found = defaultdict(dict)
    for act in cast.acts:
        for called in act.names:
            subject = (*called.split(), called)[part]
            found[subject][act.at] = (act.shot.span,)
    shown = "something {}" if part == 0 else "a {}"
    return _number(cast, rng, f"How many shots show {shown}?", found)


def shots_where(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """In how many shots does a ring disappear? Something red?"""
    part, who = (0, "something {}") if rng.random() < 0.5 else (1, "a {}")
    kind = str(rng.choice(DOINGS))
    found: Found = defaultdict(dict)
    for deed in cast.deeds:
        if deed.kind == kind:
            subject = deed.name.split()[part]
            found[subject][deed.act.at] = deed.sides
    sure = {of: shots for of, shots in found.items() if not cast.doubtful(kind, named=of)}
    return _number(cast, rng, f"In how many shots does {who} {infinitive(kind)}?", sure)


def things_shown(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """How many things does the shot at 0:34 show in all?"""
    shots = cast.film.shots
    group = four(
        range(len(shots)),
        rng,
        lambda one, other: len(shots[one].things) == len(shots[other].things),
    )
    clock = group and cast.clock(group[0], rng)
    if not group or not clock:
        return None
    told = [str(len(shots[at].things)) for at in group]
    text = f"How many things does the shot at {clock[0]} show in all?"
    spans = (shots[group[0]].span,)
    # All four: the more is in a shot, the more is told of it.
    tells = frozenset((at, None, "when") for at in group)
    offers = frozenset((at, None, "cast") for at in group)
    return Draft(text, told[0], tuple(told[1:]), spans, tells=tells, offers=offers)


def _window(
    cast: Cast, rng: np.random.Generator, places: Sequence[float]
) -> tuple[str, float, int]:
    """From where to count: ``""`` from the beginning, ``" after 31:00"`` from there.

    Gives the words, the moment, and the number of the first of ``places`` (seconds) that counts.
    """
    if len(places) <= _REACH or rng.random() < 0.3:
        return "", 0.0, 0
    moment = cast.moment(int(rng.integers(len(cast.film.shots))), rng, places)
    if math.isnan(moment):
        return "", 0.0, 0
    first = sum(place <= moment for place in places)
    return f" after {format_time(moment, 0)}", moment, first


def nth_doer(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Of all things in the film, which is the third to disappear? The third after 31:00?"""
    kind = str(rng.choice(DOINGS))
    deeds = [deed for deed in cast.deeds if deed.kind == kind]
    since, moment, first = _window(cast, rng, [deed.time for deed in deeds])
    reach = deeds[first : first + _REACH]
    while reach and cast.doubtful(kind, within=Span(moment, reach[-1].time)):
        reach.pop()
    while reach and any(q.time - p.time < CLEAR for p, q in pairwise(reach)):
        reach.pop()
    names = [deed.name for deed in reach]
    sole = [deed for deed in reach if names.count(deed.name) == 1]
    group = four(sole, rng, lambda one, other: False)
    if not group:
        return None
    right = group[0]
    number = reach.index(right)
    told = capitals(a(deed.name) for deed in group)
    passed = cast.film.shots[cast.at(moment) : right.act.at + 1]
    counted = {deed.act.at for deed in reach[: number + 1]}
    spans = [side for deed in reach[: number + 1] for side in deed.sides]
    spans += [s.span for s in passed if cast.at(s.span.start) not in counted]
    return Draft(
        f"Of all things in the film, which is the {ordinal(number + 1)} to "
        f"{infinitive(kind)}{since}?",
        told[0],
        told[1:],
        tuple(sorted(set(spans))),
        tells=whats(group) | _told_by(cast, since, moment),
        offers=whens(group),
    )


def _told_by(cast: Cast, since: str, moment: float) -> frozenset[Fact]:
    return frozenset({(cast.at(moment), None, "when")} if since else ())


def nth_colour(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What colour is the ring in the third shot that shows one?"""
    shape = str(rng.choice(SHAPES))
    return _nth(
        cast,
        rng,
        f"What colour is the {shape} in",
        lambda act: act.thing.shape == shape,
        lambda act: len(act.names) == 1,
        lambda one, other: one.thing.colour == other.thing.colour,
        lambda act: capital(act.thing.colour),
        lambda act: frozenset(),
        lambda group: cast.kin(group[0], [act.thing.colour for act in group]),
    )


def nth_story(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """What does the red circle do in the third shot that shows one?"""
    called = str(rng.choice(sorted({act.name for act in cast.plain})))
    return _nth(
        cast,
        rng,
        f"What does the {called} do in",
        lambda act: called in act.names,
        lambda act: act.name == called and act.shot.warp is None,
        alike,
        lambda act: f"It {act.story}",
        lambda act: frozenset({act.what}),
        lambda group: frozenset(),
    )


def _nth(
    cast: Cast,
    rng: np.random.Generator,
    text: str,
    counts: Callable[[Act], bool],
    fit: Callable[[Act], bool],
    clash: Callable[[Act, Act], bool],
    tell: Callable[[Act], str],
    asks: Callable[[Act], frozenset[Fact]],
    offers: Callable[[Sequence[Act]], frozenset[Fact]],
) -> Draft | None:
    """``text`` "the third shot that shows one": of those acts that count the fit ones are asked."""
    shots: dict[int, list[Act]] = defaultdict(list)
    for act in filter(counts, cast.acts):
        shots[act.at].append(act)
    since, moment, _ = _window(cast, rng, [cast.film.shots[at].span.start for at in shots])
    reach = [at for at in shots if not since or at > cast.at(moment)][:_REACH]
    alone = [shots[at][0] for at in reach if len(shots[at]) == 1]
    group = four([act for act in alone if fit(act)], rng, clash)
    if not group:
        return None
    right = group[0]
    told = tuple(tell(act) for act in group)
    number = reach.index(right.at)
    passed = cast.film.shots[cast.at(moment) + bool(since) : right.at]
    return Draft(
        f"{text} the {ordinal(number + 1)} shot{since} that shows one?",
        told[0],
        told[1:],
        (*(shot.span for shot in passed), *halves(right.phases)),
        asks(right),
        _told_by(cast, since, moment),
        offers(group),
    )
