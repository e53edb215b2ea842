"""The loop: one question, one model, one jail. Read this first.

::

    system prompt + question
      └─> model replies ─> its Python runs as one cell in the jail ─> what it printed and showed
            ^                                                               │
            └───────────────────────────────────────────────────────────────┘
          until answer(...) is called, or the budget is spent and the wrap-up call has been made

Every step is emitted as an event (``events.py``) to every sink before the next step starts. The
model's code never runs in this process: tools are called over the jail's connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from rlm import __version__
from rlm.agent import events as ev
from rlm.agent.answer import Answer, from_words, read_answer
from rlm.agent.budget import Budget, Meter
from rlm.agent.llm import LanguageModel, Message, Picture, Reply
from rlm.agent.prompting import (
    code_blocks,
    extract_code,
    options_for_prompt,
    prompts_sha256,
    render,
    without_code,
)
from rlm.agent.question import check_price, check_question
from rlm.agent.record import Record
from rlm.agent.text import HEAD, TAIL, cut_output, one_line
from rlm.agent.trace import traced
from rlm.errors import ConversationTooLong
from rlm.tools import RECORDS, TOOLS, Labelled, Tool, ToolContext, VideoFacts, bind, describe
from rlm.tools.pixels import describe_helpers, sources
from rlm.tools.video_info import video_info
from sandbox import Outcome, Sandbox, StopCell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rlm.index import VideoIndex

MAX_PICTURES = 32
"""Pictures one observation may hold."""
MAX_SIDE = 1280
"""Longest side, in pixels, of a picture sent to a model."""
STUCK = 3
"""Turns in a row that fail in the same way before the wrap-up."""

Jail = Callable[[Mapping[str, Tool], Sequence[type]], Sandbox]


def default_jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
    """The strongest jail this machine has."""
    return Sandbox(functions, records=tuple(records), preamble=sources())


@dataclass(frozen=True)
class Result:
    """How a session ended: ``status`` as in :class:`rlm.agent.events.SessionEnded`."""

    answer: Answer | None
    status: str
    reason: str
    turns: int
    frames: int
    tokens: int | None
    usd: float | None
    seconds: float
    sandbox_level: str


@dataclass
class Session:
    """Asks ``question`` about ``index.video``; :meth:`run` once.

    ``options`` are the choices of a multiple-choice question, or empty. ``sinks`` see every event;
    ``store`` files each picture under its hash before the event that names it.

    Raises ``UsageError`` for an empty question, a single option, options that are the same, or a
    cap in dollars for a model whose price is unknown.
    """

    index: VideoIndex
    model: LanguageModel
    question: str
    options: Sequence[str] = ()
    budget: Budget = field(default_factory=Budget)
    sinks: Sequence[ev.Sink] = ()
    store: Callable[[str, bytes], None] = lambda sha256, jpeg: None
    jail: Jail = default_jail

    def __post_init__(self) -> None:
        check_question(self.question, self.options)
        check_price(self.model, self.budget)
        self._meter = Meter(self.budget)
        self._record = Record(self.sinks, self.store)
        self._messages: list[Message] = []
        self._pending: list[Picture] = []
        self._frames_pending = 0
        self._answer: Answer | None = None
        self._wrapping_up = False
        self._sandbox_level = "none"

    def run(self) -> Result:
        """Run to the end and say how it ended.

        Raises ``LanguageModelError`` when the model cannot be reached and ``SandboxError`` when
        there is no jail; ``KeyboardInterrupt`` passes through. Once there is a jail, the last
        event is always ``session_ended``.
        """
        context = ToolContext(self.index.video, self.index, self._show, self._ask, self._submit)
        tools = {
            name: traced(tool, self._record, self._turn, self.index.video.path)
            for name, tool in bind(TOOLS, context).items()
        }
        status, reason = "failed", "stopped by an unexpected error"
        with self.jail(tools, RECORDS) as sandbox:
            self._sandbox_level = sandbox.level
            try:
                self._begin(video_info(context), sandbox.limits.cell_seconds)
                status, reason = self._loop(sandbox)
            except KeyboardInterrupt:
                status, reason = "interrupted", "interrupted by the user"
                raise
            except Exception as error:
                reason = str(error) or type(error).__name__
                raise
            finally:
                self._end(status, reason)
        meter = self._meter
        return Result(
            self._answer, status, reason, meter.turns, meter.frames, meter.tokens, meter.usd,
            self._record.at, self._sandbox_level,
        )  # fmt: skip

    # ---- the loop

    def _loop(self, sandbox: Sandbox) -> tuple[str, str]:
        failures: list[str | None] = []
        while True:
            spent = self._meter.exhausted() or _stuck(failures)
            if spent is not None:
                return self._wrap_up(spent, sandbox)
            try:
                reply = self._call_model()
            except ConversationTooLong as error:
                # What was printed still fits more often than not; the pictures are what is large.
                self._messages = [Message(m.role, (m.text,)) for m in self._messages]
                return self._wrap_up(str(error), sandbox)
            failures.append(self._run_reply(reply, sandbox))
            if self._answer is not None:
                return "answered", ""

    def _wrap_up(self, reason: str, sandbox: Sandbox) -> tuple[str, str]:
        """One last call, from which the best answer to be had is taken."""
        self._wrapping_up = True
        self._say("user", render("wrap_up", reason=reason, options=self.options))
        reply = self._call_model()
        if extract_code(reply.text) is not None and not reply.cut:
            self._run_reply(reply, sandbox)
        if self._answer is None:
            self._answer = from_words(without_code(reply.text), self.options)
            if self._answer is None:
                return "no_answer", f"{reason}; the last reply held no answer"
            self._emit_answer()
        return "answered", reason

    def _call_model(self) -> Reply:
        turn = self._meter.turns + 1
        self._record.emit(ev.ModelCalled, turn=turn)
        reply, cost = self._metered(
            self._messages,
            lambda text: self._record.emit(ev.ReplyDelta, turn=turn, text=text),
        )
        self._meter.turns = turn
        self._messages.append(Message("assistant", (reply.text,)))
        self._record.emit(
            ev.ModelReplied,
            turn=turn,
            text=reply.text,
            reasoning=reply.reasoning,
            **cost,
        )
        return reply

    def _metered(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> tuple[Reply, dict[str, Any]]:
        """One call to the model, counted; with what it cost, as the events have it."""
        began = time.monotonic()
        reply = self.model.complete(messages, on_text)
        self._meter.add(reply.usage)
        return reply, {"seconds": time.monotonic() - began, **asdict(reply.usage)}

    def _run_reply(self, reply: Reply, sandbox: Sandbox) -> str | None:
        """Run the reply's code and observe; returns the kind of failure, or ``None``."""
        if reply.cut:
            return self._observe(None, "cut")
        blocks = code_blocks(reply.text)
        if not blocks:
            return self._observe(None, "no_code")
        self._record.emit(ev.CellStarted, turn=self._meter.turns, code=blocks[0])
        outcome = sandbox.run(blocks[0])
        if self._answer is not None:
            self._observe(outcome, None)
            self._emit_answer()
            return None
        failure = "killed" if outcome.restarted else "timed_out" if outcome.timed_out else None
        failure = failure or ("error" if outcome.error else None)
        return self._observe(outcome, failure, len(blocks))

    def _observe(self, outcome: Outcome | None, failure: Any, blocks: int = 1) -> str | None:
        pictures, self._pending = tuple(self._pending), []
        frames, self._frames_pending = self._frames_pending, 0
        self._meter.frames += frames
        printed, error = "", ""
        if outcome is not None:
            length = outcome.stdout_bytes + outcome.stderr_bytes
            printed = cut_output(outcome.stdout + outcome.stderr, length)
            error = cut_output(str(outcome.error)) if outcome.error else ""
        text = render(
            "turn",
            problem=failure,
            stdout=printed,
            error=error,
            pictures=len(pictures),
            blocks=blocks,
            answered=self._answer is not None,
        )
        parts: list[str | Picture] = [text] if text else []
        for picture in pictures:
            parts += [f"[{picture.label}]", picture]
        parts.append(f"[turn {self._meter.turns} done; left: {self._meter.left()}]")
        message = Message("user", tuple(parts))
        self._messages.append(message)
        self._record.emit(
            ev.Observed,
            turn=self._meter.turns,
            parts=self._record.file(message),
            frames=frames,
            failure=failure,
            seconds=outcome.seconds if outcome else 0.0,
            host_seconds=outcome.host_seconds if outcome else 0.0,
        )
        return None if failure is None else str(failure)

    # ---- what tools reach: pictures, sub-questions, the answer

    def _show(self, pictures: Sequence[Labelled]) -> None:
        fresh: list[tuple[Picture, int]] = []
        for label, rgb, frames in pictures:
            picture = Picture(_jpeg(rgb), label)
            # The same frame twice in one observation tells the model nothing.
            if picture not in self._pending and picture not in (p for p, _ in fresh):
                fresh.append((picture, frames))
        if len(self._pending) + len(fresh) > MAX_PICTURES:
            raise ValueError(
                f"{len(fresh)} more pictures after {len(self._pending)} are over the "
                f"{MAX_PICTURES} of a turn; none of them is shown: ask for fewer, "
                "or use contact_sheet()"
            )
        self._pending += [picture for picture, _ in fresh]
        self._frames_pending += sum(frames for _, frames in fresh)

    def _ask(self, prompt: str, images: Sequence[Labelled]) -> str:
        spent = self._meter.exhausted()
        if spent is not None:
            raise RuntimeError(f"the budget is spent ({spent}); call answer() now")
        if len(images) > MAX_PICTURES:
            raise ValueError(f"at most {MAX_PICTURES} pictures a sub-question, not {len(images)}")
        parts: list[str | Picture] = [render("subcall", prompt=prompt)]
        for label, rgb, _ in images:
            parts += [f"[{label}]", Picture(_jpeg(rgb), label)]
        message = Message("user", tuple(parts))
        reply, cost = self._metered([message])
        self._meter.frames += sum(frames for _, _, frames in images)
        self._record.emit(
            ev.ToolModelUsed,
            turn=self._meter.turns,
            prompt=prompt,
            images=tuple(part for part in self._record.file(message) if isinstance(part, ev.Image)),
            reply=reply.text,
            **cost,
        )
        return reply.text

    def _submit(self, value: object, evidence: Any, confidence: object) -> NoReturn:
        duration = self.index.video.span.end
        try:
            self._answer = read_answer(value, evidence, confidence, self.options, duration)
        except (TypeError, ValueError):
            if not self._wrapping_up:
                raise
            # Nobody is left to correct it: a good answer is not lost over what goes with it.
            self._answer = read_answer(value, None, None, self.options, duration)
        raise StopCell

    # ---- events

    def _begin(self, facts: VideoFacts, cell_seconds: float) -> None:
        self._record.emit(
            ev.SessionStarted,
            videorlm=__version__,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            question=self.question,
            options=tuple(self.options),
            video=ev.VideoInfo(
                name=facts.name,
                sha256=self.index.video.sha256,
                duration=facts.duration,
                width=facts.width,
                height=facts.height,
                frame_rate=facts.frame_rate,
            ),
            model=self.model.name,
            preset=self.index.preset,
            index_key=self.index.key,
            sandbox_level=self._sandbox_level,
            limits=self.budget.as_dict(),
            prompt_sha256=prompts_sha256(),
        )
        system = render(
            "system",
            tools=describe(TOOLS),
            helpers=describe_helpers(),
            budget=self._meter.left(),
            max_pictures=MAX_PICTURES,
            max_output=HEAD + TAIL,
            cell_seconds=f"{cell_seconds:.0f}",
        )
        question = render(
            "question",
            video=facts,
            name=one_line(facts.name),
            preset=self.index.preset,
            question=self.question,
            options=options_for_prompt(self.options),
        )
        self._say("system", system)
        self._say("user", question)

    def _say(self, role: Any, text: str) -> None:
        message = Message(role, (text,))
        self._messages.append(message)
        self._record.emit(ev.Prompted, role=role, parts=self._record.file(message))

    def _emit_answer(self) -> None:
        answer = self._answer
        assert answer is not None
        self._record.emit(
            ev.Answered,
            turn=self._meter.turns,
            answer=answer.text,
            choice=answer.choice,
            evidence=tuple((span.start, span.end) for span in answer.evidence),
            confidence=answer.confidence,
            best_effort=answer.best_effort,
        )

    def _turn(self) -> int:
        return self._meter.turns

    def _end(self, status: Any, reason: str) -> None:
        meter = self._meter
        self._record.emit(
            ev.SessionEnded,
            status=status,
            reason=reason,
            turns=meter.turns,
            frames=meter.frames,
            tokens=meter.tokens,
            usd=meter.usd,
        )


def _stuck(failures: Sequence[str | None]) -> str | None:
    """Whether the same thing went wrong too often in a row; errors in code may lead somewhere."""
    last = set(failures[-STUCK:])
    if len(failures) < STUCK or len(last) > 1 or last & {None, "error"}:
        return None
    return f"{STUCK} turns in a row: {failures[-1]}"


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    from rlm.video import encode_jpeg, fit_within

    return encode_jpeg(fit_within(rgb, MAX_SIDE))
