from __future__ import annotations

import pytest

from rlm.agent.policy.verdict import judge
from rlm.spans import Span

RING = "30.60-37.60 s: the green ring moves up, stops"
BALL = "12.60-18.40 s: the red circle stays still"


def observed(*lines: str, found: int = 1) -> str:
    return "\n".join([*lines[:-1], f"found: {found}", lines[-1], "[turn 5 done]"])


@pytest.mark.parametrize(
    ("support", "value"),
    [
        ("A 0.9, B 0.1, C 0", 0),
        ("A 3.2e-12, B 0.0004", 1),
        ("B 1e+00", 1),
        ("A 0.5, B 0.5", None),
        ("A 0, B 0", None),
        ("A 1e-09, B 0", None),
        ("", None),
    ],
)
def test_takes_the_option_with_the_most_support(support: str, value: int | None) -> None:
    verdict = judge(["x", "y", "z"], observed(RING, f"support: {support}"))
    assert verdict.value == value
    assert (verdict.confidence > 0) == (value is not None)
    assert verdict.evidence == ((Span(30.6, 37.6),) if value is not None else ())


def test_is_surer_of_what_is_supported_alone() -> None:
    clear = judge(["x", "y"], observed(RING, "support: A 0.9, B 0.01")).confidence
    doubtful = judge(["x", "y"], observed(RING, "support: A 0.5, B 0.4")).confidence
    faint = judge(["x", "y"], observed(RING, "support: A 0.005, B 0")).confidence
    assert 0.97 >= clear > doubtful > faint > 0


def test_is_less_sure_when_it_could_not_read_all_options() -> None:
    observation = observed(RING, "support: A 0.9, B 0")
    assert judge(["x", "y"], observation).confidence > 0.9
    assert judge(["x", "y", "z"], observation).confidence < 0.67


def test_open_answers() -> None:
    verdict = judge((), observed(RING, "told 1: the green ring"))
    assert (verdict.value, verdict.why) == ("the green ring", "The green ring moves up, stops.")
    assert verdict.confidence > 0.8
    both = judge((), observed(RING, BALL, "told 2: red; green", found=2))
    assert (both.value, both.confidence, len(both.evidence)) == ("red; green", 0.6, 2)
    assert judge((), observed("told 1: 7")).value == "7"


def test_a_film_may_be_told_at_length() -> None:
    told = observed(RING, "told 5: a; b; c; d; e", found=5)
    assert judge((), told).value is None
    assert judge((), told, many=True).value == "a; b; c; d; e"


@pytest.mark.parametrize("observation", ["", "Traceback: NameError", "found: 0\ntold 0: "])
def test_says_nothing_on_nothing(observation: str) -> None:
    for options in ((), ["The red circle", "The ring"]):
        verdict = judge(options, observation)
        assert (verdict.value, verdict.confidence, verdict.evidence) == (None, 0, ())
