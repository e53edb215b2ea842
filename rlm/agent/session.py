"""The loop: one question, one model, one jail. Read this first.

::

    system prompt + question
      └─> model replies ─> its Python runs as one cell in the jail ─> what it printed and showed
            ^                                                               │
            └───────────────────────────────────────────────────────────────┘
          until answer(...) is called, or the budget is spent and the wrap-up call has been made

Every step is emitted as an event (``events.py``) to every sink before the next step starts. The
model's code never runs in this process: tools are called over the jail's connection. What they
reach of the session is in ``host.py``; a sub-session is a ``Session`` like any other, in a place of
its own in the run's tree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rlm.agent import events as ev
from rlm.agent import opening
from rlm.agent.answer import CANNOT_TELL, from_words
from rlm.agent.budget import Budget, BudgetSpent, Meter
from rlm.agent.compaction import compact, text_space
from rlm.agent.conversation import Conversation
from rlm.agent.failing import Failure, failure_of, stuck, without_outcome
from rlm.agent.host import SessionHost
from rlm.agent.llm import LanguageModel, Message, Reply
from rlm.agent.models import Models
from rlm.agent.observing import observation
from rlm.agent.place import Place, Result
from rlm.agent.prompting import (
    code_blocks,
    extract_code,
    render,
    without_code,
)
from rlm.agent.question import check_price, check_question
from rlm.agent.record import Record
from rlm.agent.trace import traced
from rlm.errors import ConversationTooLong
from rlm.tools import (
    RECORDS,
    TOOLS,
    SubAnswer,
    SubQuestion,
    Tool,
    ToolContext,
    VideoFacts,
    bind,
)
from rlm.tools.pixels import sources
from rlm.tools.video_info import video_info
from sandbox import Outcome, Sandbox

if TYPE_CHECKING:
    from rlm.index import VideoIndex

Jail = Callable[[Mapping[str, Tool], Sequence[type]], Sandbox]


def default_jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
    """The strongest jail this machine has."""
    return Sandbox(functions, records=tuple(records), preamble=sources())


@dataclass
class Session:
    """Asks ``question`` about ``index.video``: :meth:`run` it, or :meth:`open` it for more of them.

    ``options`` are the choices of a multiple-choice question, or empty. ``sinks`` see every event;
    ``store`` files each picture under its hash before the event that names it. ``place`` is set for
    sub-sessions, whose budget and events are their parent's, and by callers that watch the meter;
    it then stands for ``sinks`` and ``store``.

    Raises ``UsageError`` for an empty question, a single option, options that are the same, or a
    cap in dollars for a model whose price is unknown.
    """

    index: VideoIndex
    models: Models
    question: str
    options: Sequence[str] = ()
    budget: Budget = field(default_factory=Budget)
    sinks: Sequence[ev.Sink] = ()
    store: Callable[[str, bytes], None] = lambda sha256, jpeg: None
    jail: Jail = default_jail
    place: Place | None = None

    def __post_init__(self) -> None:
        check_question(self.question, self.options)
        check_price(self.models, self.budget)
        self._place = self.place or Place(Record(self.sinks, self.store), Meter(self.budget))
        self._record, self._meter = self._place.record, self._place.meter
        self._part = self._place.part
        self._conversation = Conversation()
        self._sandbox: Sandbox
        self._ended = "failed", "stopped by an unexpected error"
        self._host = SessionHost(
            self._record,
            self._meter,
            self.models,
            self._conversation,
            self.options,
            self._part or self.index.video.span,
            self._explore,
            lambda number: self._sandbox.prepare(number),
        )

    @property
    def _model(self) -> LanguageModel:
        return self.models.answering(self._record.session)

    def run(self) -> Result:
        """Run to the end and say how it ended.

        Raises ``LanguageModelError`` when the model cannot be reached and ``SandboxError`` when
        there is no jail; ``KeyboardInterrupt`` passes through. Once there is a jail, the last
        event is always ``session_ended``.
        """
        with self.open():
            return self.answer()

    @contextmanager
    def open(self) -> Iterator[Session]:
        """The session with its jail, for several questions about the same video.

        Within, :meth:`answer` the first and :meth:`ask` the next ones. Raises ``SandboxError`` when
        there is no jail.
        """
        context = ToolContext(self.index.video, self.index, self._host, self._part)
        path, saw = self.index.video.path, self._host.looked.add
        tools = {
            name: traced(tool, self._record, self._turn, path, saw)
            for name, tool in bind(TOOLS, context).items()
        }
        with closing(self.jail(tools, RECORDS)) as sandbox:
            self._sandbox = sandbox
            if self.place is None:
                sandbox.start()  # a sub-session's starts while its model thinks
            try:
                self._begin(video_info(context), sandbox.limits.cell_seconds)
                yield self
            finally:
                self._end()

    def ask(self, question: str, options: Sequence[str] = ()) -> Result:
        """Ask another question; variables, notes and all that was said are still there.

        The limits on turns and seconds are for this question alone, the others for all together.
        Raises what :meth:`run` does, and ``UsageError`` for what cannot be asked.
        """
        check_question(question, options)
        self.question, self.options = question, options
        self._host.begin(options)
        self._meter.begin()
        self._record.emit(
            ev.QuestionAsked, turn=self._meter.turns, question=question, options=tuple(options)
        )
        notes = self._conversation.noted()
        words = opening.next_question(question, options, notes, self._meter.left())
        self._say("user", words, self._conversation.said)
        self._conversation.asked = self._conversation.said[-1]
        return self.answer()

    def answer(self) -> Result:
        """Answer the question that was asked last; see :meth:`run`."""
        self._ended = "failed", "stopped by an unexpected error"
        try:
            self._ended = self._loop(self._sandbox)
        except KeyboardInterrupt:
            self._ended = "interrupted", "interrupted by the user"
            raise
        except Exception as error:
            self._ended = "failed", str(error) or type(error).__name__
            raise
        meter, (status, reason) = self._meter, self._ended
        return Result(
            self._host.answer, status, reason, meter.turns, meter.frames, meter.tokens, meter.usd,
            self._record.at, self._sandbox.level,
        )  # fmt: skip

    # ---- the loop

    def _loop(self, sandbox: Sandbox) -> tuple[str, str]:
        failures: list[Failure | None] = []
        while True:
            self._compact()
            spent = self._meter.exhausted(self._conversation.tokens()) or stuck(failures)
            if spent is not None:
                return self._wrap_up(spent, sandbox)
            try:
                reply = self._call_model()
            except BudgetSpent as error:  # by sub-sessions beside this one, in the meantime
                return self._wrap_up(str(error), sandbox)
            except ConversationTooLong as error:
                # What was printed still fits more often than not; the pictures are what is large.
                self._conversation.drop_pictures()
                return self._wrap_up(str(error), sandbox)
            failures.append(self._run_reply(reply, sandbox))
            if self._host.answer is not None:
                return "answered", ""

    def _wrap_up(self, reason: str, sandbox: Sandbox) -> tuple[str, str]:
        """One last call, from which the best answer to be had is taken."""
        self._host.wrapping_up = True
        words = render("wrap_up", reason=reason, options=self.options)
        self._say("user", words, self._conversation.said)
        try:
            reply = self._call_model(last=True)
        except BudgetSpent as error:  # a sub-session's, with no more left than its parent needs
            return "no_answer", str(error)
        if extract_code(reply.text) is not None and not reply.cut:
            self._run_reply(reply, sandbox)
        if self._host.answer is None:
            self._host.answer = from_words(without_code(reply.text), self.options)
            if self._host.answer is None:
                return "no_answer", f"{reason}; the last reply held no answer"
            self._emit_answer()
        return "answered", reason

    def _call_model(self, *, last: bool = False) -> Reply:
        turn = self._meter.turns + 1
        messages = self._conversation.messages()
        with self._meter.call(self._conversation.tokens(messages), last=last):
            self._record.emit(ev.ModelCalled, turn=turn)
            began = time.monotonic()
            foreseen = self._host.foreseeing()

            def hear(text: str) -> None:
                self._record.emit(ev.ReplyDelta, turn=turn, text=text)
                foreseen(text)

            reply = self._model.complete(messages, hear)
            self._meter.add(reply.usage)
        self._meter.turns = turn
        self._conversation.learn(messages, reply.read or reply.usage.input_tokens)
        self._conversation.reply(turn, reply.text)
        self._record.emit(
            ev.ModelReplied,
            turn=turn,
            text=reply.text,
            reasoning=reply.reasoning,
            model=reply.model,
            cached=reply.cached,
            seconds=round(time.monotonic() - began, 4),
            **asdict(reply.usage),
        )
        return reply

    def _run_reply(self, reply: Reply, sandbox: Sandbox) -> Failure | None:
        """Run the reply's code and observe; returns how it failed, if it did."""
        if reply.cut:
            return self._observe(None, without_outcome("cut"))
        blocks = code_blocks(reply.text)
        if not blocks:
            return self._observe(None, without_outcome("no_code"))
        self._record.emit(ev.CellStarted, turn=self._meter.turns, code=blocks[0])
        outcome = sandbox.run(blocks[0])
        if self._host.answer is not None:
            self._observe(outcome, None)
            self._emit_answer()
            return None
        return self._observe(outcome, failure_of(outcome), len(blocks))

    def _observe(
        self, outcome: Outcome | None, failure: Failure | None, blocks: int = 1
    ) -> Failure | None:
        pictures, frames = self._host.take()
        left = f"[turn {self._meter.turns} done; left: {self._meter.left()}]"
        answered = self._host.answer is not None
        kind = None if failure is None else failure.observed
        message = observation(outcome, kind, blocks, pictures, left, answered)
        self._conversation.turns[-1].observed = message
        self._record.emit(
            ev.Observed,
            turn=self._meter.turns,
            parts=self._record.file(message),
            frames=frames,
            failure=kind,
            seconds=round(outcome.seconds, 4) if outcome else 0.0,
            host_seconds=round(outcome.host_seconds, 4) if outcome else 0.0,
        )
        return failure

    def _compact(self) -> None:
        limits = self._model.limits
        self._conversation.most_pictures = limits.pictures
        if limits.context_tokens is None:
            return
        space = text_space(self.index)
        done = compact(self._conversation, self.question, limits.context_tokens, space)
        if done is not None:
            self._record.emit(ev.Compacted, turn=self._meter.turns, **asdict(done))

    # ---- sub-sessions

    def _explore(self, asked: SubQuestion, meter: Meter, number: int) -> SubAnswer:
        """Run a sub-session to its end; what it raises is for the caller to tell."""
        child = Session(
            index=self.index,
            models=self.models,
            question=asked.question,
            options=asked.options,
            budget=meter.budget,
            jail=self._sandbox.sibling,
            place=Place(self._record.child(number), meter, asked.span, self._meter.turns),
        )
        result = child.run()
        answer = result.answer
        if answer is None:
            return SubAnswer(None, None, (), None, result.reason, result.turns, result.frames)
        evidence = tuple((span.start, span.end) for span in answer.evidence)
        known = answer.text if answer.text != CANNOT_TELL else None
        return SubAnswer(
            known, answer.choice, evidence, answer.confidence, None, result.turns, result.frames
        )

    # ---- events

    def _begin(self, facts: VideoFacts, cell_seconds: float) -> None:
        if self.place is None:
            header = opening.header(self.index, facts, self.models, self._sandbox.level)
            self._record.emit(ev.SessionStarted, **header, **self._asked())
        else:
            span = self._part or self.index.video.span
            self._record.emit(
                ev.SubSessionStarted,
                turn=self._place.turn,
                span=(span.start, span.end),
                model=self._model.name,
                picture_side=self._model.limits.picture_side,
                **self._asked(),
            )
        system = opening.system(self.budget.depth, cell_seconds)
        question = opening.question(
            self.question, self.options, facts, self._part, self.index.preset, self._meter.left()
        )
        self._say("system", system, self._conversation.opening)
        self._say("user", question, self._conversation.opening)

    def _asked(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "options": tuple(self.options),
            "limits": self.budget.as_dict(),
        }

    def _say(self, role: Any, text: str, to: list[Message]) -> None:
        message = Message(role, (text,))
        to.append(message)
        self._record.emit(ev.Prompted, role=role, parts=self._record.file(message))

    def _emit_answer(self) -> None:
        answer = self._host.answer
        assert answer is not None
        self._record.emit(ev.Answered, turn=self._meter.turns, **answer.as_event())

    def _turn(self) -> int:
        return self._meter.turns

    def _end(self) -> None:
        meter, (status, reason) = self._meter, self._ended
        self._record.emit(
            ev.SessionEnded,
            status=status,
            reason=reason,
            turns=meter.turns,
            frames=meter.frames,
            tokens=meter.tokens,
            usd=meter.usd,
        )
        if self.place is None:
            self._record.end()
