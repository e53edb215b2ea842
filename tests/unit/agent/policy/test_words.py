from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.agent.policy.words import (
    Facts,
    is_compound,
    read_clock,
    read_facts,
    read_name,
    read_number,
    read_rank,
    strange_words,
)
from rlm.world import make_film
from rlm.world.captions import Told, course, describe, story

SEEDS = st.integers(0, 10**6)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_every_wording_of_a_thing_is_read_as_what_it_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for shot in make_film(seed, 40).shots:
        for number, thing in enumerate(shot.things):
            told = Told.of(thing, shot.events_of(number))
            deeds = [f"{kind} {colour}" if colour else kind for kind, colour in told.events]
            wanted = Facts(thing.colour, thing.shape, thing.motion, tuple(deeds))
            for text in (describe([told]), describe([told], rng), describe([told], rng)):
                facts = read_facts(text)
                assert not strange_words(text), text
                # Some wordings leave out what happens; "start" without its end is no motion.
                assert facts.name == wanted.name, text
                assert facts.deeds in (wanted.deeds, ()), text
                if facts.deeds or not wanted.deeds:
                    assert facts.motion in (wanted.motion, None), text
            plain = read_facts(f"It {story(thing, shot.events_of(number))}")
            assert (plain.motion, plain.deeds) == (wanted.motion, wanted.deeds)
            assert read_facts(f"It {course(thing.motion)}") == Facts(motion=thing.motion)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("A red ball", Facts("red", "circle")),
        ("it turns from red to blue", Facts("red", None, None, ("recolour blue",))),
        ("the green box changes its color to cyan",
         Facts("green", "square", None, ("recolour cyan",))),
        ("the plus sign comes to rest", Facts(None, "cross", None, ("stop",))),
        ("moves from left to right", Facts(motion="right")),
        ("heads towards the upper left", Facts(motion="up-left")),
        ("right after the hoop", Facts(shape="ring")),
        ("it never moves", Facts(motion="still")),
        ("it moves in a circle and then stops", Facts(motion="orbit", deeds=("stop",))),
        ("the red disc circles", Facts("red", "circle", "orbit")),
        ("how many red circles", Facts("red", "circle")),
        ("it disappears", Facts(deeds=("vanish",))),
        ("it disappears behind a wall", Facts(deeds=("hide",))),
        ("A red ring bumps into a blue square",
         Facts("red", "ring", None, ("collide blue square",))),
        ("It enters the picture, moves up and then bounces off the edge",
         Facts(motion="up", deeds=("enter", "bounce"))),
        ("It stays still and then starts to move to the left",
         Facts(motion="left", deeds=("start",))),
        ("a turquoise box shows up", Facts("cyan", "square", None, ("appear",))),
        ("nothing of the kind", Facts()),
    ],
)  # fmt: skip
def test_reads_other_wordings(text: str, facts: Facts) -> None:
    assert read_facts(text) == facts


def test_reads_names_times_numbers_and_ranks() -> None:
    assert [read_name(t) for t in ("A violet ball", "something red", "the hoop", "it")] == [
        "purple circle", "red", "ring", "",
    ]  # fmt: skip
    assert read_clock("after 0:12 or 1:02:03.5, at 7 s, not 8") == [12, 3723.5, 7]
    assert [read_number(t) for t in ("3", "Three shots", "none", "About 2 seconds", "red")] == [
        3, 3, 0, 2, None,
    ]  # fmt: skip
    assert [read_number(t) for t in ("3.5 s", "About 1:30", "2.5")] == [3.5, 90, 2.5]
    assert [read_rank(t) for t in ("the third", "22nd", "last", "red", "0th")] == [
        3, 22, -1, None, None,
    ]  # fmt: skip


def test_knows_what_it_does_not_know() -> None:
    assert strange_words("How many cars follow the red circle?") == ["cars", "follow"]
    assert strange_words("What colour is the first circle after 0:12?") == []
    times = "After 0:12, 7.5 s, 1:02:03.5, but not 120:30, 0:7 or 1:2:3?"
    assert strange_words(times) == ["but", "120:30", "0:7", "1:2:3"]
    assert strange_words("Yes") == strange_words("No") == []
    assert is_compound("Is it red or blue")
    assert is_compound("Is the red circle left of the square")
    assert is_compound("Which circle is not red")
    assert not is_compound("Which circle turns from red to blue")
    assert not is_compound("When does a red circle bump into a blue square")
