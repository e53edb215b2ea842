from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from rehearsal import Rehearsal
from sightings import Noise, film_tools

from rlm.agent.answer import CANNOT_TELL
from rlm.agent.events import CellStarted, Event
from rlm.agent.llm import Message
from rlm.agent.models import Models
from rlm.agent.place import Result
from rlm.agent.policy import BuiltinModel, cells
from rlm.agent.policy.verdict import FAILED
from rlm.agent.prompting import extract_code, render
from rlm.agent.session import Session
from rlm.index import VideoIndex
from rlm.tools.base import RECORDS
from rlm.world import make_film, write_film
from rlm.world.questions import ask
from sandbox import Sandbox

EVEN = "frames with little on an even ground: 100%"


def opened(question: str, options: Sequence[str] = ()) -> list[Message]:
    """A conversation as the session opens it."""
    listed = "\n".join(f"{chr(65 + i)}. {option}" for i, option in enumerate(options))
    asked = f"Video: v.mp4, 9.00 s\n\nQuestion: {question}\n"
    if options:
        asked += f"\nOptions:\n{listed}\n\nExactly one option is right."
    return [Message("system", ("tools",)), Message("user", (asked,))]


def told(question: str, *observations: str) -> list[Message]:
    """A conversation in which the cells printed these."""
    messages = opened(question)
    for observation in observations:
        messages += [Message("assistant", ("look",)), Message("user", (observation,))]
    return messages


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
    ("observations", "reason"),
    [
        (["frames with little on an even ground: 12%"], "even ground"),
        (["Traceback: no such thing"], FAILED),
        ([""], FAILED),
        ([EVEN, "clear: 1 of 9 shots"], "Too few shots"),
        ([EVEN, "UsageError: preset fast brings no object head: preset builtin does"], "see obj"),
        ([EVEN, "VideoDamaged: no picture can be decoded"], FAILED),
        ([EVEN, "clear: 9 of 9 shots", "", "", "NameError: no such thing"], FAILED),
    ],
)
def test_gives_up_on_other_films(observations: list[str], reason: str) -> None:
    messages = told("What does the red circle do?", *observations)
    assert code_of(messages) == "answer(None, confidence=0.0)"
    assert reason in BuiltinModel().complete(messages).text


def test_answers_on_its_last_turn() -> None:
    wrap_up = render("wrap_up", reason="turns", options=(), asked=False)
    messages = [*opened("What does the red circle do?"), Message("user", (wrap_up,))]
    assert code_of(messages) == "answer(None, confidence=0.0)"


def test_goes_on_from_what_it_read_for_an_earlier_question() -> None:
    another = render(
        "next_question", question="What does the blue square do?", options=[], notes=[], budget="x"
    )
    before = [*opened("What does the red circle do?"),
              Message("assistant", (f"```python\n{cells.ASK}```",)),
              Message("user", (EVEN,))]  # fmt: skip
    asked = Message("user", (another,))
    assert cells.TELL.strip()[:80] in code_of([*before, asked])
    assert "blue square" in code_of([*before, asked])
    gone = Message("user", (render("killed"),))
    assert code_of([*before, gone, asked]) == cells.OVERVIEW.rstrip()


def test_says_that_it_sees_no_pictures() -> None:
    reply = BuiltinModel().complete([Message("user", (render("subcall", prompt="A dog?"),))])
    assert "can't tell" in reply.text
    assert extract_code(reply.text) is None


@pytest.mark.parametrize(("seconds", "seed"), [(75.0, 4), (300.0, 5)])
def test_reasons_well_from_nearly_good_eyes(seconds: float, seed: int) -> None:
    film = make_film(seed, seconds)
    rehearsal = Rehearsal(film_tools(film, Noise(), seed))
    rows = ask(film)
    given = [rehearsal.ask(row.question, row.options)[0] for row in rows]
    wanted = [chr(65 + row.answer_index) for row in rows]
    assert np.mean([a == b for a, b in zip(given, wanted, strict=True)]) >= 0.85


def test_answers_in_words_without_options() -> None:
    film = make_film(4, 75)
    rehearsal = Rehearsal(film_tools(film))
    assert rehearsal.ask("How many shots are there?")[0] == str(len(film.shots))
    shot = film.shots[2]
    time = round(shot.span.start + 2)
    things = rehearsal.ask(f"How many things does the shot at 0:{time:02} show?")[0]
    assert things == str(len(shot.things))
    times = [e.span.start for shot in film.shots for e in shot.events if e.kind == "vanish"]
    when = rehearsal.ask("When does something disappear?")[0]
    said = [float(time) for time in re.findall(r"at about ([\d.]+) s", when)]
    assert said == pytest.approx(times, abs=0.5)


def test_works_in_a_jail() -> None:
    film = make_film(6, 60)
    row = ask(film)[0]
    given: list[Any] = []
    tools = {**film_tools(film), "answer": lambda value, **more: given.append(value)}
    messages = opened(row.question, row.options)
    with Sandbox(tools, records=RECORDS) as sandbox:
        while not given and len(messages) < 20:
            reply = BuiltinModel().complete(messages)
            outcome = sandbox.run(code_of(messages))
            assert outcome.error is None
            messages += [Message("assistant", (reply.text,)), Message("user", (outcome.stdout,))]
    assert given == [chr(65 + row.answer_index)]


def asked(index: VideoIndex, question: str, options: Sequence[str]) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    result = Session(index, Models(BuiltinModel()), question, options, sinks=[events.append]).run()
    return result, events


def test_answers_questions_about_a_film_through_the_loop(tmp_path: Path) -> None:
    files = write_film(make_film(31, 40), tmp_path, fps=10, side=128)
    rows = [json.loads(line) for line in files.questions.read_text().splitlines()]
    index = VideoIndex.build(files.film, "builtin", cache=tmp_path / "index")
    right = []
    for row in rows[::4]:
        result, events = asked(index, row["question"], row["options"])
        assert result.answer is not None
        assert result.turns == sum(isinstance(event, CellStarted) for event in events) == 8
        right.append(result.answer.choice == row["answer_index"])
    assert np.mean(right) >= 0.6


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
