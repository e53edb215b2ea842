"""What a film shows: frozen descriptions in seconds of film time and fractions of the picture.

Positions are ``(x, y)`` with ``(0, 0)`` the upper left corner and ``(1, 1)`` the lower right one;
lengths are fractions of the side of the square picture. Nothing here knows of pixels or frames.
``tracks`` says where everything is at a moment, ``draw`` shows it, ``captions`` tells it.
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
    "orbit",
)
EVENTS = (
    "none",
    "recolour",
    "appear",
    "vanish",
    "stop",
    "bounce",
    "turn",
    "grow",
    "shrink",
    "enter",
    "leave",
    "hide",
    "collide",
    "start",
)


def held_out(colour: str, shape: str, motion: str) -> bool:
    """Whether this combination is one of the eighth that training never sees."""
    c, s, m = COLOURS.index(colour), SHAPES.index(shape), MOTIONS.index(motion)
    return (3 * c + 5 * s + 7 * m) % 8 == 0


@dataclass(frozen=True, slots=True)
class Leg:
    """From ``time`` on, the centre moves on from ``start`` at ``velocity`` per second.

    With ``spin`` 0 it goes straight; else its velocity turns by ``spin`` radians a second,
    clockwise on screen, so that it goes round in a circle.
    """

    time: float
    start: Point
    velocity: Point
    spin: float = 0.0


@dataclass(frozen=True, slots=True)
class Coat:
    """From ``time`` on, the thing has this colour."""

    time: float
    colour: str


@dataclass(frozen=True, slots=True)
class Growth:
    """Within ``span`` the radius goes evenly to ``factor`` times what it was, and stays so."""

    span: Span
    factor: float


@dataclass(frozen=True, slots=True)
class Thing:
    """One coloured shape: what it is, where it goes, when it is there.

    ``motion`` is the direction of its first leg that moves, or ``still`` or ``orbit``. ``radius``
    is that at first; ``tilt`` is in radians, ``shade`` is added to the red, green and blue of its
    colour (each in ``[0, 1]``). ``present`` is when it exists: then it is drawn, though it may be
    outside the picture or behind a bar.
    """

    shape: str
    motion: str
    radius: float
    tilt: float
    shade: tuple[float, float, float]
    legs: tuple[Leg, ...]
    coats: tuple[Coat, ...]
    present: Span
    growth: Growth | None = None

    @property
    def colour(self) -> str:
        """The colour it is first seen in, and is called by."""
        return self.coats[0].colour

    @property
    def colours(self) -> tuple[str, ...]:
        """All colours it takes, in order."""
        return tuple(coat.colour for coat in self.coats)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to ``shot.things[thing]``, from ``span.start`` on.

    Instantaneous ones have an empty span. ``colour`` is the new colour of a recolouring; ``other``
    is the thing it collides with; ``cause`` is the thing whose collision brought it about.
    """

    kind: str
    span: Span
    thing: int = 0
    colour: str | None = None
    other: int | None = None
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """A dark ground: an even colour and a soft texture of ``contrast`` drawn from ``seed``."""

    colour: tuple[float, float, float]
    contrast: float
    seed: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A grey wall in front of the things, from corner ``low`` to ``high``, fixed to the ground."""

    low: Point
    high: Point
    grey: float


@dataclass(frozen=True, slots=True)
class Warp:
    """Time itself: within ``span`` everything stands (``freeze``) or runs backwards (``reverse``).

    Afterwards all goes on from where it then is.
    """

    kind: str
    span: Span


@dataclass(frozen=True, slots=True)
class Shot:
    """What happens between two transitions. Later things hide earlier ones, bars hide all.

    Positions of things and bars are on the ground; the camera is at 0 when the shot starts and
    moves at ``pan`` per second, so that things are seen at their position less what it has moved.
    ``fade_in`` and ``fade_out`` are seconds from and to black at its ends; 0 is a hard cut.
    """

    span: Span
    ground: Ground
    things: tuple[Thing, ...]
    events: tuple[Event, ...] = ()
    bars: tuple[Bar, ...] = ()
    pan: Point = (0.0, 0.0)
    warp: Warp | None = None
    fade_in: float = 0.0
    fade_out: float = 0.0

    def events_of(self, thing: int) -> tuple[Event, ...]:
        """What happens to a thing, in order of time."""
        return tuple(event for event in self.events if event.thing == thing)

    def moment(self, time: float) -> float:
        """The moment of the world that is on screen at ``time`` of the film."""
        if self.warp is None or time <= self.warp.span.start:
            return time
        start, end = self.warp.span.start, self.warp.span.end
        back = 2.0 if self.warp.kind == "reverse" else 1.0
        return time - back * (min(time, end) - start)


@dataclass(frozen=True, slots=True)
class Film:
    """Shots that follow each other without a gap from time 0.

    Within each of ``marks`` a white frame lies around the picture.
    """

    seed: int
    shots: tuple[Shot, ...]
    marks: tuple[Span, ...] = ()

    @property
    def span(self) -> Span:
        """From 0 to the end of the last shot."""
        return Span(0.0, self.shots[-1].span.end)

    @property
    def cuts(self) -> tuple[float, ...]:
        """Where one shot becomes the next: at a fade, the black moment between them."""
        return tuple(shot.span.start for shot in self.shots[1:])

    def shot_at(self, time: float) -> Shot:
        """The shot on screen at ``time``; the last one at and after the end."""
        index = bisect_right(self.shots, time, key=lambda shot: shot.span.start) - 1
        return self.shots[max(0, index)]
