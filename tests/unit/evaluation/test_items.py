"""Items as they are read from question files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from rlm.errors import UsageError
from rlm.evaluation.items import Item, read_items

GOOD = {
    "id": "a",
    "video": "v.mp4",
    "question": "Which?",
    "options": ["one", "two"],
    "answer_index": 1,
    "category": "order",
    "evidence_time": [1.0, 2.5],
}


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "v.mp4").touch()

    def write(*rows: dict | str) -> Path:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path = tmp_path / "questions.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_the_films_own_questions(film: Path) -> None:
    items = read_items(film / "questions.jsonl")
    assert items[0].video == film / "film.mp4"
    assert len(items[0].options) == 4
    assert items[0].evidence_time


def test_a_line_becomes_an_item(write, tmp_path: Path) -> None:
    free = {"id": "b", "video": "v.mp4", "question": "What?", "answer": "a ring", "other": 1}
    first, second = read_items(write(GOOD, "", free), videos=tmp_path)
    assert (first.options, first.answer_index) == (("one", "two"), 1)
    assert first.evidence_time == ((1.0, 2.5),)
    assert (second.answers, second.metric, second.category) == (("a ring",), "text", "")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "this is no JSON object: EOF while parsing"),
        ("[1]", "should be an object"),
        (GOOD | {"id": 3}, "id: Input should be a valid string"),
        ({k: v for k, v in GOOD.items() if k != "question"}, "question: Field required"),
        (GOOD | {"options": "one"}, "options: Input should be a valid array"),
        (GOOD | {"options": ["one", "One"]}, "two options say the same"),
        (GOOD | {"answer_index": 2}, "answer_index: 2 is none of the 2 options"),
        (GOOD | {"answer_index": "1"}, "answer_index: Input should be a valid integer"),
        (GOOD | {"answer_index": None}, "which of the options is right is missing"),
        (GOOD | {"options": [], "answer_index": None}, "answer: it is missing"),
        (GOOD | {"evidence_time": [3, 1]}, "evidence_time: it ends before it starts"),
        (GOOD | {"evidence_time": [3]}, "evidence_time.0.1: Field required"),
        (GOOD | {"id": "b", "video": "no.mp4"}, "video: there is no file"),
        (GOOD | {"question": " "}, "the question is empty"),
        (GOOD, "id: 'a' stands in line 1 already"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_its_field(write, row: dict | str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_items(write(GOOD, row))
    message = str(raised.value)
    assert "questions.jsonl, line 2: " in message
    assert says in message
    assert "\n" not in message


def test_files_that_hold_nothing(write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no questions"):
        read_items(write(""))
    with pytest.raises(UsageError, match="No such file"):
        read_items(tmp_path / "no.jsonl")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_items(tmp_path / "bytes")


def test_several_answers_and_spans_of_evidence(write, tmp_path: Path) -> None:
    row = {"id": "b", "video": "v.mp4", "question": "What?", "answers": ["a ring", "ring"]}
    (item,) = read_items(write(row | {"evidence_time": [[1, 2], [4, 5.5]]}))
    assert item.answers == ("a ring", "ring")
    assert item.evidence_time == ((1, 2), (4, 5.5))


def test_an_item_without_an_answer_is_not_scored() -> None:
    item = Item(id="x", video=Path("v.mp4"), question="q", options=("a", "b"), category="p; q")
    assert not item.scored
    assert item.categories == ("p", "q")
    with pytest.raises(ValidationError, match="metric"):
        Item(id="x", video=Path("v.mp4"), question="q", metric="choice")
