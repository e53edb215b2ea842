"""What a thing of a shot does, made into legs: the ways that each kind of event asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rlm.spans import Span
from rlm.world.paths import (
    PIXEL,
    WAYS,
    Bounds,
    Mover,
    Orbit,
    Stage,
    Straight,
    headings,
    orbit,
    point,
    settle,
    speeds,
)
from rlm.world.scene import MOTIONS, Bar, Leg

# Between its start and its end a shot leaves so many seconds before and after what happens.
EVENT_ROOM = (1.4, 1.2)
TURN_ROOM = 8 * PIXEL  # whoever turns around does so clear of the wall, or it would be a bounce
# How far the outline of a shape is from its centre, taken over all sides, in radii.
OUTLINE = {"circle": 1.0, "square": 0.95, "triangle": 0.8, "ring": 1.0, "cross": 0.85}
BAR_WIDTH = (0.18, 0.3)
BAR_GREY = (0.6, 0.72)  # the ground is darker, white is lighter
BAR_MARGIN = 0.1  # bars reach so far over the picture
STAYS_HIDDEN = 0.4  # of what hides


@dataclass(slots=True)
class Part:
    """What a thing is to be and do: its looks and its legs are found one after the other.

    ``time`` is when ``kind`` happens; ``factor`` is how much larger it grows.
    """

    kind: str
    time: float
    radius: float = 0.0
    factor: float = 1.0
    motion: str = ""
    colour: str = ""
    shape: str = ""
    legs: tuple[Leg, ...] = ()

    def present(self, span: Span) -> Span:
        """When it exists in a shot of ``span``."""
        return Span(
            self.time if self.kind == "appear" else span.start,
            self.time if self.kind == "vanish" else span.end,
        )

    def mover(self, course: Straight | Orbit, span: Span) -> Mover:
        """The part as something that takes one of the ways of ``course``."""
        return Mover(course, self.radius * max(1.0, self.factor), self.present(span))


def place(rng: np.random.Generator, stage: Stage, part: Part) -> bool:
    """Find legs for a part, and a bar for what hides; whether there are any."""
    if part.motion not in ("orbit", "still"):
        return _place_straight(rng, stage, part)
    if part.motion == "orbit":
        course = orbit(rng, part.time, {"stop": 0.0, "turn": -1.0}.get(part.kind, 1.0))
        return _settled(rng, stage, part, course, Bounds())
    nowhere = np.zeros((WAYS, 2))
    return _settled(rng, stage, part, Straight(part.time, nowhere, nowhere, nowhere), Bounds())


def _settled(
    rng: np.random.Generator,
    stage: Stage,
    part: Part,
    course: Straight | Orbit,
    bounds: Bounds,
) -> bool:
    legs = settle(rng, stage, [part.mover(course, stage.span)], bounds)
    if legs is not None:
        (part.legs,) = legs
    return legs is not None


def _place_straight(rng: np.random.Generator, stage: Stage, part: Part) -> bool:
    heads = headings(rng, part.motion)
    before = after = heads * speeds(rng)
    axis, side = _wall(rng, part.motion)
    pin, bounds = np.full((WAYS, 2), np.nan), Bounds()
    if part.kind == "hide":
        return _place_behind(rng, stage, part, before, axis, side)
    if part.kind == "start":
        before = np.zeros_like(after)
    elif part.kind == "stop":
        after = np.zeros_like(before)
    elif part.kind == "turn":
        after, bounds = -before, Bounds(spare=TURN_ROOM * heads)
    elif part.kind == "bounce":
        after = before * np.where(np.arange(2) == axis, -1, 1)
        pin[:, axis] = 1 - part.radius if side > 0 else part.radius
        bounds = Bounds(pin)
    elif part.kind in ("enter", "leave"):
        out = -side if part.kind == "enter" else side
        pin[:, axis] = 1.0 if out > 0 else 0.0
        # It is wholly outside at one end of the shot and wholly inside at the other.
        seconds = min(part.time - stage.span.start, stage.span.end - part.time)
        usable = np.abs(before[:, axis]) * seconds >= part.radius + PIXEL
        bounds = Bounds(pin, exit=(axis, out), usable=usable)
    course = Straight(part.time, np.zeros((WAYS, 2)), before, after)
    return _settled(rng, stage, part, course, bounds)


def _wall(rng: np.random.Generator, motion: str) -> tuple[int, int]:
    """An axis that the motion goes along, and towards which of its ends (-1 or 1)."""
    k = MOTIONS.index(motion)
    axis = int(rng.integers(2)) if k % 2 else k // 2 % 2
    angle = k * math.pi / 4
    return axis, 1 if (math.sin(angle) if axis else math.cos(angle)) > 0 else -1


def _place_behind(
    rng: np.random.Generator,
    stage: Stage,
    part: Part,
    velocity: np.ndarray,
    axis: int,
    side: int,
) -> bool:
    """Let a part be in the middle of a new bar at its time, which becomes when it is covered.

    The bar is wide enough to cover it; it comes out again or stops there, unseen.
    """
    wide = max(float(rng.uniform(*BAR_WIDTH)), 2 * part.radius + 1.5 * PIXEL)
    nearest = wide / 2 + 2 * part.radius + 2 * PIXEL  # before, there has to be room for it
    middle = float(rng.uniform(nearest, max(nearest, 0.8)))
    middle = middle if side > 0 else 1 - middle
    pin = np.full((WAYS, 2), np.nan)
    pin[:, axis] = middle
    start, end, pace = stage.span.start, stage.span.end, np.abs(velocity[:, axis])
    covered = part.time - (wide / 2 - part.radius) / pace
    usable = pace * (part.time - start) >= wide / 2 + part.radius + PIXEL
    usable &= (start + EVENT_ROOM[0] <= covered) & (covered <= end - EVENT_ROOM[1])
    after = np.zeros_like(velocity) if rng.random() < STAYS_HIDDEN else velocity
    course = Straight(part.time, np.zeros((WAYS, 2)), velocity, after)
    if not _settled(rng, stage, part, course, Bounds(pin, usable=usable, behind=True)):
        return False
    stage.bars = (bar(rng, axis, middle, wide),)
    gone = abs(part.legs[0].velocity[axis])
    part.time = math.ceil(100 * (part.time - (wide / 2 - part.radius) / gone)) / 100
    return True


def place_collision(rng: np.random.Generator, stage: Stage, one: Part, two: Part) -> bool:
    """Find legs for two parts, the first of which hits the second; whether there are any.

    ``two.kind`` says what comes of it: a ``start`` (it is pushed off, the first one stays), a
    ``recolour`` (it does not budge, the first one bounces back), or ``collide`` (it came from the
    other side, and both bounce back).
    """
    heads = headings(rng, one.motion)
    before, back, nothing = heads * speeds(rng), -heads * speeds(rng), np.zeros((WAYS, 2))
    # Of like mass: they swap their speeds. Only what does not budge throws the other one back.
    first, second = {
        "start": ((before, nothing), (nothing, before)),
        "recolour": ((before, -before), (nothing, nothing)),
        "collide": ((before, back), (back, before)),
    }[two.kind]
    apart = OUTLINE[one.shape] * one.radius + OUTLINE[two.shape] * two.radius
    movers = [
        one.mover(Straight(one.time, nothing, *first), stage.span),
        two.mover(Straight(one.time, heads * apart, *second), stage.span),
    ]
    legs = settle(rng, stage, movers, Bounds())
    if legs is not None:
        one.legs, two.legs = legs
    return legs is not None


def bar(rng: np.random.Generator, axis: int, middle: float, wide: float, reach: float = 0.0) -> Bar:
    """A bar across ``axis`` (0: it stands upright), ``reach`` longer than needed at both ends."""
    low = np.full(2, -BAR_MARGIN - reach)
    high = 1 - low
    low[axis], high[axis] = middle - wide / 2, middle + wide / 2
    return Bar(point(low), point(high), round(float(rng.uniform(*BAR_GREY)), 4))
