"""What the policy says of a small film in which all is known, asked for what is not in it, too."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from rehearsal import Rehearsal
from sightings import film_tools

from rlm.agent.policy.verdict import judge
from rlm.spans import Span
from rlm.world.scene import Coat, Event, Film, Ground, Leg, Point, Shot, Thing

RIGHT = "It moves to the right and then stops"
UP = "It moves up and then disappears"
STILL = "It stays still"


def shot(
    start: float,
    end: float,
    name: str,
    velocity: Point = (0.0, 0.0),
    does: str | None = None,
    at: float = 0.0,
) -> Shot:
    """A shot of one thing, which does no more than one thing at a time."""
    colour, shape = name.split()
    begin = 0.5 - 2 * velocity[0], 0.5 - 2 * velocity[1]
    legs = [Leg(start, begin, velocity)]
    if does == "stop":
        passed = at - start
        there = begin[0] + passed * velocity[0], begin[1] + passed * velocity[1]
        legs.append(Leg(at, there, (0.0, 0.0)))
    present = Span(start, at if does == "vanish" else end)
    motion = "still" if velocity == (0.0, 0.0) else "right" if velocity[0] else "up"
    thing = Thing(
        shape, motion, 0.1, 0.0, (0.0, 0.0, 0.0), tuple(legs), (Coat(start, colour),), present
    )
    events = (Event(does, Span(at, at)),) if does else ()
    return Shot(Span(start, end), Ground((0.1, 0.1, 0.12), 0.0, 1), (thing,), events)


FILM = Film(
    0,
    (
        shot(0, 6, "red square", (0.12, 0.0), "stop", 3),
        shot(6, 12, "green circle", (0.0, -0.08), "vanish", 10),
        shot(12, 18, "blue ring"),
        shot(18, 24, "yellow triangle", (0.12, 0.0), "stop", 21.5),
        shot(24, 32, "white cross", (0.0, 0.0), "vanish", 28),
    ),
    marks=(Span(14.0, 14.4),),
)


@pytest.fixture(scope="module")
def film() -> Rehearsal:
    return Rehearsal(film_tools(FILM))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What does the red square do?", "the red square moves to the right, stops"),
        ("How many red circles are there?", "0"),
        ("How many circles are there?", "1"),
        ("Is a green ring shown?", "no"),
        ("Is a green circle shown?", "yes"),
        ("At which second does the red square stop?", "at about 3.1 s"),
        ("Something stops at about 0:03. What shape is it?", "square"),
        ("What is shown while the white frame flashes?", "the blue ring"),
        ("How many things does the shot at 0:20 show?", "1"),
        ("What happens right before 0:12?", "the green circle disappears at 9.9 s"),
        ("For about how long is the green circle to be seen?", "about 4.0 s"),
    ],
)
def test_says_in_words_what_there_is(film: Rehearsal, question: str, answer: str) -> None:
    assert film.ask(question)[0] == answer


@pytest.mark.parametrize(
    "question",
    [
        # There is no such thing.
        "What does the red circle do?",
        "Which way does the green square move?",
        "For about how long is the red circle to be seen?",
        "What would have moved or looked otherwise if the red circle had not been there?",
        # It does no such thing.
        "What happens right after the blue ring stops?",
        "Something stops at about 0:14. What shape is it?",
        "When does the blue ring stop?",
        # There is no such time.
        "What is shown at 59:00?",
        "What is shown at 120:30?",
        "How many things does the shot at 59:00 show?",
        "What does the red square in the shot at 59:00 do?",
        "What is shown in the shot right before the one at 59:00?",
        "What happens right before 59:00?",
        "Is a red square shown at 0:7?",
        # There is no such flash.
        "What is shown while the white frame flashes for the second time?",
        "What is shown while the white frame flashes for the 0th time?",
    ],
)
def test_cannot_tell_what_there_is_not(film: Rehearsal, question: str) -> None:
    assert film.ask(question)[0] is None


@pytest.mark.parametrize(
    ("question", "options", "answer"),
    [
        ("Is a green circle shown?", ["Yes", "No"], "A"),
        ("Is a green ring shown?", ["Yes", "No"], "B"),
        ("Does the red square stop?", ["No, it does not", "Yes, it does"], "B"),
        ("How many red circles are there?", ["1", "0"], "B"),
        ("How many shots show a ring?", ["200000000", "1", "1.5"], "B"),
        # What nobody saw happen is no reason to think that it was the first.
        ("Which of these happens first?", ["A blue ring stops", "A yellow triangle stops"], "B"),
        ("Which of these is the last to stop?", ["A red square", "A white cross"], "A"),
        ("Which of these shots lasts longest?", ["The one at 0:26", "The one at 59:00"], "A"),
        ("How many things does the shot at 59:00 show?", ["0", "8"], None),
        ("What is shown in the shot right after the one at 59:00?", ["A ring", "A cross"], None),
        (
            "What is shown while the white frame flashes for the second time?",
            ["A red square", "A blue ring"],
            None,
        ),
    ],
)
def test_chooses_for_a_reason(
    film: Rehearsal, question: str, options: Sequence[str], answer: str | None
) -> None:
    assert film.ask(question, options)[0] == answer


@pytest.mark.parametrize(
    ("true", "false", "options"),
    [
        # Of a thing that is not there it takes the one that is most like it, for what it is worth.
        ("What does the red square do?", "What does the red circle do?", [RIGHT, UP, STILL]),
        (
            "What happens right after the red square stops?",
            "What happens right after the blue ring stops?",
            ["A green circle disappears", "A yellow triangle stops", "A red circle appears"],
        ),
    ],
)
def test_doubts_its_choice_when_what_is_said_is_not_so(
    film: Rehearsal, true: str, false: str, options: Sequence[str]
) -> None:
    sure, doubtful = (judge(options, film.ask(asked, options)[1][-1]) for asked in (true, false))
    assert sure.value == 0
    assert sure.confidence > 0.6
    assert doubtful.value is not None
    assert doubtful.confidence < 0.3


def test_follows_what_is_there_for_most_of_a_shot(film: Rehearsal) -> None:
    # The cross is seen for half of its shot.
    printed = "".join(film.ask("How many shots are there?")[1])
    assert re.findall(r"clear: .*", printed) == ["clear: 4 of 5 shots"]
