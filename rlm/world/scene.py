"""What a film shows: frozen descriptions in seconds of film time and fractions of the picture.

Positions are ``(x, y)`` with ``(0, 0)`` the upper left corner and ``(1, 1)`` the lower right one;
lengths are fractions of the side of the square picture. Nothing here knows of pixels or frames.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from rlm.spans import Span

Point = tuple[float, float]

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "cyan", "white")
SHAPES = ("circle", "square", "triangle", "ring", "cross")
# Direction k points at an angle of k * 45 degrees, clockwise on screen from the right.
MOTIONS = (
    "right",
    "down-right",
    "down",
    "down-left",
    "left",
    "up-left",
    "up",
    "up-right",
    "still",
)
EVENTS = ("none", "recolour", "appear", "vanish", "stop", "bounce", "turn")


@dataclass(frozen=True, slots=True)
class Leg:
    """From ``time`` on, the centre moves straight on from ``start`` at ``velocity`` per second."""

    time: float
    start: Point
    velocity: Point


@dataclass(frozen=True, slots=True)
class Coat:
    """From ``time`` on, the thing has this colour."""

    time: float
    colour: str


@dataclass(frozen=True, slots=True)
class Thing:
    """One coloured shape: what it is, where it goes, when it can be seen.

    ``motion`` is the direction of its first leg. ``tilt`` is in radians, ``shade`` is added to
    the red, green and blue of its colour (each in ``[0, 1]``).
    """

    shape: str
    motion: str
    radius: float
    tilt: float
    shade: tuple[float, float, float]
    legs: tuple[Leg, ...]
    coats: tuple[Coat, ...]
    visible: Span

    @property
    def colour(self) -> str:
        """The colour it is first seen in, and is called by."""
        return self.coats[0].colour

    @property
    def colours(self) -> tuple[str, ...]:
        """All colours it takes, in order."""
        return tuple(coat.colour for coat in self.coats)

    def position(self, time: float) -> Point:
        """The centre at ``time``; before the first leg it extends that leg backwards."""
        leg = self.legs[max(0, bisect_right(self.legs, time, key=lambda leg: leg.time) - 1)]
        passed = time - leg.time
        return (
            leg.start[0] + passed * leg.velocity[0],
            leg.start[1] + passed * leg.velocity[1],
        )

    def colour_at(self, time: float) -> str:
        """The colour at ``time``."""
        index = bisect_right(self.coats, time, key=lambda coat: coat.time) - 1
        return self.coats[max(0, index)].colour


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to ``shot.things[thing]``; instantaneous ones have an empty span.

    ``colour`` is the new colour of a recolouring and ``None`` otherwise.
    """

    kind: str
    span: Span
    thing: int = 0
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """A dark ground: an even colour and a soft texture of ``contrast`` drawn from ``seed``."""

    colour: tuple[float, float, float]
    contrast: float
    seed: int


@dataclass(frozen=True, slots=True)
class Shot:
    """What happens between two cuts. Later things are drawn over earlier ones."""

    span: Span
    ground: Ground
    things: tuple[Thing, ...]
    events: tuple[Event, ...]

    def event_of(self, thing: int) -> Event | None:
        """The first event that happens to a thing, if any does."""
        return next((event for event in self.events if event.thing == thing), None)


@dataclass(frozen=True, slots=True)
class Film:
    """Shots that follow each other without a gap from time 0."""

    seed: int
    shots: tuple[Shot, ...]

    @property
    def span(self) -> Span:
        """From 0 to the end of the last shot."""
        return Span(0.0, self.shots[-1].span.end)

    @property
    def cuts(self) -> tuple[float, ...]:
        """The times of the hard cuts, without the film's own start and end."""
        return tuple(shot.span.start for shot in self.shots[1:])

    def shot_at(self, time: float) -> Shot:
        """The shot on screen at ``time``; the last one at and after the end."""
        index = bisect_right(self.shots, time, key=lambda shot: shot.span.start) - 1
        return self.shots[max(0, index)]
