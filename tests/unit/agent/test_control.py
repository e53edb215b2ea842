"""What a person does to a session that runs, from another thread: real jail, real tools."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripted import ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent.budget import AT_ONCE, Budget
from rlm.agent.control import Control
from rlm.agent.llm import Message, Reply
from rlm.agent.models import Models
from rlm.agent.place import Result
from rlm.agent.rerun import rerun_code
from rlm.agent.session import Session
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.config import Config
from rlm.errors import UsageError
from rlm.index import VideoIndex

PATIENCE = 30.0


class SilentModel(ScriptedModel):
    """Says the first half of a step that begins with ``...`` and then nothing, for ever."""

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        reply = super().complete(messages, None if self._next.startswith("...") else on_text)
        if reply.text.startswith("..."):
            assert on_text is not None
            if len(reply.text) > 3:
                on_text(reply.text[3:])
            threading.Event().wait(PATIENCE)
        return reply

    @property
    def _next(self) -> str:
        step = self._script[min(len(self.sent), len(self._script) - 1)]
        return step if isinstance(step, str) else ""


class Talk:
    """A session on a thread of its own, and a person who waits for events and acts on them."""

    def __init__(self, index: VideoIndex, *script: str, **settings) -> None:
        self.events: list[ev.Event] = []
        self.control = Control()
        self.model = SilentModel(*script)
        self._changed = threading.Condition()
        self._results: list[Result | Exception] = []
        self.session = Session(
            index, Models(self.model), "What moves?", control=self.control,
            sinks=[*settings.pop("sinks", ()), self._note], **settings,
        )  # fmt: skip

    def _note(self, event: ev.Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def await_(self, kind: type, number: int = 1) -> ev.Event:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= number, PATIENCE), kind
            return self.of(kind)[number - 1]

    @contextmanager
    def open(self) -> Iterator[None]:
        with self.session.open():
            yield

    def begin(self, question: str = "") -> threading.Thread:
        ask = self.session.answer if not question else lambda: self.session.ask(question)

        def run() -> None:
            try:
                self._results.append(ask())
            except Exception as error:
                self._results.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def result(self, thread: threading.Thread) -> Result:
        thread.join(PATIENCE)
        assert not thread.is_alive()
        result = self._results.pop()
        assert isinstance(result, Result), result
        return result


def test_a_silent_reply_is_cut_short_kept_and_gone_on_after_words(index: VideoIndex) -> None:
    talk = Talk(index, "...I would rather", code("answer('blue')"))
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.ReplyDelta)
        talk.control.interrupt()
        talk.await_(ev.Paused)
        assert talk.control.held
        talk.control.steer("Look at the blue one.")
        result = talk.result(thread)
    assert (result.status, result.answer.text, result.turns) == ("answered", "blue", 1)
    (cut,) = talk.of(ev.Interrupted)
    assert (cut.what, cut.turn, cut.text) == ("reply", 1, "I would rather")
    assert cut.usd == 0.01
    assert result.usd == pytest.approx(0.02)
    *_, partial, steered = talk.model.sent[1]
    assert (partial.role, partial.text) == ("assistant", "I would rather")
    assert "nothing of it ran" in steered.text
    assert steered.text.endswith("The person who asked says:\nLook at the blue one.")
    told = talk.of(ev.Prompted)[-1]
    assert [part.text for part in told.parts][-1] == "Look at the blue one."


def test_a_cell_is_interrupted_with_its_variables_kept(index: VideoIndex) -> None:
    talk = Talk(
        index,
        code("x = 41\nprint('began')\nwhile True:\n    pass"),
        code("answer(f'{x + 1}')"),
    )
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.CellStarted)
        talk.control.interrupt()
        talk.await_(ev.Paused)
        talk.control.resume()
        talk.result(thread)
    (cut,) = talk.of(ev.Interrupted)
    assert cut.what == "cell"
    assert talk.of(ev.Observed)[0].failure == "interrupted"
    assert "interrupted this cell" in talk.model.seen


def test_a_call_of_a_tool_and_all_below_it_are_cut_short(index: VideoIndex) -> None:
    talk = Talk(
        index,
        code("x = 1\nr = rlm_query('part', (0, 9))\nprint('not', r)"),
        "...deep below",
        code("print(llm_query('and this?'))"),
        "...a sub-answer",
        code("answer(f'{x} is left')"),
    )
    with talk.open():
        thread = talk.begin()
        for number, waits_for in ((1, "deep below"), (2, "")):
            if waits_for:
                talk.await_(ev.SubSessionStarted)
                talk.await_(ev.ReplyDelta, 2)
            else:
                talk.await_(ev.CellStarted, 2)
                while len(talk.model.sent) < 4:
                    threading.Event().wait(0.01)
            talk.control.interrupt()
            talk.await_(ev.Paused, number)
            talk.control.resume()
        result = talk.result(thread)
    assert result.answer.text == "1 is left"
    sub = talk.await_(ev.SessionEnded)
    assert (sub.session, sub.status) == ("1", "interrupted")
    assert [event.failure for event in talk.of(ev.Observed) if not event.session][:2] == [
        "interrupted"
    ] * 2


def test_stop_answers_now(index: VideoIndex) -> None:
    talk = Talk(index, code("print('looked')"), "...hm", code("answer('a guess')"))
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.ReplyDelta, 2)
        talk.control.stop()
        result = talk.result(thread)
    assert (result.answer.text, result.answer.best_effort) == ("a guess", True)
    assert result.reason == "you are asked to answer now"
    assert talk.model.seen.startswith("You are asked to answer now. This is your last turn.")


class ByRole(SilentModel):
    """Replies from its list to the first session, and ``below`` to all sub-sessions."""

    def __init__(self, *script: str, below: str) -> None:
        super().__init__(*script)
        self._below = SilentModel(below)

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        if "part number" in messages[1].text:
            return self._below.complete(messages, on_text)
        return super().complete(messages, on_text)


def test_sub_sessions_that_wait_their_turn_do_not_begin_after_a_cut(index: VideoIndex) -> None:
    asks = f"rlm_query_batched('part number', [(0, 9)] * {AT_ONCE + 4})"
    talk = Talk(index, budget=Budget(calls=None))
    talk.session.models = talk.session._host.models = Models(
        ByRole(code(asks), code("answer('as far as I saw')"), below="...deep below")
    )
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.ReplyDelta, 1 + AT_ONCE)
        talk.control.interrupt()
        talk.await_(ev.Paused)
        talk.control.resume()
        assert talk.result(thread).answer.text == "as far as I saw"
        threading.Event().wait(1.0)
    begun = talk.of(ev.SubSessionStarted)
    assert len(begun) == AT_ONCE
    assert talk.session.meter.calls == AT_ONCE + 2


def test_stop_is_the_first_sessions_also_while_one_below_wraps_up(index: VideoIndex) -> None:
    talk = Talk(
        index,
        code("print(rlm_query('part', (0, 9)))"),
        code("print(1)"),
        code("print(2)"),
        "...its last words",
        code("answer('now')"),
        budget=Budget(turns=2),
    )
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.ReplyDelta, 4)
        talk.control.stop()
        result = talk.result(thread)
    assert (result.answer.text, result.reason) == ("now", "you are asked to answer now")


def test_a_second_stop_does_not_cut_the_answer_short(index: VideoIndex) -> None:
    def twice(event: ev.Event) -> None:
        if isinstance(event, ev.ModelReplied):
            talk.control.stop()

    talk = Talk(index, "...hm", code("answer('a guess')"), sinks=[twice])
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.ReplyDelta)
        talk.control.stop()
        assert talk.result(thread).answer.text == "a guess"


def test_kill_ends_worker_and_question_and_the_next_one_is_told(index: VideoIndex) -> None:
    talk = Talk(
        index,
        code("x = 1\nprint(x)"),
        "...hm",
        code("print('x' in globals())"),
        code("answer('still there')"),
        code("try:\n    while True: pass\nexcept BaseException:\n    while True: pass"),
        code("answer('alive')"),
    )
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.ReplyDelta, 2)
        talk.control.interrupt()
        talk.await_(ev.Paused)
        talk.control.kill()
        result = talk.result(thread)
        assert (result.status, result.answer) == ("interrupted", None)
        assert talk.result(talk.begin("And now?")).answer.text == "still there"
        thread = talk.begin("And a cell that does not stop?")
        talk.await_(ev.CellStarted, 4)
        talk.control.interrupt()
        talk.control.kill()
        assert talk.result(thread).status == "interrupted"
        assert talk.result(talk.begin("Are you there?")).answer.text == "alive"
    assert [event.what for event in talk.of(ev.Interrupted)] == ["reply", "worker", "worker"]
    assert "False" in "".join(part.text for part in talk.of(ev.Observed)[1].parts)
    sent = "\n".join(message.text for message in talk.model.sent[2])
    assert "ended the Python process: all variables" in sent
    asked = talk.of(ev.QuestionAsked)
    assert [event.unanswered for event in asked] == ["interrupted", "", "interrupted"]


def test_a_pause_lets_the_step_end_and_does_not_count_as_time(index: VideoIndex) -> None:
    talk = Talk(index, code("print(1)"), code("answer('x')"), budget=Budget(seconds=100))
    talk.control.pause()
    with talk.open():
        thread = talk.begin()
        talk.await_(ev.Paused)
        before = talk.session._meter.seconds
        threading.Event().wait(0.2)
        assert talk.session._meter.seconds == before
        assert talk.of(ev.ModelCalled) == []
        talk.control.steer("Be brief.")
        assert talk.control.held
        talk.control.resume()
        result = talk.result(thread)
    assert result.answer.text == "x"
    assert talk.model.sent[0][-1].text == "The person who asked says:\nBe brief."
    assert len(talk.of(ev.Resumed)) == 1


def test_limits_models_and_index_change_between_turns(index: VideoIndex) -> None:
    talk = Talk(index, code("print(1)"), code("print(2)"), code("answer('x')"))
    other = ScriptedModel(code("answer('from the other')"))
    other.name = "other"
    with talk.open():
        assert talk.result(talk.begin()).answer.text == "x"
        talk.session.change_limits(turns=1)
        talk.session.change_models(Models(other))
        talk.session.change_index(index)
        with pytest.raises(UsageError, match="must be positive"):
            talk.session.change_limits(turns=-1)
        with pytest.raises(UsageError, match="price of scripted is unknown"):
            talk.session.change_limits(usd=1.0)
            talk.session.change_models(Models(ScriptedModel("x", usd=None)))
        assert talk.result(talk.begin("And?")).answer.text == "from the other"
    assert "turns counted anew: 1 turn" in other.sent[0][-1].text
    changed = talk.of(ev.LimitsChanged)
    assert [event.limits["turns"] for event in changed] == [1, 1]
    assert [event.model for event in talk.of(ev.ModelChanged)] == ["other"]
    assert talk.of(ev.IndexChanged)[0].tier == index.tier


# ---- such runs, run again


@pytest.fixture
def acted_on(index: VideoIndex, tmp_path: Path) -> Transcript:
    """A run to which was done all that can be done to it."""
    with TranscriptWriter(tmp_path / "runs", "acted on") as writer:
        talk = Talk(
            index,
            "...I would rather",
            code("x = 1\nprint('x is', x)"),
            code("x += 1\nwhile True: pass"),
            code("answer(f'x was {x}')"),
            "...hm",
            code("print('x' in globals())"),
            code("answer('no x')"),
            code("print('late')"),
            "...",
            code("answer('at once')"),
            sinks=[writer], store=writer.media,
        )  # fmt: skip
        with talk.open():
            thread = talk.begin()
            talk.await_(ev.ReplyDelta)
            talk.control.interrupt()
            talk.await_(ev.Paused)
            talk.control.steer("Count from one.")
            talk.await_(ev.CellStarted, 2)
            threading.Event().wait(0.3)
            talk.control.interrupt()
            talk.await_(ev.Paused, 2)
            talk.control.resume()
            talk.result(thread)
            talk.session.change_limits(turns=7)
            thread = talk.begin("Second?")
            talk.await_(ev.ReplyDelta, 5)
            talk.control.interrupt()
            talk.control.kill()
            talk.result(thread)
            talk.result(talk.begin("Third?"))
            thread = talk.begin("Fourth?")
            talk.await_(ev.Observed, 6)
            talk.await_(ev.ModelCalled, 9)
            talk.control.stop()
            assert talk.result(thread).answer.text == "at once"
    return Transcript.load(writer.path)


def test_what_a_person_did_is_done_again(
    acted_on: Transcript, index: VideoIndex, tmp_path: Path
) -> None:
    told: list[str] = []
    config = Config(cache=tmp_path / "cache")
    report = rerun_code(acted_on, video=index.video.path, config=config, notify=told.append)
    assert (report.drifts, [line for line in told if "end" in line]) == ((), [])
    answers = [event.answer for event in acted_on.events if isinstance(event, ev.Answered)]
    assert answers == ["x was 2", "no x", "at once"]
    assert report.outputs == 7  # six turns, for one of seven was cut short, and the end
