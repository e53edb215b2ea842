"""Sub-questions and sub-sessions: a scripted model, and everything else real."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from scripted import AnsweringModel, code

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.llm import Message, Picture, Reply, Usage
from rlm.agent.models import Models
from rlm.agent.parallel import side_by_side
from rlm.agent.place import Result
from rlm.agent.record import Record
from rlm.agent.session import Session
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.errors import ModelUnavailable
from rlm.index import VideoIndex
from rlm.spans import Span
from rlm.tools import Tool
from sandbox import Sandbox


class Run:
    """A run whose model replies by ``reply(question, turn)``; sub-questions by ``said``."""

    def __init__(
        self,
        index: VideoIndex,
        reply: Callable[[str, int], str],
        said: Callable[[str], str] = lambda prompt: "fine",
        **settings,
    ) -> None:
        def respond(messages: Sequence[Message]) -> str:
            if messages[0].role != "system":
                return said(messages[0].text)
            question = messages[1].text.partition("Question: ")[2].partition("\n")[0]
            return reply(question, sum(m.role == "assistant" for m in messages))

        self.events: list[ev.Event] = []
        self.model = AnsweringModel(respond)
        sinks = settings.pop("sinks", [self.events.append])
        self.session = Session(
            index, Models(self.model, settings.pop("sub", None)), "the whole", sinks=sinks,
            **settings,
        )  # fmt: skip

    def run(self) -> Result:
        return self.session.run()

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def read(self) -> str:
        """What the first session was told after its turns."""
        return "\n".join(
            part.text
            for event in self.of(ev.Observed)
            if not event.session
            for part in event.parts
            if isinstance(part, ev.Text)
        )


def test_a_sub_session_sees_its_span_alone_and_its_answer_comes_back(index: VideoIndex) -> None:
    def reply(question: str, turn: int) -> str:
        if question == "a part":
            looks = "f = extract_frames(count=2)\nprint(f.start, f.end, len(get_scenes()))\n"
            return code(
                looks + ("search((1, 2))" if turn == 0 else "answer('two', [(11, 12)], .7)")
            )
        return code("r = rlm_query('a part', (10, 20))\nprint(r)\nanswer(r.answer, r.evidence)")

    run = Run(index, reply)
    result = run.run()
    assert result.answer.text == "two"
    assert result.answer.evidence[0] == Span(11.0, 12.0)
    (started,) = run.of(ev.SubSessionStarted)
    assert (started.session, started.turn, started.span) == ("1", 1, (10.0, 20.0))
    observed = [event for event in run.of(ev.Observed) if event.session == "1"]
    words = "".join(part.text for event in observed for part in event.parts if part.kind == "text")
    assert "10.0 20.0" in words
    assert "1 to 2 s holds nothing of your part of the video, 10.00 to 20.00 s" in words
    assert "You see 10.00 to 20.00 s" in run.model.sent[1][1].text
    assert "\nrlm_query(" in run.model.sent[0][0].text
    assert "\nrlm_query(" not in run.model.sent[1][0].text
    ends = [event.session for event in run.of(ev.SessionEnded)]
    assert ends == ["1", ""]
    assert (result.turns, result.tokens) == (1, 330)


def test_many_look_at_once_and_one_that_fails_fails_alone(index: VideoIndex) -> None:
    def reply(question: str, turn: int) -> str:
        if question.startswith("part"):
            if question.endswith("1"):
                raise ModelUnavailable("it is gone")
            return code(f"answer('{question}!')")
        return code(
            "rs = rlm_query_batched(['part 0', 'part 1', 'part 2'], [(0, 9), (9, 18), (18, 27)])\n"
            "print([r.answer for r in rs], rs[1].error)\nanswer('x')"
        )

    run = Run(index, reply)
    assert run.run().answer.text == "x"
    assert "['part 0!', None, 'part 2!'] it is gone" in run.read
    assert sorted(event.session for event in run.of(ev.SubSessionStarted)) == ["1", "2", "3"]
    assert sorted(e.status for e in run.of(ev.SessionEnded)) == ["answered"] * 3 + ["failed"]


def test_sub_questions_at_once_fail_alone(index: VideoIndex) -> None:
    def said(prompt: str) -> str:
        if "bad" in prompt:
            raise ModelUnavailable("no")
        return "good" if "frame at" in prompt else "blind"

    source = "ask = ['one', 'bad', ('two', extract_frames(0, 1, count=1))]\n"
    run = Run(index, lambda q, t: code(source + "print(llm_query_batched(ask))\nanswer('x')"), said)
    result = run.run()
    assert "['blind', '[failed] no', 'good']" in run.read
    assert sorted(event.error for event in run.of(ev.ToolModelUsed)) == ["", "", "no"]
    assert result.frames == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("rlm_query('a', (0, 5), options=['one'])", "one option is no choice"),
        ("rlm_query('a', (90, 95))", "holds nothing of the video"),
        ("rlm_query_batched('a', [(0, 1)] * 40)", "1 to 32 at once, not 40"),
        ("rlm_query_batched(['a', 'b'], [(0, 1)] * 3)", "2 questions for 3 spans"),
        (
            "llm_query('a', model='dear/one')",
            "no model 'dear/one' in this run; there are: scripted",
        ),
        ("llm_query_batched([])", "a list of 1 to 64 prompts"),
        ("rlm_query_batched('a', [(0, 1)] * 30)", "is too little for"),
        ("note('')", "the fact is empty"),
        ("history(7)", "there is no turn 7 yet"),
    ],
)
def test_what_cannot_be_asked_is_said(index: VideoIndex, source: str, says: str) -> None:
    def reply(question: str, turn: int) -> str:
        return code(f"print({source})" if turn == 0 else "answer('x')")

    run = Run(index, reply)
    run.run()
    assert says in run.read


def test_sub_sessions_go_no_deeper_than_the_budget_says(index: VideoIndex) -> None:
    source = "r = rlm_query('deeper', (0, 9))\nprint(r.answer, r.error)\nanswer('x')"
    run = Run(index, lambda question, turn: code(source), budget=Budget(depth=2))
    run.run()
    assert [event.session for event in run.of(ev.SubSessionStarted)] == ["1", "1.1"]
    deepest = next(e for e in run.of(ev.Observed) if e.session == "1.1")
    assert "as deep as they may be" in deepest.parts[0].text


def test_calls_of_the_whole_tree_are_kept(index: VideoIndex) -> None:
    def reply(question: str, turn: int) -> str:
        if question == "the whole":
            return code("print(rlm_query_batched('part', [(0, 9), (9, 18)]))")
        return code("print('still looking')")

    run = Run(index, reply, budget=Budget(turns=30, calls=14))
    result = run.run()
    assert len(run.model.sent) <= 14
    assert result.status in ("answered", "no_answer")


def test_the_cheaper_model_answers_below(index: VideoIndex) -> None:
    cheap = AnsweringModel(lambda messages: code("answer('cheap')"))
    cheap.name = "cheap"
    source = "print(rlm_query('a', (0, 5)).answer, llm_query('b'))\nanswer('x')"
    run = Run(index, lambda question, turn: code(source), sub=cheap)
    run.run()
    assert "cheap ```" not in run.read
    assert run.of(ev.SubSessionStarted)[0].model == "cheap"
    assert len(cheap.sent) == 2


def test_evidence_nobody_looked_at_is_told_once(index: VideoIndex) -> None:
    def reply(question: str, turn: int) -> str:
        return code(
            "show(extract_frames(0, 2))" if turn == 0 else "answer('x', [(0, 2), (30, 32)])"
        )

    run = Run(index, reply)
    result = run.run()
    assert result.turns == 3
    assert "you never looked at (30, 32)" in run.read
    assert len(result.answer.evidence) == 2


def test_jails_are_prepared_while_the_reply_that_needs_them_is_still_written(
    index: VideoIndex,
) -> None:
    """As many as may run at once; none where there is no room for sub-sessions."""
    said = "Let me use rlm_query"
    prepared: list[tuple[int, int]] = []

    class Slow(AnsweringModel):
        def complete(
            self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
        ) -> Reply:
            pieces = (said, "_bat", "ched(\n", "```python\nanswer('x')\n```")
            for n, piece in enumerate(pieces):
                on_text(piece)
                prepared.extend((n, number) for number in box[0].asked)
                box[0].asked.clear()
            return Reply("".join(pieces), Usage(1, 1, 0.0))

    class Watched(Sandbox):
        asked: list[int]

        def prepare(self, siblings: int) -> None:
            self.asked.append(siblings)
            super().prepare(siblings)

    box: list[Watched] = []

    def jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
        box[:] = [Watched(functions, records=tuple(records))]
        box[0].asked = []
        return box[0]

    for budget in (Budget(), Budget(calls=12), Budget(depth=0)):
        model = Slow(lambda messages: "")
        Session(index, Models(model), "q", budget=budget, jail=jail).run()
    assert prepared == [(2, 8), (2, 3), (2, 0)]


def test_frames_shown_are_kept_to(index: VideoIndex) -> None:
    def reply(question: str, turn: int) -> str:
        shows = "show(extract_frames(0, 3, count=3))"
        return code(shows if turn < 2 else "answer('x')")

    run = Run(index, reply, budget=Budget(frames=5))
    result = run.run()
    assert result.frames == 3
    assert "3 frames are more than the 2 that may still be shown" in run.read
    assert "2 frames to show" in run.read


def test_frames_are_counted_when_they_are_taken(index: VideoIndex) -> None:
    """By what is shown, by sub-questions at the same moment and by sub-sessions, all together."""

    def reply(question: str, turn: int) -> str:
        if question == "a part":
            return code("show(extract_frames(0, 2, count=2))\nanswer('y')")
        if turn == 0:
            return code(
                "f = extract_frames(0, 2, count=2)\nshow(f)\n"
                "print(sum(r[0] == '[' for r in llm_query_batched([('look', f)] * 6)))\n"
                "print(rlm_query('a part').error)"
            )
        return code("answer('x')")

    run = Run(index, reply, said=lambda prompt: time.sleep(0.1) or "fine", budget=Budget(frames=7))
    assert run.run().frames == 6
    assert run.read.startswith("4\n")
    assert len([e for e in run.of(ev.ToolModelUsed) if e.images]) == 2


def test_sub_sessions_are_numbered_as_they_were_asked_for(index: VideoIndex) -> None:
    def reply(question: str, turn: int) -> str:
        if question != "the whole":
            return code("answer('y')")
        asks = "rlm_query_batched([f'{n}' for n in (1, 2, 3)], [(0, 9)] * 3)"
        return code(f"{asks}\nrlm_query('4')\nanswer('x')")

    run = Run(index, reply)
    run.run()
    started = run.of(ev.SubSessionStarted)
    assert {event.session: event.question for event in started} == {n: n for n in "1234"}


def test_what_is_no_exception_ends_what_goes_on_side_by_side() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        side_by_side([leave] * 9, 2)


def test_nothing_is_written_down_once_a_run_has_ended() -> None:
    stored: list[str] = []
    record = Record([], lambda sha256, jpeg: stored.append(sha256))
    message = Message("user", (Picture(b"jpeg"),))
    record.file(message)
    record.end()
    record.child(1).file(message)
    assert len(stored) == 1


def test_a_tree_is_written_down_and_read_back(index: VideoIndex, tmp_path: Path) -> None:
    def reply(question: str, turn: int) -> str:
        if question == "part":
            return code("note('seen')\nanswer('y')")
        return code("print(rlm_query_batched('part', [(0, 9), (9, 18)]))\nanswer('x')")

    with TranscriptWriter(tmp_path, "q") as writer:
        Run(index, reply, sinks=[writer]).run()
    transcript = Transcript.load(writer.path)
    assert transcript.complete
    assert {event.session for event in transcript.events} == {"", "1", "2"}
    assert [e.fact for e in transcript.events if e.kind == "noted"] == ["seen", "seen"]
