"""What a shot shows, in words. The first wording is the plain one used in questions."""

from __future__ import annotations

from itertools import zip_longest

from rlm.world.scene import Event, Shot, Thing

_COURSES: dict[str, tuple[str, ...]] = {
    "right": ("moves to the right", "glides rightwards", "heads towards the right"),
    "down-right": (
        "moves down and to the right",
        "slides diagonally down right",
        "travels towards the lower right",
    ),
    "down": ("moves down", "drifts downwards", "goes towards the bottom"),
    "down-left": (
        "moves down and to the left",
        "glides diagonally down left",
        "heads towards the lower left",
    ),
    "left": ("moves to the left", "slides leftwards", "travels towards the left"),
    "up-left": (
        "moves up and to the left",
        "drifts diagonally up left",
        "goes towards the upper left",
    ),
    "up": ("moves up", "glides upwards", "heads towards the top"),
    "up-right": (
        "moves up and to the right",
        "slides diagonally up right",
        "travels towards the upper right",
    ),
    "still": ("stays still", "does not move", "remains in place"),
}

_TURNS: dict[str, tuple[str, ...]] = {
    "none": ("",),
    "recolour": (" and turns {colour}", ", changing colour to {colour}", " and becomes {colour}"),
    "appear": (" after appearing", ", appearing out of nowhere", " once it has appeared"),
    "vanish": (" and then disappears", " and vanishes", " before disappearing"),
    "stop": (" and then stops", " and comes to rest", " before stopping"),
    "bounce": (" and bounces off the wall", ", bouncing off the edge", " and then bounces"),
    "turn": (" and then turns around", ", then turns back", " and reverses"),
}

_DEEDS: dict[str, str] = {
    "recolour": "turns {colour}",
    "appear": "appears",
    "vanish": "disappears",
    "stop": "stops",
    "bounce": "bounces off the wall",
    "turn": "turns around",
}


def name(thing: Thing) -> str:
    """``"red circle"``: the colour it is first seen in, and its shape."""
    return f"{thing.colour} {thing.shape}"


def course(motion: str) -> str:
    """``"moves down and to the left"``, ``"stays still"``."""
    return _COURSES[motion][0]


def deed(event: Event) -> str:
    """``"turns blue"``, ``"bounces off the wall"``: what the thing of an event does."""
    return _DEEDS[event.kind].format(colour=event.colour)


def story(thing: Thing, event: Event | None) -> str:
    """``"moves up and then stops"``: all that a thing does in its shot."""
    if event is None:
        return course(thing.motion)
    if event.kind == "appear":
        return f"appears and {course(thing.motion)}"
    return course(thing.motion) + _TURNS[event.kind][0].format(colour=event.colour)


def captions(shot: Shot) -> list[str]:
    """Paraphrases of what a shot shows, the plain one first."""
    texts: list[str] = []
    for index, thing in enumerate(shot.things):
        event = shot.event_of(index)
        kind, colour = (event.kind, event.colour) if event else ("none", None)
        texts.append(f"a {name(thing)} {story(thing, event)}")
        turns = (turn.format(colour=colour) for turn in _TURNS[kind])
        pairs = zip_longest(_COURSES[thing.motion], turns, fillvalue="")
        texts += [f"the {name(thing)} {path}{turn}" for path, turn in pairs]
    return texts
