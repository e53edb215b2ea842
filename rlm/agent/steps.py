"""The steps of a turn: what a person said is heeded, the model replies, its code runs in the jail.

Each step is told as it is done, and can be cut short (``control.py``) with what had come of it kept
in the conversation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Literal

from rlm.agent import events as ev
from rlm.agent.budget import Meter
from rlm.agent.calibrator import Calibrator
from rlm.agent.calling import CutShort, complete
from rlm.agent.control import Control
from rlm.agent.conversation import CHARACTERS, Conversation
from rlm.agent.failing import Failure, failure_of, without_outcome
from rlm.agent.host import SessionHost
from rlm.agent.llm import LanguageModel, Message, Picture, Reply, Usage
from rlm.agent.observing import observation
from rlm.agent.prompting import code_blocks, render
from rlm.agent.record import Record
from sandbox import Outcome, Sandbox


@dataclass
class Steps:
    """Those of one session, which has these parts."""

    record: Record
    meter: Meter
    conversation: Conversation
    host: SessionHost
    control: Control
    calibrator: Calibrator | None = None
    cuts: int | None = None
    """How often something had been cut short when this session, or its newest cell, began."""
    _cut: bool = field(default=False, init=False)
    """Whether the newest reply was cut short, and the model has not been told yet."""

    def __post_init__(self) -> None:
        if self.cuts is None:
            self.cuts = self.control.cuts

    def say(
        self, role: Literal["system", "user"], to: list[Message], *parts: str | Picture
    ) -> None:
        """Put a message into the conversation, and tell of it."""
        message = Message(role, parts)
        to.append(message)
        self.record.emit(ev.Prompted, role=role, parts=self.record.file(message))

    def heed(self, sandbox: Sandbox) -> bool:
        """Wait while a person holds the session, and do as they say; whether it may go on.

        A sub-session does not hear the person: it ends with the step of its parent that is cut
        short.
        """
        control, turn = self.control, self.meter.turns
        if self.record.session:
            if not self.is_cut:
                control.wait()
            return not self.is_cut
        self._wait()
        said = self.conversation.said
        words = control.take_words()
        if words or self._cut:
            told = render("steered", cut=self._cut, words=bool(words))
            self.say("user", said, told, *words)
        self._cut = False
        if not control.killed:
            return True
        if sandbox.kill():
            self.record.emit(ev.Interrupted, turn=turn, what="worker")
            self.say("user", said, render("killed"))
        return False

    @property
    def is_cut(self) -> bool:
        """Whether the step that runs has been cut short, and all below it."""
        return self.control.cuts != self.cuts

    def call_model(self, model: LanguageModel, *, last: bool = False) -> Reply | None:
        """The next reply; ``None`` where it was cut short. Raises ``BudgetSpent`` without room."""
        turn = self.meter.turns + 1
        messages = self.conversation.messages()
        tokens = self.conversation.tokens(messages)
        with self.meter.call(tokens, last=last):
            self.record.emit(ev.ModelCalled, turn=turn)
            began = time.monotonic()
            foreseen = self.host.foreseeing()

            def hear(text: str) -> None:
                self.record.emit(ev.ReplyDelta, turn=turn, text=text)
                foreseen(text)

            try:
                reply = complete(model, messages, self.control, hear)
            except CutShort as short:
                self._cut_short(model, turn, short.text, tokens, time.monotonic() - began)
                return None
            self.meter.add(reply.usage)
        self.meter.turns = turn
        self.conversation.learn(messages, reply.read or reply.usage.input_tokens)
        self.conversation.reply(turn, reply.text)
        self.record.emit(
            ev.ModelReplied,
            turn=turn,
            text=reply.text,
            reasoning=reply.reasoning,
            model=reply.model,
            cached=reply.cached,
            seconds=round(time.monotonic() - began, 4),
            **vars(reply.usage),
        )
        return reply

    def run_reply(self, reply: Reply, sandbox: Sandbox) -> Failure | None:
        """Run the reply's code and observe; returns how it failed, if it did by itself."""
        if reply.cut:
            return self._observe(None, without_outcome("cut"))
        blocks = code_blocks(reply.text)
        if not blocks:
            return self._observe(None, without_outcome("no_code"))
        self._wait()
        if not self.record.session:
            self.cuts = self.control.cuts
        self.record.emit(ev.CellStarted, turn=self.meter.turns, code=blocks[0])
        with self.control.running(sandbox.interrupt, sandbox.kill):
            outcome = sandbox.run(blocks[0], cancelled=self.control.cutting)
        if self.host.answer is not None:
            self._observe(outcome, None)
            self.tell_answer()
            return None
        cut = self._cut_cell(outcome)
        failure = self._observe(outcome, cut or failure_of(outcome), len(blocks))
        return None if cut else failure

    def _wait(self) -> None:
        """Wait while a person holds the session; the first one tells of it."""
        told = self.control.held and not self.record.session
        if told:
            self.record.emit(ev.Paused, turn=self.meter.turns)
        self.control.wait()
        if told:
            self.record.emit(ev.Resumed, turn=self.meter.turns)

    def tell_answer(self) -> None:
        """Tell what the answer is, which there is."""
        answer = self.host.answer
        assert answer is not None
        if self.calibrator is not None:
            calibrated = self.calibrator(answer.confidence)
            answer = self.host.answer = replace(answer, calibrated=calibrated)
        self.record.emit(ev.Answered, turn=self.meter.turns, **answer.as_event())

    def _cut_cell(self, outcome: Outcome) -> Failure | None:
        """What the person's cutting the cell short came to, where they did."""
        killed = outcome.restarted and self.control.killed
        if not (outcome.interrupted or killed):
            return None
        what = "worker" if self.control.killed else "cell"
        self.record.emit(ev.Interrupted, turn=self.meter.turns, what=what)
        return without_outcome("killed" if outcome.restarted else "interrupted")

    def _cut_short(
        self, model: LanguageModel, turn: int, text: str, tokens: int, seconds: float
    ) -> None:
        """Keep what had come of a reply, and count what it has cost about."""
        written = round(len(text) / CHARACTERS)
        usage = Usage(tokens, written, model.price(tokens, written))
        self.meter.add(usage)
        self._cut = bool(text.strip())
        if self._cut:
            self.conversation.said.append(Message("assistant", (text,)))
        self.record.emit(
            ev.Interrupted,
            turn=turn,
            what="reply",
            text=text,
            seconds=round(seconds, 4),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            usd=usage.usd,
        )

    def _observe(
        self, outcome: Outcome | None, failure: Failure | None, blocks: int = 1
    ) -> Failure | None:
        pictures, frames = self.host.take()
        left = f"[turn {self.meter.turns} done; left: {self.meter.left()}]"
        answered = self.host.answer is not None
        kind = None if failure is None else failure.observed
        message = observation(outcome, kind, blocks, pictures, left, answered)
        self.conversation.turns[-1].observed = message
        self.record.emit(
            ev.Observed,
            turn=self.meter.turns,
            parts=self.record.file(message),
            frames=frames,
            failure=kind,
            seconds=round(outcome.seconds, 4) if outcome else 0.0,
            host_seconds=round(outcome.host_seconds, 4) if outcome else 0.0,
        )
        return failure
