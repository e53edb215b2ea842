from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rlm.agent.answer import CANNOT_TELL
from rlm.agent.events import CellStarted, Event
from rlm.agent.llm import Message
from rlm.agent.policy import BuiltinModel
from rlm.agent.prompting import extract_code, render
from rlm.agent.session import Result, Session
from rlm.index import VideoIndex
from rlm.world import make_film, write_film


def opened(question: str, options: Sequence[str] = ()) -> list[Message]:
    """A conversation as the session opens it."""
    listed = "\n".join(f"{chr(65 + i)}. {option}" for i, option in enumerate(options))
    asked = f"Video: v.mp4, 9.00 s\n\nQuestion: {question}\n"
    if options:
        asked += f"\nOptions:\n{listed}\n\nExactly one option is right."
    return [Message("system", ("tools",)), Message("user", (asked,))]


def code_of(messages: Sequence[Message]) -> str:
    code = extract_code(BuiltinModel().complete(messages).text)
    assert code is not None
    ast.parse(code)
    return code


def test_streams_what_it_replies() -> None:
    pieces: list[str] = []
    reply = BuiltinModel().complete(opened("What does the red circle do?"), pieces.append)
    assert len(pieces) > 5
    assert "".join(pieces) == reply.text
    assert (reply.usage.tokens, reply.usage.usd) == (0, 0.0)


@pytest.mark.parametrize("question", ["Who wins the race?", "Is it red or blue?", "?"])
def test_gives_up_at_once_on_other_questions(question: str) -> None:
    assert code_of(opened(question, ["A", "B"])) == "answer(None, confidence=0.0)"


@pytest.mark.parametrize(
    "observation", ["frames with little on an even ground: 12%", "Traceback: no such thing", ""]
)
def test_gives_up_on_other_films(observation: str) -> None:
    messages = opened("What does the red circle do?")
    messages += [Message("assistant", ("look",)), Message("user", (observation,))]
    assert code_of(messages) == "answer(None, confidence=0.0)"


def test_answers_on_its_last_turn() -> None:
    wrap_up = render("wrap_up", reason="turns", options=())
    messages = [*opened("What does the red circle do?"), Message("user", (wrap_up,))]
    assert code_of(messages) == "answer(None, confidence=0.0)"


def test_says_that_it_sees_no_pictures() -> None:
    reply = BuiltinModel().complete([Message("user", (render("subcall", prompt="A dog?"),))])
    assert "can't tell" in reply.text
    assert extract_code(reply.text) is None


def asked(index: VideoIndex, question: str, options: Sequence[str]) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    result = Session(index, BuiltinModel(), question, options, sinks=[events.append]).run()
    return result, events


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[VideoIndex, list[dict[str, object]]]:
    folder = tmp_path_factory.mktemp("world")
    files = write_film(make_film(31, 40), folder, fps=10, side=128)
    rows = [json.loads(line) for line in files.questions.read_text().splitlines()]
    return VideoIndex.build(files.film, "builtin", cache=folder / "index"), rows


def test_answers_questions_about_a_film_through_the_loop(
    film: tuple[VideoIndex, list[dict[str, object]]],
) -> None:
    index, rows = film
    right = 0
    for row in rows[::4]:
        result, events = asked(index, row["question"], row["options"])
        assert result.answer is not None
        assert result.turns == sum(isinstance(event, CellStarted) for event in events) == 5
        right += result.answer.choice == row["answer_index"]
        assert result.answer.confidence is not None
        assert result.answer.evidence or row["category"] == "counting"
        if result.answer.evidence and row["category"] != "counting":
            start, end = row["evidence_time"]
            assert any(span.start < end and start < span.end for span in result.answer.evidence)
    assert right >= 0.75 * len(rows[::4])


def test_answers_in_words_without_options(
    film: tuple[VideoIndex, list[dict[str, object]]],
) -> None:
    shots = make_film(31, 40).shots
    result, _ = asked(film[0], "How many shots are there?", ())
    assert result.answer is not None
    assert result.answer.text == str(len(shots))


def test_cannot_tell_on_footage_that_is_none_of_its_world(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "noise.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(10))
        stream.width = stream.height = 64
        for _ in range(40):
            rgb = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    index = VideoIndex.build(path, "builtin", cache=tmp_path / "index")
    result, _ = asked(index, "What does the red circle do?", ["It stops", "It moves up"])
    answer = result.answer
    assert answer is not None
    assert (answer.text, answer.choice, answer.confidence) == (CANNOT_TELL, None, 0.0)
    assert result.turns == 2
