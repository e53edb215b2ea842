"""Where things may go in a shot: many ways drawn at once, the first that fits is taken.

A way is drawn relative to an anchor, the point where the thing is when something happens to it
(for an orbit: the middle of the circle). :func:`settle` then looks for anchors at which all of it
lies where it should.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span
from rlm.world.scene import MOTIONS, Bar, Leg, Point

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

# All lengths are in fractions of the picture; 1/64 is a pixel of the smallest encoder.
PIXEL = 1 / 64
SPEED = (4.0 * PIXEL, 9.0 * PIXEL)
SLANT = math.pi / 18  # a direction is told from its neighbours when this close to its axis
ORBIT = (0.09, 0.2)  # the radius of the circle: a turn takes 4 to 10 s
SLOWEST_SPIN = 0.6
CLEAR = 2 * PIXEL  # things that do not bump into each other keep this far apart
WAYS = 96
GLANCE = 12  # so many of them are looked at in full at a time: mostly one of the first fits
STEP = 0.15  # things are looked at so often, in seconds: none gets past another in between
FAR = 9.0  # no limit
SLACK = 1e-6  # what rounding may take


@dataclass(frozen=True, slots=True)
class Straight:
    """WAYS straight ways through the anchor (plus ``offset``) at ``time``.

    All three float64[WAYS, 2]: per second the thing moves by ``before`` until ``time``, by
    ``after`` from then on.
    """

    time: float
    offset: Floats
    before: Floats
    after: Floats

    def path(self, times: Floats, ways: Indices) -> Floats:
        """The N ways relative to the anchor, float64[N, 2, T]."""
        passed = times - self.time
        gone = self.before[ways, :, None] * np.minimum(passed, 0)
        gone += self.after[ways, :, None] * np.maximum(passed, 0)
        gone += self.offset[ways, :, None]
        return gone

    def knots(self, times: Floats) -> Floats:
        """Of ``times``, those where a way can be farthest out, even with a camera that moves."""
        corner = int(np.searchsorted(times[:-1], self.time))
        return np.array([times[0], times[corner], times[-1]])

    def legs(self, way: int, anchor: Floats, start: float) -> tuple[Leg, ...]:
        """One of the ways as legs from ``start`` on."""
        at, before, after = anchor + self.offset[way], self.before[way], self.after[way]
        first = Leg(start, point(at - before * (self.time - start)), point(before))
        if np.array_equal(before, after):
            return (first,)
        return first, Leg(self.time, point(at), point(after))


@dataclass(frozen=True, slots=True)
class Orbit:
    """WAYS ways round the anchor: ``arm``, ``phase`` at ``time`` and ``spin``, float64[WAYS].

    From ``time`` on the spin is ``after`` times what it was: 1, 0 or -1.
    """

    time: float
    arm: Floats
    phase: Floats
    spin: Floats
    after: float

    def path(self, times: Floats, ways: Indices) -> Floats:
        """The N ways relative to the anchor, float64[N, 2, T]."""
        passed = times - self.time
        turned = np.minimum(passed, 0) + self.after * np.maximum(passed, 0)
        angle = self.phase[ways, None] + self.spin[ways, None] * turned
        out: Floats = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return self.arm[ways, None, None] * out

    def knots(self, times: Floats) -> Floats:
        """Of ``times``, those where a way can be farthest out: all of them."""
        return times

    def legs(self, way: int, anchor: Floats, start: float) -> tuple[Leg, ...]:
        """One of the ways as legs from ``start`` on."""
        arm, phase, spin = (float(values[way]) for values in (self.arm, self.phase, self.spin))

        def leg(time: float, angle: float, spin: float) -> Leg:
            out = np.array([math.cos(angle), math.sin(angle)])
            along = np.array([-out[1], out[0]]) * arm * spin
            return Leg(time, point(anchor + arm * out), point(along), round(spin, 6))

        first = leg(start, phase - spin * (self.time - start), spin)
        return (first,) if self.after == 1 else (first, leg(self.time, phase, spin * self.after))


@dataclass(frozen=True, slots=True)
class Mover:
    """A thing whose way is looked for: its largest radius and when it is there."""

    course: Straight | Orbit
    radius: float
    present: Span


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is asked of an anchor beside that the things stay inside the picture.

    ``pin`` float64[WAYS, 2] fixes a coordinate where it is not NaN. ``exit`` is the axis and the
    side (-1 or 1) where things may go over the edge. ``spare`` float64[WAYS, 2] keeps them from
    the edge in the direction of its sign. ``usable`` bool[WAYS] rules ways out from the first.
    ``behind`` lets them go behind bars.
    """

    pin: Floats | None = None
    exit: tuple[int, int] | None = None
    spare: Floats | None = None
    usable: Flags | None = None
    behind: bool = False


@dataclass(slots=True)
class Stage:
    """A shot while its things are placed: the camera, the bars, and who goes where by now.

    ``taken`` has the path float64[2, T], the presence bool[T] and the radius of those placed.
    """

    span: Span
    times: Floats
    pan: Point
    bars: tuple[Bar, ...]
    taken: list[tuple[Floats, Flags, float]] = field(default_factory=list)

    @classmethod
    def of(cls, span: Span, moments: Sequence[float], pan: Point, bars: tuple[Bar, ...]) -> Stage:
        """An empty stage that is looked at every STEP, at the ``moments`` and at both ends."""
        even = np.linspace(span.start, span.end, math.ceil(span.duration / STEP) + 1)
        return cls(span, np.sort(np.concatenate([even, moments])), pan, bars)

    def shows(self, mover: Mover) -> Flags:
        """At which of the times a mover is there, bool[T]."""
        return (mover.present.start <= self.times) & (self.times <= mover.present.end)

    def leaves(self, mover: Mover, placed: Floats, *, behind: bool) -> Flags:
        """Which of the paths [N, 2, T] of a mover keep clear of things and bars, bool[N]."""
        fine, here = np.ones(len(placed), bool), self.shows(mover)
        for path, there, radius in self.taken:
            apart = (placed - path) ** 2
            near = apart[:, 0] + apart[:, 1] < (mover.radius + radius + CLEAR) ** 2
            fine &= ~(near & here & there).any(axis=1)
        for bar in () if behind else self.bars:
            low, high = np.array([bar.low, bar.high])[:, :, None]
            outside = np.maximum(low - placed, placed - high).max(axis=1)
            fine &= (outside >= mover.radius + PIXEL).all(axis=1)
        return fine


def settle(
    rng: np.random.Generator, stage: Stage, movers: Sequence[Mover], bounds: Bounds
) -> list[tuple[Leg, ...]] | None:
    """The legs of ``movers``, which share an anchor; ``None`` when none of the ways fits.

    Whoever is placed is kept clear of by those that come later.
    """
    low, high = _room(stage, movers, bounds)
    anchors = low + rng.random((WAYS, 2)) * (high - low)
    if bounds.pin is not None:
        anchors = np.where(np.isnan(bounds.pin), anchors, bounds.pin)
    fits = np.all((low - SLACK <= anchors) & (anchors <= high + SLACK), axis=1)
    if bounds.usable is not None:
        fits &= bounds.usable
    left = np.flatnonzero(fits)
    for glance in range(0, len(left), GLANCE):
        ways = left[glance : glance + GLANCE]
        placed = [mover.course.path(stage.times, ways) + anchors[ways, :, None] for mover in movers]
        fine = np.logical_and.reduce(
            [
                stage.leaves(mover, paths, behind=bounds.behind)
                for mover, paths in zip(movers, placed, strict=True)
            ]
        )
        if fine.any():
            chosen = int(fine.argmax())
            way = int(ways[chosen])
            for mover, paths in zip(movers, placed, strict=True):
                stage.taken.append((paths[chosen], stage.shows(mover), mover.radius))
            return [mover.course.legs(way, anchors[way], stage.span.start) for mover in movers]
    return None


def _room(stage: Stage, movers: Sequence[Mover], bounds: Bounds) -> tuple[Floats, Floats]:
    """The least and the most that each anchor can be, float64[WAYS, 2] each."""
    low, high = np.full((WAYS, 2), -FAR), np.full((WAYS, 2), FAR)
    for mover in movers:
        times = mover.course.knots(stage.times[stage.shows(mover)])
        camera = np.multiply.outer(stage.pan, times - stage.span.start)
        shown = mover.course.path(times, np.arange(WAYS)) - camera
        low = np.maximum(low, mover.radius - shown.min(axis=2))
        high = np.minimum(high, 1 - mover.radius - shown.max(axis=2))
    if bounds.spare is not None:
        low -= np.minimum(bounds.spare, 0)
        high -= np.maximum(bounds.spare, 0)
    if bounds.exit is not None:
        axis, side = bounds.exit
        (low if side < 0 else high)[:, axis] = FAR * side
    return low, high


def headings(rng: np.random.Generator, motion: str) -> Floats:
    """WAYS unit vectors about the direction ``motion``, float64[WAYS, 2]."""
    angle = MOTIONS.index(motion) * math.pi / 4 + rng.uniform(-SLANT, SLANT, WAYS)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def speeds(rng: np.random.Generator) -> Floats:
    """WAYS speeds, float64[WAYS, 1]."""
    return rng.uniform(*SPEED, (WAYS, 1))


def orbit(rng: np.random.Generator, time: float, after: float) -> Orbit:
    """Circles of any size, phase and sense, at the speed that others go at."""
    speed = speeds(rng)[:, 0]
    arm = rng.uniform(ORBIT[0], np.minimum(ORBIT[1], speed / SLOWEST_SPIN))
    sense = rng.choice([-1.0, 1.0], WAYS)
    return Orbit(time, arm, rng.uniform(0, 2 * math.pi, WAYS), sense * speed / arm, after)


def point(values: Floats) -> Point:
    """Six digits are a thousandth of a pixel."""
    return round(float(values[0]), 6), round(float(values[1]), 6)
