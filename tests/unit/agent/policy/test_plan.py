from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.agent.policy.plan import make_plan
from rlm.agent.policy.words import COLOURS
from rlm.world import make_film
from rlm.world.questions import ask


@pytest.mark.parametrize(
    ("question", "told", "code"),
    [
        ("What does the red circle in the shot at 12:34 do?", "tell(", 'find("red circle", at=754'),
        ("Which way does the red ball move at first?", "way_words(", 'find("red circle", ever'),
        ("Which way does the red ring in the shot at 0:34 move at the end?", "last=True", "at=34"),
        ("Which colour does the red circle turn?", "colours[-1]", 'find("red circle"'),
        ("Something stops at about 0:34. What colour is it?", "called", 'happened("stop")'),
        ("Something goes behind a bar at about 1:02:03. What shape is it?", "shape", "3723"),
        ("How many shots show a ring?", "len(found)", 'showing("ring")'),
        ("How many shots show something red?", "len(found)", 'showing("red")'),
        ("In how many shots does a ring leave the picture?", "len(found)", '"leave", "ring"'),
        ("In how many shots does something red turn around?", "len(found)", '"turn", "red"'),
        ("How many things does the shot at 0:34 show in all?", "len(found)", "shot_at(34).things"),
        ("What happens right after a red circle turns blue?", "tell(", '"recolour blue", "red cir'),
        ("What happens right before a red circle bumps into a blue ring?", "[-1:]", "blue ring"),
        ("What happens next after 0:34?", "[:1]", "time = 34"),
        ("What is shown in the shot right before the one at 0:34?", "called", ".number - 1"),
        ("What colour is the last ring of the film?", "colours[0]", "> 0.5][-1:]"),
        ("For about how long is the red circle to be seen?", "about", "length("),
        ("For about how long does the red ring stand still after it has stopped?", "s", '"stop"'),
        ("What is the third to disappear after 12:34?", "called", "e.time > 754"),
        ("Of all things in the film, which is the second to leave?", "called", '"leave"'),
        ("What colour is the ring in the 11th shot that shows one?", "colours", "> 0.5][10:11]"),
        ("What does the red ring do in the second shot after 0:34 that shows one?", "tell(",
         'showing("red ring", after=34)'),
        ("When does a red circle turn blue?", "at about", '"recolour blue", "red circle"'),
        ("What is shown while the white frame flashes for the third time?", "called", "marks[2:3]"),
        ("What is shown while the white frame flashes?", "called", "marks[0:1]"),
        ("Which passage runs backwards?", "from", "warp(a, a + 2, 2)"),
        ("During which passage does everything stand still?", "from", "warp(a, a + 2, 1)"),
        ("What would have moved or looked otherwise if the red ring had not been there?", "called",
         "hit(one, t)"),
    ],
)  # fmt: skip
def test_plans_for_the_forms_of_the_world(question: str, told: str, code: str) -> None:
    plan = make_plan(question, ())
    assert plan is not None
    assert told in plan.code
    assert code in plan.code
    ast.parse(plan.code)


@pytest.mark.parametrize(
    ("question", "told", "code"),
    [
        ("How many circles are there?", "len(found)", 'find("circle")'),
        ("How often does something turn around?", "len(found)", 'happened("turn")'),
        ("How many scenes does this film contain?", "len(found)", "found = shots"),
        ("How many different shapes are shown?", "len(found)", "t.shape: t"),
        ("When is the green circle shown?", "times", 'find("green circle")'),
        ("At what time does the red ring stop?", "times", '"stop", "red ring"'),
        ("What color is the second square?", "colours[0]", 'showing("square")'),
        ("Which shape is the last one in the film?", "called(", "list(things)[-1:]"),
        ("What comes immediately before the purple ball?", "called(", "one.shot.number - 1"),
        ("What colour is the shape shown right after the ring?", "colours[0]", "number + 1"),
        ("What happens right after the red circle vanishes?", "tell(", '"vanish", "red circle"'),
        ("What happens before 0:20?", "tell(", "time = 20"),
        ("What is shown at 0:31?", "called(", "shot_at(31).things"),
        ("What colour does the red ring become?", "colours[-1]", 'find("red ring"'),
        ("What colour is the circle after it changes colour?", "colours[-1]", '"recolour"'),
        ("What is the colour of the ring before it changes colour?", "colours[0]", '"ring"'),
        ("Which way does the green ring go?", "way_words(", 'find("green ring"'),
        ("What is the red disc doing?", "tell(", 'find("red circle"'),
        ("What vanishes?", "called(", 'happened("vanish")'),
        ("Is a green ring shown?", '"yes"', 'find("green ring")'),
        ("Does the red circle stop?", '"yes"', '"stop"'),
        ("What happens in the film?", "tell(", "found = things"),
    ],
)
def test_plans_for_other_wordings(question: str, told: str, code: str) -> None:
    plan = make_plan(question, ())
    assert plan is not None
    assert told in plan.code
    assert code in plan.code
    ast.parse(plan.code)


@pytest.mark.parametrize(
    ("question", "options", "code"),
    [
        ("Which of these happens last?", ["A red ring stops", "A dog"], '("stop", "red ring")'),
        ("Which of these is the first to stop?", ["A red ring", "A ball"], '("stop", "circle")'),
        ("Of all things in the film, which is the ninth to stop?", ["A ring"], "nth(row, 9"),
        ("Which of these shots lasts longest?", ["The one at 0:34", "The one at 1:02"], "34.0"),
        ("Which of these is to be seen shortest?", ["The red ring in the shot at 0:34"], "34.0)"),
        ("What would not have happened if the red ring had not been there?",
         ["A blue ring turns red"], '("recolour red", "blue ring")'),
        ("Which passage runs backwards?", ["0:12 to 0:15"], "(12.0, 15.0)"),
        ("Which of these is shown first?", ["The red circle", "A dog"], '"red circle", None'),
        ("Is a ring shown?", ["Yes", "No"], '"A": True'),
    ],
)  # fmt: skip
def test_plans_over_options(question: str, options: list[str], code: str) -> None:
    plan = make_plan(question, options)
    assert plan is not None
    assert code in plan.code.replace("'", '"')
    assert "dog" not in plan.code
    assert "support" in plan.code.splitlines()[-1]
    ast.parse(plan.code)


@pytest.mark.parametrize(
    "question",
    [
        "How many cars cross the picture in total?",
        "Who is the man in the film?",
        "What is written on the red square?",
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
        "Is a green circle shown at 0:20?",
        "Are two circles shown?",
        "Does the red circle stop twice?",
        "When does the red circle stop first?",
        "Is the second red circle shown?",
        "In how many shots does a red circle stop twice?",
        "What happens right after the red circle stops for the second time?",
        "What is the second shape shown after 0:20?",
        "How many times does the white frame flash?",
        "What is shown when the white frame flashes?",
        "Is a red circle shown on the left side?",
        "How many circles are in the upper left corner?",
        "Is the red circle shown at the end?",
        "Hm?",
    ],
)
def test_leaves_alone_what_it_cannot_answer(question: str) -> None:
    assert make_plan(question, ("1", "2")) is None


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([75.0, 240.0]))
def test_every_question_of_the_world_has_a_plan(seed: int, seconds: float) -> None:
    for question in ask(make_film(seed, seconds)):
        plan = make_plan(question.question, question.options)
        assert plan is not None, question.question
        ast.parse(plan.code)
        # Every option is read as something.
        assert plan.code.count('\n    "') >= 4, plan.code


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
