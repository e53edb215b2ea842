"""Questions about how long something is to be seen, stands still, lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from rlm.spans import Span
from rlm.world.questions.cast import Act, Cast, Fact
from rlm.world.questions.draft import Draft, capital, four, shuffled

_EVEN = 0.3  # seconds by which a length may differ from the whole number it is told as
_LONGER = 0.8  # seconds between the longest and the next
_TRIED = 48  # things whose time in sight is measured for one question
_NEAR = 0.5  # seconds around a beginning or an end that show how long something lasts

Item = TypeVar("Item")


def in_sight(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """For about how long is the red circle in the shot at 0:34 to be seen?"""
    return _about(cast, rng, cast.plain, cast.seen, "is {} to be seen")


def at_rest(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """For about how long does the red circle stand still after it has stopped?"""

    def stands(act: Act) -> Span | None:
        seen, stop = cast.seen(act), act.events[-1].span.start
        return Span(stop, seen.end) if seen is not None and stop < seen.end else None

    acts = [act for act in cast.plain if act.events and act.events[-1].kind == "stop"]
    text = "does {} stand still after it has stopped"
    return _about(cast, rng, acts, stands, text, tells_what=True)


def _about(
    cast: Cast,
    rng: np.random.Generator,
    acts: Sequence[Act],
    lasts: Callable[[Act], Span | None],
    text: str,
    *,
    tells_what: bool = False,
) -> Draft | None:
    measured = {act: lasts(act) for act in shuffled(acts, rng)[:_TRIED] if cast.known(act)}
    even = [
        (act, span, seconds)
        for act, span in measured.items()
        if span is not None
        and (seconds := round(span.duration)) >= 1
        and abs(span.duration - seconds) <= _EVEN
    ]
    group = four(even, rng, lambda one, other: one[2] == other[2])
    reference = group and cast.refer(group[0][0], rng)
    if not group or not reference:
        return None
    right, span, _ = group[0]
    told = [f"About {seconds} second{'s' * (seconds > 1)}" for *_, seconds in group]
    return Draft(
        f"For about how long {text.format(reference[0])}?",
        told[0],
        tuple(told[1:]),
        _ends(cast, span),
        frozenset({right.what}),
        reference[1] | ({right.what} if tells_what else frozenset()),
        # All four: what appears or vanishes is told of more often than what lasts.
        frozenset(act.what for act, *_ in group),
    )


def longest_shot(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which of these shots lasts longest? Shortest?"""

    def refer(at: int) -> tuple[str, frozenset[Fact]] | None:
        clock = cast.clock(at, rng)
        return clock and (f"the one at {clock[0]}", clock[1])

    shots = [(at, shot.span) for at, shot in enumerate(cast.film.shots)]
    return _longest(cast, rng, shots, refer, "Which of these shots lasts {}?")


def longest_in_sight(cast: Cast, rng: np.random.Generator) -> Draft | None:
    """Which of these is to be seen longest? Shortest?"""
    acts = [act for act in shuffled(cast.plain, rng)[:_TRIED] if cast.known(act)]
    seen = [(act, span) for act in acts if (span := cast.seen(act)) is not None]

    def refer(act: Act) -> tuple[str, frozenset[Fact]] | None:
        clock = cast.clock(act.at, rng)
        return clock and (
            f"the {act.name} in the shot at {clock[0]}",
            clock[1] | {act.when, (act.at, None, "cast")},
        )

    return _longest(cast, rng, seen, refer, "Which of these is to be seen {}?")


def _longest(
    cast: Cast,
    rng: np.random.Generator,
    items: Sequence[tuple[Item, Span]],
    refer: Callable[[Item], tuple[str, frozenset[Fact]] | None],
    text: str,
    *,
    tells_what: bool = False,
) -> Draft | None:
    group = four(items, rng, lambda one, other: False)
    if not group:
        return None
    longest = rng.random() < 0.5
    group.sort(key=lambda item: item[1].duration, reverse=longest)
    if abs(group[0][1].duration - group[1][1].duration) < _LONGER:
        return None
    references = [reference for item, _ in group if (reference := refer(item))]
    if len(references) < len(group):
        return None
    told = [capital(words) for words, _ in references]
    return Draft(
        text.format("longest" if longest else "shortest"),
        told[0],
        tuple(told[1:]),
        tuple(sorted({end for _, span in group for end in _ends(cast, span)})),
        tells=frozenset().union(*(facts for _, facts in references)),
        offers=frozenset(item.what for item, _ in group if isinstance(item, Act)),
    )


def _ends(cast: Cast, span: Span) -> tuple[Span, ...]:
    """What one must look at to see when it begins and ends; less at the ends of the film."""
    sides = ((t - _NEAR, t) for t in span), ((t, t + _NEAR) for t in span)
    whole = cast.film.span
    cut = (whole.intersect(Span(max(0.0, low), high)) for side in sides for low, high in side)
    return tuple(sorted(part for part in cut if part is not None))
