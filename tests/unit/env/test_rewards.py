from __future__ import annotations

from pathlib import Path

import pytest

from rlm.agent.answer import Answer
from rlm.agent.session import Result
from rlm.env import Item, Shaped, right
from rlm.spans import Span

CHOICE = Item(
    id="c", video=Path("v"), question="q", options=("a", "b"), answer_index=1, evidence_time=(2, 6)
)
FREE = Item(id="f", video=Path("v"), question="q", answer="A red ring")


def ended(answer: Answer | None, turns: int = 2, frames: int = 10) -> Result:
    return Result(answer, "answered", "", turns, frames, None, None, 0.0, "none")


def test_right_is_exact() -> None:
    assert right(CHOICE, ended(Answer("b", 1))) == 1.0
    assert right(CHOICE, ended(Answer("a", 0))) == 0.0
    assert right(CHOICE, ended(Answer("I can't tell"))) == 0.0
    assert right(CHOICE, ended(None)) == 0.0
    assert right(FREE, ended(Answer("a  red RING"))) == 1.0
    assert right(FREE, ended(Answer("a red ring, I think"))) == 0.0


def test_terms_are_off_unless_given() -> None:
    result = ended(Answer("b", 1, (Span(2, 4),)))
    assert Shaped()(CHOICE, result) == 1.0
    assert Shaped(turn=0.1, frame=0.01)(CHOICE, result) == pytest.approx(0.7)
    assert Shaped(evidence=0.5)(CHOICE, result) == pytest.approx(1.25)
    assert Shaped(evidence=0.5)(CHOICE, ended(Answer("a", 0, (Span(2, 6),)))) == 0.0
