"""What a shot shows, in words. The first wording of everything is the plain one of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlm.world.scene import Event, Shot, Thing

PARAPHRASES = 3  # of one shot, beside the plain caption

_VERBS = ("moves", "glides", "slides", "travels", "drifts", "goes", "heads")
_GERUNDS = ("moving", "gliding", "sliding", "travelling", "drifting", "going", "heading")
_INFINITIVES = ("move", "glide", "slide", "travel", "drift", "go", "head")
_WAYS: dict[str, tuple[str, ...]] = {
    "right": ("to the right", "rightwards", "towards the right", "right"),
    "down-right": (
        "down and to the right",
        "diagonally down right",
        "towards the lower right",
        "towards the bottom right corner",
    ),
    "down": ("down", "downwards", "towards the bottom", "straight down"),
    "down-left": (
        "down and to the left",
        "diagonally down left",
        "towards the lower left",
        "towards the bottom left corner",
    ),
    "left": ("to the left", "leftwards", "towards the left", "left"),
    "up-left": (
        "up and to the left",
        "diagonally up left",
        "towards the upper left",
        "towards the top left corner",
    ),
    "up": ("up", "upwards", "towards the top", "straight up"),
    "up-right": (
        "up and to the right",
        "diagonally up right",
        "towards the upper right",
        "towards the top right corner",
    ),
}
_STILL = ("stays still", "does not move", "remains in place", "stands still", "is at rest")
_AT_REST = ("staying still", "not moving", "remaining in place", "standing still", "at rest")
_ORBIT = ("moves in a circle", "goes round in a circle", "circles", "travels round and round")
_ORBITING = (
    "moving in a circle",
    "going round in a circle",
    "circling",
    "travelling round and round",
)
_TO_ORBIT = ("move in a circle", "go round in a circle", "circle", "travel round and round")

_DEEDS: dict[str, tuple[str, ...]] = {
    "recolour": ("turns {colour}", "becomes {colour}", "changes colour to {colour}"),
    "appear": ("appears", "pops up", "shows up", "appears out of nowhere"),
    "vanish": ("disappears", "vanishes", "is suddenly gone", "vanishes from sight"),
    "stop": ("stops", "comes to rest", "comes to a stop", "halts"),
    "bounce": ("bounces off the edge", "bounces", "rebounds from the edge", "bounces back"),
    "turn": ("turns around", "turns back", "reverses", "goes back the way it came"),
    "grow": ("grows", "gets bigger", "becomes larger", "gets larger"),
    "shrink": ("shrinks", "gets smaller", "becomes smaller"),
    "enter": ("enters the picture", "comes in", "comes into view", "enters from the side"),
    "leave": ("leaves the picture", "goes out", "moves out of view", "exits"),
    "hide": ("goes behind a bar", "hides behind a bar", "passes behind a wall"),
    "collide": (
        "bumps into another shape",
        "collides with another shape",
        "hits another shape",
        "runs into something",
    ),
    "start": ("starts to move", "begins to move", "sets off"),
}
_SHOWN = ("", "a video of ", "a film of ", "we see ", "there is ")
_FIRST = ("appear", "enter")  # what comes before any motion

_COLOURS: dict[str, tuple[str, ...]] = {
    "purple": ("purple", "purple", "violet"),
    "cyan": ("cyan", "cyan", "turquoise"),
}
_SHAPES: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "disc", "ball"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "ring": ("ring", "hoop"),
    "cross": ("cross", "plus sign"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is seen of one thing within a while.

    ``colour`` is the one it has at first, ``motion`` one of ``MOTIONS``; ``events`` are pairs of a
    kind and, for a recolouring, the new colour, in order of time. ``None`` is left untold.
    """

    colour: str | None
    shape: str | None
    motion: str | None
    events: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def of(cls, thing: Thing, events: Sequence[Event] = ()) -> Told:
        """All of a thing in its shot."""
        told = tuple((event.kind, event.colour) for event in events)
        return cls(thing.colour, thing.shape, thing.motion, told)


def name(thing: Thing) -> str:
    """``"red circle"``: the colour it is first seen in, and its shape."""
    return f"{thing.colour} {thing.shape}"


def worn(thing: Thing, time: float) -> str:
    """Its name by the colour it has just before ``time``: ``"blue circle"`` once it has turned."""
    coats = [coat.colour for coat in thing.coats[1:] if coat.time < time]
    return f"{coats[-1] if coats else thing.colour} {thing.shape}"


def a(words: str) -> str:
    """``"an orange ring"``: with its article."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def course(motion: str) -> str:
    """``"moves down and to the left"``, ``"stays still"``, ``"moves in a circle"``."""
    return _Words(None).course(motion)


def deed(event: Event, shot: Shot | None = None) -> str:
    """``"turns blue"``, ``"bounces off the edge"``: what the thing of an event does.

    With the shot a collision names the other thing: ``"bumps into a blue square"``.
    """
    if shot is not None and event.kind == "collide" and event.other is not None:
        return f"bumps into {a(worn(shot.things[event.other], event.span.start))}"
    return _Words(None).deed(event.kind, event.colour)


def story(thing: Thing, events: Sequence[Event]) -> str:
    """``"moves up, turns blue and then stops"``: all that a thing does in its shot."""
    return _Words(None).story(Told.of(thing, events))


def captions(shot: Shot) -> list[str]:
    """What a shot shows: the plain caption, those of its single things, then paraphrases."""
    things = [Told.of(thing, shot.events_of(i)) for i, thing in enumerate(shot.things)]
    rng = np.random.default_rng(shot.ground.seed)
    texts = [describe(things), *(describe([told]) for told in things)]
    texts += [describe(things, rng) for _ in range(PARAPHRASES)]
    return list(dict.fromkeys(texts))


def describe(things: Sequence[Told], rng: np.random.Generator | None = None) -> str:
    """``"a red circle moves up and then stops, while a blue square stays still"``.

    Without ``rng`` the plain wording, else one of many.
    """
    words = _Words(rng)
    if rng is None:
        return _while([f"{words.a(told)} {words.story(told)}".strip() for told in things])
    frame = rng.random()
    if frame < 0.15:
        if any(not words.story(told) for told in things):
            return _and([words.a(told) for told in things])
        seen = _and([f"{words.a(told)} that {words.story(told)}" for told in things])
        return f"{words.pick(_SHOWN)}{seen}"
    if frame < 0.3 and all(scenes := [words.scene(told) for told in things]):
        return _and(scenes)
    clauses = [words.clause(told) for told in things]
    joint = words.pick((", while ", " and ", ", and ", "; "))
    return _while(clauses) if joint == ", while " else joint.join(clauses)


class _Words:
    """Wordings: the plain ones without ``rng``, else drawn by it."""

    def __init__(self, rng: np.random.Generator | None) -> None:
        self._rng = rng

    def pick(self, wordings: Sequence[str]) -> str:
        return wordings[0 if self._rng is None else int(self._rng.integers(len(wordings)))]

    def _chance(self, share: float) -> bool:
        return self._rng is not None and self._rng.random() < share

    def a(self, told: Told) -> str:
        """``"a red circle"``, ``"something red"``."""
        colour = told.colour and self.pick(_COLOURS.get(told.colour, (told.colour,)))
        if told.shape is None:
            return f"something {colour}" if colour else self.pick(("something", "a shape"))
        noun = self.pick(_SHAPES[told.shape])
        return a(f"{colour} {noun}" if colour else noun)

    def the(self, told: Told) -> str:
        """``"the red circle"``."""
        noun = self.a(told)
        return noun if noun.startswith("something") else f"the {noun.partition(' ')[2]}"

    def course(self, motion: str) -> str:
        return self._way(motion, _VERBS, _STILL, _ORBIT)

    def _way(
        self, motion: str, verbs: Sequence[str], still: Sequence[str], orbit: Sequence[str]
    ) -> str:
        if motion == "still":
            return self.pick(still)
        if motion == "orbit":
            return self.pick(orbit)
        return f"{self.pick(verbs)} {self.pick(_WAYS[motion])}"

    def deed(self, kind: str, colour: str | None) -> str:
        shade = colour and self.pick(_COLOURS.get(colour, (colour,)))
        return self.pick(_DEEDS[kind]).format(colour=shade)

    def story(self, told: Told) -> str:
        """``"appears, moves up and then stops"``; empty where nothing is told."""
        events = [event for event in told.events if event[0] != "none"]
        steps = [self.deed(*event) for event in events if event[0] in _FIRST]
        starts = any(kind == "start" for kind, _ in events)
        if told.motion is not None:
            steps.append(self.course("still" if starts else told.motion))
        for kind, colour in events:
            if kind == "start" and told.motion not in (None, "still"):
                way = self._way(str(told.motion), _INFINITIVES, ("move",), _TO_ORBIT)
                steps.append(f"{self.pick(('starts', 'begins'))} to {way}")
            elif kind not in _FIRST:
                steps.append(self.deed(kind, colour))
        if len(steps) < 2:
            return "".join(steps)
        last = " and " if len(steps) == 2 and events[0][0] in _FIRST else " and then "
        if self._rng is not None:
            last = self.pick((last, last, " and ", ", then ", ", and then "))
        return ", ".join(steps[:-1]) + last + steps[-1]

    def scene(self, told: Told) -> str:
        """``"a red circle moving up"``; empty if there is more to tell, or less."""
        if told.motion is None or told.events:
            return ""
        return f"{self.a(told)} {self._way(told.motion, _GERUNDS, _AT_REST, _ORBITING)}"

    def clause(self, told: Told) -> str:
        """``"there is a red circle and it moves up"``; only the thing if no more is told."""
        text = self.story(told)
        if not text:
            return self.a(told)
        if self._chance(0.25):
            return f"{self.the(told)} {text}"
        return (
            f"there is {self.a(told)} and it {text}"
            if self._chance(0.15)
            else (f"{self.a(told)} {text}")
        )


def part(told: Told, rng: np.random.Generator) -> Told:
    """Some of what is told of a thing."""
    cut = int(rng.integers(6))
    if cut == 0:
        return replace(told, motion=None, events=())
    if cut == 1:
        return replace(told, events=())
    if cut == 2:
        return replace(told, colour=None)
    if cut == 3:
        return replace(told, shape=None)
    if cut == 4:
        return replace(told, colour=None, shape=None)
    return replace(told, motion=None) if told.events else told


def _while(clauses: Sequence[str]) -> str:
    """``"A, while B"``, ``"A, while B and C"``."""
    return ", while ".join(text for text in (clauses[0], _and(clauses[1:])) if text)


def _and(clauses: Sequence[str]) -> str:
    """``"A, B and C"``."""
    return " and ".join(text for text in (", ".join(clauses[:-1]), *clauses[-1:]) if text)
