from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.spans import Span
from rlm.world.captions import Told, captions, course, deed, describe, name, part, story, worn
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES, Coat, Event, Leg, Thing
from rlm.world.shots import make_shot

KINDS = [kind for kind in EVENTS if kind != "none"]
EVENT = st.sampled_from(KINDS).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.sampled_from(COLOURS) if kind == "recolour" else st.none()
    )
)
TOLD = st.builds(
    Told,
    st.sampled_from(COLOURS),
    st.sampled_from(SHAPES),
    st.sampled_from(MOTIONS),
    st.lists(EVENT, max_size=2, unique_by=lambda event: event[0]).map(tuple),
)
SYNONYMS = {"purple": "purple|violet", "cyan": "cyan|turquoise"}
SIGNS = {
    "recolour": "turns|becomes|changes",
    "appear": "appears|up",
    "vanish": "disappears|vanishes|gone",
    "stop": "stop|rest|halt",
    "bounce": "bounce|rebound",
    "turn": "turns|reverses|back",
    "grow": "grows|bigger|larger",
    "shrink": "shrinks|smaller",
    "enter": "enters|comes",
    "leave": "leaves|goes|moves|exits",
    "hide": "behind",
    "collide": "bumps|collides|hits|runs",
    "start": "starts|begins|sets",
}
CROWD = st.lists(TOLD, min_size=1, max_size=3)
SEEDS = st.integers(0, 2**32 - 1)


def thing(colour: str = "red", *more: str) -> Thing:
    coats = tuple(Coat(float(time), coat) for time, coat in enumerate((colour, *more)))
    legs = (Leg(0.0, (0.2, 0.5), (0.0, -0.1)),)
    return Thing("circle", "up", 0.1, 0.0, (0.0, 0.0, 0.0), legs, coats, Span(0.0, 6.0))


def event(kind: str, time: float = 2.0, colour: str | None = None) -> Event:
    return Event(kind, Span(time, time), 0, colour)


def test_plain_wordings() -> None:
    stop, turn = event("stop", 3.0), event("recolour", 2.0, "blue")
    assert name(thing()) == "red circle"
    assert course("down-left") == "moves down and to the left"
    assert course("orbit") == "moves in a circle"
    assert deed(turn) == "turns blue"
    assert story(thing(), []) == "moves up"
    assert story(thing(), [stop]) == "moves up and then stops"
    assert story(thing(), [turn, stop]) == "moves up, turns blue and then stops"
    assert story(thing(), [event("appear")]) == "appears and moves up"
    assert story(thing(), [event("start")]) == "stays still and then starts to move up"


def test_several_things() -> None:
    two = [Told("red", "circle", "up", (("stop", None),)), Told("blue", "square", "still")]
    assert describe(two[:1]) == "a red circle moves up and then stops"
    assert describe(two) == "a red circle moves up and then stops, while a blue square stays still"
    assert describe([*two, Told("orange", "ring", "orbit")]).endswith(
        ", while a blue square stays still and an orange ring moves in a circle"
    )


def test_a_thing_is_called_by_the_colour_it_has() -> None:
    assert [worn(thing("red", "blue"), time) for time in (0.5, 1.0, 1.5)] == [
        "red circle",
        "red circle",
        "blue circle",
    ]


def test_what_is_untold_is_left_out() -> None:
    assert describe([Told("red", None, "up")]) == "something red moves up"
    assert describe([Told(None, "ring", None)]) == "a ring"
    assert describe([Told(None, None, None, (("vanish", None),))]) == "something disappears"


@given(CROWD, SEEDS)
def test_a_paraphrase_leaves_nothing_out(crowd: list[Told], seed: int) -> None:
    text = describe(crowd, np.random.default_rng(seed))
    assert text == describe(crowd, np.random.default_rng(seed))
    assert text == text.strip()
    assert not re.search(r"  | ,|None|\{", text)
    for told in crowd:
        for colour in (told.colour, *(new for _, new in told.events if new)):
            assert colour is not None
            assert re.search(SYNONYMS.get(colour, colour), text)
        assert all(re.search(SIGNS[kind], text) for kind, _ in told.events)


@given(CROWD, SEEDS)
def test_a_partial_caption_tells_something(crowd: list[Told], seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = describe([part(told, rng) for told in crowd], rng)
    assert text
    assert not re.search(r"  |None|\{", text)


def test_paraphrases_are_many_in_few_words() -> None:
    rng = np.random.default_rng(0)
    one = [Told("red", "circle", "up", (("recolour", "cyan"),))]
    assert len({describe(one, rng) for _ in range(500)}) > 100
    words = set()
    for _ in range(4000):
        told = Told(
            str(rng.choice(COLOURS)),
            str(rng.choice(SHAPES)),
            str(rng.choice(MOTIONS)),
            ((str(rng.choice(KINDS)), "green"),),
        )
        words |= set(
            re.findall("[a-z]+", describe([part(told, rng) if rng.random() < 0.5 else told], rng))
        )
    assert len(words) < 250


@pytest.mark.parametrize("things", [1, 2, 3, 5])
def test_captions_of_a_shot(things: int) -> None:
    shot = make_shot(np.random.default_rng(things), Span(0.0, 6.4), things=things)
    texts = captions(shot)
    assert texts == captions(shot)
    assert len(set(texts)) == len(texts) >= 3
    assert all(name(thing) in texts[0] for thing in shot.things)
    assert all(
        any(text == f"{'an' if name(t)[0] in 'aeiou' else 'a'} {name(t)} {told}" for text in texts)
        for i, t in enumerate(shot.things)
        for told in [story(t, shot.events_of(i))]
    )
