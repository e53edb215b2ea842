from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.agent.policy.plan import make_plan
from rlm.agent.policy.words import (
    COLOURS,
    Facts,
    is_compound,
    read_clock,
    read_facts,
    read_number,
    strange_words,
)
from rlm.world import ask, make_film
from rlm.world.captions import captions

SEEDS = st.integers(0, 10**6)


@given(SEEDS)
def test_every_wording_of_a_shot_is_read_as_what_it_shows(seed: int) -> None:
    for shot in make_film(seed).shots:
        (thing,), event = shot.things, shot.event_of(0)
        wanted = Facts(
            thing.colour,
            thing.shape,
            thing.motion,
            event.kind if event else None,
            event.colour if event else None,
        )
        for caption in captions(shot):
            assert read_facts(caption) == wanted, caption
            assert not strange_words(caption)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("A red ball", Facts("red", "circle")),
        ("it turns from red to blue", Facts("red", None, None, "recolour", "blue")),
        ("the green box changes its color to cyan",
         Facts("green", "square", None, "recolour", "cyan")),
        ("the plus sign comes to rest", Facts(None, "cross", None, "stop")),
        ("moves from left to right", Facts(motion="right")),
        ("heads towards the upper left", Facts(motion="up-left")),
        ("right after the hoop", Facts(shape="ring")),
        ("it never moves", Facts(motion="still")),
        ("it disappears", Facts(event="vanish")),
        ("nothing of the kind", Facts()),
    ],
)  # fmt: skip
def test_reads_other_wordings(text: str, facts: Facts) -> None:
    assert read_facts(text) == facts


def test_reads_times_and_numbers() -> None:
    assert read_clock("after 0:12 or 1:02:03.5, at 7 s, not 8") == [12, 3723.5, 7]
    assert [read_number(t) for t in ("3", "Three shots", "none", "twice", "red")] == [
        3, 3, 0, 2, None,
    ]  # fmt: skip


def test_knows_what_it_does_not_know() -> None:
    assert strange_words("How many cars follow the red circle?") == ["cars", "follow"]
    assert strange_words("What colour is the first circle after 0:12?") == []
    assert is_compound("Is it red or blue")
    assert is_compound("Is the red circle left of the square")
    assert is_compound("Which circle is not red")
    assert not is_compound("Which circle turns from red to blue")


@pytest.mark.parametrize(
    ("question", "asks", "code"),
    [
        ("How many circles are there?", "count", 'find(shape="circle")'),
        ("How often does something turn around?", "count", 'find(event="turn")'),
        ("How many scenes does this film contain?", "count", "list(shots)"),
        ("How many different shapes are shown?", "count", 's["shape"]: s'),
        ("When is the green circle shown?", "time", 'find(colour="green", shape="circle")'),
        ("At what time does the red ring stop?", "time", 'event="stop"'),
        ("What color is the second square?", "colour", 'find(shape="square")[1:2]'),
        ("Which shape is the last one in the film?", "thing", "list(shots)[-1:]"),
        ("What comes immediately before the purple ball?", "thing", 's["number"] - 1'),
        ("What colour is the shape shown right after the ring?", "colour", 's["number"] + 1'),
        ("What happens right after the red circle vanishes?", "story", 's["at"] > times[0]'),
        ("What happens next after 0:12?", "story", 's["at"] > 12'),
        ("What happens before 0:20?", "story", 's["at"] < 20'),
        ("What is shown at 0:31?", "thing", 's["start"] <= 31 < s["end"]'),
        ("What colour does the red ring become?", "new_colour", 'event="recolour"'),
        ("What colour is the circle after it changes colour?", "new_colour", 'shape="circle"'),
        ("What is the colour of the ring before it changes colour?", "colour", 'shape="ring"'),
        ("Which way does the green ring go?", "motion", 'colour="green", shape="ring"'),
        ("What is the red disc doing?", "story", 'find(colour="red", shape="circle")'),
        ("What vanishes?", "thing", 'find(event="vanish")'),
        ("Is a green ring shown?", "presence", 'find(colour="green", shape="ring")'),
        ("Does the red circle stop?", "presence", 'event="stop"'),
        ("What happens in the film?", "summary", "list(shots)"),
    ],
)
def test_plans(question: str, asks: str, code: str) -> None:
    plan = make_plan(question, ())
    assert plan is not None
    assert plan.asks == asks
    assert code in plan.code
    ast.parse(plan.code)


@pytest.mark.parametrize("word", ["first", "last"])
def test_plans_over_options(word: str) -> None:
    options = ["The red circle", "A green box", "A dog", "The ring"]
    plan = make_plan(f"Which of these is shown {word}?", options)
    assert plan is not None
    assert 'find(colour="green", shape="square")' in plan.code
    assert '"C"' not in plan.code
    assert plan.code.rstrip().endswith("[0:1]" if word == "first" else "[-1:]")
    ast.parse(plan.code)


@pytest.mark.parametrize(
    "question",
    [
        "How many cars cross the picture in total?",
        "Who is the man in the film?",
        "What is written on the red square?",
        "How long is the red circle shown?",
        "Is the circle red or blue?",
        "How many things move?",
        "How many shots are before the red circle?",
        "Does the red circle move?",
        "When does the red circle move?",
        "Is the red circle shown before the blue square?",
        "Which shape is larger?",
        "Why does the circle stop?",
        "In which order do these appear?",
        "How many shots show no circle?",
        "What happens between 0:10 and 0:20?",
        "Hm?",
    ],
)
def test_leaves_alone_what_it_cannot_answer(question: str) -> None:
    assert make_plan(question, ("1", "2")) is None


@given(SEEDS)
def test_every_question_of_the_world_has_a_plan(seed: int) -> None:
    for question in ask(make_film(seed)):
        plan = make_plan(question.question, question.options)
        assert plan is not None, question.question
        ast.parse(plan.code)


@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_taken(question: str, options: list[str]) -> None:
    plan = make_plan(question, options)
    if plan is not None:
        ast.parse(plan.code)


@given(st.lists(st.sampled_from([*COLOURS, "circle", "how", "many", "shown", "after", "stops",
                                 "turns", "0:12", "first", "which", "the", "is", "what"]),
                max_size=8))  # fmt: skip
def test_any_order_of_its_words_is_taken(words: list[str]) -> None:
    plan = make_plan(" ".join(words), ("red", "blue"))
    if plan is not None:
        ast.parse(plan.code)
