"""What can be said of a few seconds of a shot: the truth that captions and probes are held to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlm.spans import Span
from rlm.world.captions import Told
from rlm.world.scene import MOTIONS, Leg, Shot, Thing

MARGIN = 0.45
"""Seconds that must be seen before and after an event for it to be told."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is told of one thing within a window; ``sure`` unless something was half seen."""

    thing: int
    told: Told
    sure: bool


def account(shot: Shot, number: int, window: Span) -> Account | None:
    """What thing ``number`` does in the part of ``shot`` that is within ``window``.

    ``None`` when it is not there. Shots whose time is warped are told wrongly: ask of others.
    """
    thing = shot.things[number]
    start = max(window.start, thing.present.start)
    end = min(window.end, thing.present.end)
    if end - start < MARGIN:
        return None
    told: list[tuple[str, str | None]] = []
    sure = True
    first, last = start, end
    colour = thing.colour
    for event in shot.events_of(number):
        began, ended = event.span.start, event.span.end
        if began - MARGIN >= window.start and ended + MARGIN <= window.end:
            told.append((event.kind, event.colour))
        elif ended > window.start and began < window.end:
            sure = False
        if event.kind in ("stop", "turn", "bounce", "collide", "start"):
            # Before it: the direction that is told first. After it: what is left of the window.
            if began <= window.start + MARGIN:
                first = max(first, began)
            elif began < last and event.kind != "start":
                last = began
        if event.kind == "recolour" and began < window.start + MARGIN:
            colour = event.colour or colour
    return Account(
        number, Told(colour, thing.shape, _motion(thing, first, last), tuple(told)), sure
    )


def _motion(thing: Thing, start: float, end: float) -> str:
    """The direction of the first leg that moves within the time."""
    ends = [leg.time for leg in thing.legs[1:]] + [math.inf]
    for leg, until in zip(thing.legs, ends, strict=True):
        if min(until, end) - max(leg.time, start) > 0.1 and any(leg.velocity):
            return motion_of(leg)
    return "still"


def motion_of(leg: Leg) -> str:
    """The name in ``MOTIONS`` of how a leg goes."""
    if not any(leg.velocity):
        return "still"
    if leg.spin:
        return "orbit"
    return MOTIONS[round(math.atan2(leg.velocity[1], leg.velocity[0]) / (math.pi / 4)) % 8]
