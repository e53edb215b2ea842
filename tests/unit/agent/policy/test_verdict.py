from __future__ import annotations

import pytest

from rlm.agent.policy.plan import Plan
from rlm.agent.policy.verdict import judge, read_rows
from rlm.agent.policy.words import Facts
from rlm.spans import Span

CIRCLE = (
    "shot 2, 12.60-18.40 s: red circle, motion up-left, event recolour to blue at 15.20 s; "
    "index: the same"
)
RING = "shot 5, 30.60-37.60 s: green ring, motion up, event none; index: shape circle"
BLURRED = "shot 6, 37.60-40.00 s: not clean"


def observed(*rows: str) -> str:
    return "\n".join([f"found: {len(rows)}", *rows, "[turn 4 done]"])


def plan(asks: str, about: str | None = None) -> Plan:
    return Plan(asks, "look", "found = shots\n", about)


def test_reads_rows() -> None:
    circle, ring, blurred = read_rows(observed(CIRCLE, RING, BLURRED))
    assert circle.facts == Facts("red", "circle", "up-left", "recolour", "blue")
    assert (circle.at, circle.confirmed, ring.at, ring.confirmed) == (15.2, True, None, False)
    assert (blurred.facts, blurred.span) == (None, Span(37.6, 40.0))
    assert circle.story() == "the red circle moves up and to the left and turns blue"


@pytest.mark.parametrize(
    ("asks", "options", "value"),
    [
        ("thing", ["The red circle", "The blue circle", "The red ring"], 0),
        ("thing", ["Ring", "Circle", "Cross"], 1),
        ("story", ["It moves up", "It moves up and to the left", "It turns blue"], 2),
        ("story", ["It moves up and to the left", "It stops"], 0),
        ("story", ["A dog runs", "The red circle turns blue"], 1),
        ("motion", ["Up", "Up and left", "Left", "It stays still"], 1),
        ("colour", ["Blue", "Red", "Green"], 1),
        ("new_colour", ["Blue", "Red", "Green"], 0),
        ("story", ["It stops", "It vanishes"], None),
        ("thing", ["A red shape", "A circle"], None),
        ("colour", ["Green", "Cyan"], None),
    ],
)
def test_takes_the_one_option_that_fits(asks: str, options: list[str], value: object) -> None:
    verdict = judge(plan(asks), options, observed(CIRCLE))
    assert verdict.value == value
    assert (verdict.confidence > 0.9) == (value is not None)
    assert bool(verdict.evidence) == (value is not None)


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (["1", "2", "3"], 1),
        (["one", "two shots"], 1),
        (["Once", "Twice"], 1),
        (["4", "5"], None),
        (["2", "two"], None),
        ([], "2"),
    ],
)
def test_counts(options: list[str], value: object) -> None:
    verdict = judge(plan("count"), options, observed(CIRCLE, RING))
    assert verdict.value == value


def test_counts_nothing() -> None:
    assert judge(plan("count"), ["0", "1"], observed()).value == 0


@pytest.mark.parametrize(
    ("options", "about", "value"),
    [
        (["At about 0:15", "0:40", "0:05"], "recolour", 0),
        (["At about 0:15", "At about 0:13"], None, 1),
        (["0:10-0:16", "0:20-0:30"], "recolour", 0),
        (["0:50", "1:10"], "recolour", None),
        (["early", "late"], "recolour", None),
        ([], "recolour", "at 0:15.2"),
        ([], None, "at 0:12.6"),
    ],
)
def test_times(options: list[str], about: str | None, value: object) -> None:
    assert judge(plan("time", about), options, observed(CIRCLE)).value == value


def test_yes_and_no() -> None:
    assert judge(plan("presence"), ["Yes", "No"], observed(CIRCLE)).value == 0
    assert judge(plan("presence"), ["Yes", "No, it does not"], observed()).value == 1
    assert judge(plan("presence"), [], observed()).value == "no"
    assert judge(plan("presence"), ["Maybe", "Perhaps"], observed()).value is None


def test_open_answers() -> None:
    assert judge(plan("story"), [], observed(RING)).value == "the green ring moves up"
    assert judge(plan("thing"), [], observed(RING)).value == "the green ring"
    assert judge(plan("motion"), [], observed(RING)).value == "it moves up"
    assert judge(plan("new_colour"), [], observed(CIRCLE)).value == "blue"
    both = judge(plan("colour"), [], observed(CIRCLE, RING))
    assert (both.value, both.confidence) == ("red; green", 0.6)
    told = judge(plan("summary"), [], observed(CIRCLE, RING)).value
    assert told == (
        "0:13 the red circle moves up and to the left and turns blue; 0:31 the green ring moves up"
    )


@pytest.mark.parametrize(
    "observation", ["", "Traceback: NameError", observed(), observed(CIRCLE, BLURRED)]
)
def test_says_nothing_on_nothing(observation: str) -> None:
    verdict = judge(plan("thing"), ["The red circle", "The ring"], observation)
    assert (verdict.value, verdict.confidence, verdict.evidence) == (None, 0, ())
