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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from rlm import __version__
from rlm.agent import events as ev
from rlm.agent.answer import Answer, from_words, read_answer
from rlm.agent.budget import Budget, Meter
from rlm.agent.llm import LanguageModel, Message, Picture, Reply
from rlm.agent.prompting import cut_output, extract_code, options_for_prompt, prompts_sha256, render
from rlm.agent.trace import traced
from rlm.errors import UsageError
from rlm.tools import RECORDS, TOOLS, Tool, ToolContext, bind, describe
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
    return Sandbox(functions, records=tuple(records))


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
    path_shown: str | None = None

    def __post_init__(self) -> None:
        check_question(self.question, self.options)
        if self.budget.usd is not None and not self.model.priced:
            raise UsageError(
                f"the price of {self.model.name} is unknown, so a cap in dollars cannot be kept; "
                "leave out --max-usd or cap --max-turns"
            )
        self._meter = Meter(self.budget)
        self._began = time.monotonic()
        self._messages: list[Message] = []
        self._pending: list[Picture] = []
        self._frames_pending = 0
        self._answer: Answer | None = None
        self._sandbox_level = "none"

    def run(self) -> Result:
        """Run to the end and say how it ended.

        Raises ``LanguageModelError`` when the model cannot be reached and ``SandboxUnavailable``
        when there is no jail; ``KeyboardInterrupt`` passes through. The last event is always
        ``session_ended``.
        """
        context = ToolContext(self.index.video, self.index, self._show, self._ask, self._submit)
        tools = {
            name: traced(tool, self._emit, lambda: (self._at(), self._meter.turns))
            for name, tool in bind(TOOLS, context).items()
        }
        with self.jail(tools, RECORDS) as sandbox:
            self._sandbox_level = sandbox.level
            self._begin()
            status, reason = "failed", "stopped by an unexpected error"
            try:
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
            self._at(), self._sandbox_level,
        )  # fmt: skip

    # ---- the loop

    def _loop(self, sandbox: Sandbox) -> tuple[str, str]:
        failures: list[str | None] = []
        while True:
            spent = self._meter.exhausted()
            if spent is None and len(failures) >= STUCK and len(set(failures[-STUCK:])) == 1:
                stuck = failures[-1]
                spent = f"{STUCK} turns in a row: {stuck}" if stuck not in (None, "error") else None
            if spent is not None:
                self._say("user", render("wrap_up", reason=spent, options=self.options))
            reply = self._call_model()
            failures.append(self._run_reply(reply, sandbox))
            if self._answer is None and spent is not None:
                self._answer = from_words(reply.text, self.options)
                self._emit_answer()
            if self._answer is not None:
                return "answered", spent or ""

    def _call_model(self) -> Reply:
        turn = self._meter.turns + 1
        began = time.monotonic()
        reply = self.model.complete(
            self._messages,
            lambda text: self._emit(ev.ReplyDelta(at=self._at(), turn=turn, text=text)),
        )
        self._meter.turns = turn
        self._meter.add(reply.usage)
        self._messages.append(Message("assistant", (reply.text,)))
        self._emit(
            ev.ModelReplied(
                at=self._at(),
                turn=turn,
                text=reply.text,
                reasoning=reply.reasoning,
                seconds=time.monotonic() - began,
                input_tokens=reply.usage.input_tokens,
                output_tokens=reply.usage.output_tokens,
                usd=reply.usage.usd,
            )
        )
        return reply

    def _run_reply(self, reply: Reply, sandbox: Sandbox) -> str | None:
        """Run the reply's code and observe; returns the kind of failure, or ``None``."""
        code = extract_code(reply.text)
        if code is None:
            return self._observe(None, "no_code")
        self._emit(ev.CellStarted(at=self._at(), turn=self._meter.turns, code=code))
        outcome = sandbox.run(code)
        if self._answer is not None:
            self._observe(outcome, None)
            self._emit_answer()
            return None
        failure = "killed" if outcome.restarted else "timed_out" if outcome.timed_out else None
        return self._observe(outcome, failure or ("error" if outcome.error else None))

    def _observe(self, outcome: Outcome | None, failure: Any) -> str | None:
        pictures, self._pending = tuple(self._pending), []
        frames, self._frames_pending = self._frames_pending, 0
        self._meter.frames += frames
        text = render(
            "turn",
            problem=failure,
            stdout=cut_output(outcome.stdout + outcome.stderr) if outcome else "",
            error=str(outcome.error) if outcome and outcome.error else "",
            pictures=len(pictures),
            answered=self._answer is not None,
        )
        parts: list[str | Picture] = [text] if text else []
        for picture in pictures:
            parts += [f"[{picture.label}]", picture]
        parts.append(f"[turn {self._meter.turns} done; left: {self._meter.left()}]")
        message = Message("user", tuple(parts))
        self._messages.append(message)
        self._emit(
            ev.Observed(
                at=self._at(),
                turn=self._meter.turns,
                parts=self._filed(message),
                frames=frames,
                failure=failure,
                seconds=outcome.seconds if outcome else 0.0,
                host_seconds=outcome.host_seconds if outcome else 0.0,
            )
        )
        return None if failure is None else str(failure)

    # ---- what tools reach: pictures, sub-questions, the answer

    def _show(self, rgb: NDArray[np.uint8], label: str, frames: int) -> None:
        picture = Picture(_jpeg(rgb), label)
        if picture in self._pending:
            return  # the same frame twice in one observation tells the model nothing
        if len(self._pending) >= MAX_PICTURES:
            raise ValueError(
                f"at most {MAX_PICTURES} pictures a turn; look at fewer, or use contact_sheet()"
            )
        self._pending.append(picture)
        self._frames_pending += frames

    def _ask(self, prompt: str, images: Sequence[tuple[str, NDArray[np.uint8]]]) -> str:
        spent = self._meter.exhausted()
        if spent is not None:
            raise RuntimeError(f"the budget is spent ({spent}); call answer() now")
        if len(images) > MAX_PICTURES:
            raise ValueError(f"at most {MAX_PICTURES} pictures a sub-question, not {len(images)}")
        parts: list[str | Picture] = [render("subcall", prompt=prompt)]
        for label, rgb in images:
            parts += [f"[{label}]", Picture(_jpeg(rgb), label)]
        message = Message("user", tuple(parts))
        began = time.monotonic()
        reply = self.model.complete([message])
        self._meter.add(reply.usage)
        self._meter.frames += len(images)
        self._emit(
            ev.ToolModelUsed(
                at=self._at(),
                turn=self._meter.turns,
                prompt=prompt,
                images=tuple(part for part in self._filed(message) if isinstance(part, ev.Image)),
                reply=reply.text,
                seconds=time.monotonic() - began,
                input_tokens=reply.usage.input_tokens,
                output_tokens=reply.usage.output_tokens,
                usd=reply.usage.usd,
            )
        )
        return reply.text

    def _submit(self, value: object, evidence: object, confidence: object) -> NoReturn:
        duration = self.index.video.span.end
        self._answer = read_answer(value, evidence, confidence, self.options, duration)
        raise StopCell

    # ---- events

    def _begin(self) -> None:
        video, index = self.index.video, self.index
        width, height = video.size
        self._emit(
            ev.SessionStarted(
                at=0.0,
                videorlm=__version__,
                started=datetime.now(UTC).isoformat(timespec="seconds"),
                question=self.question,
                options=tuple(self.options),
                video=ev.VideoInfo(
                    path=self.path_shown or video.path.name,
                    sha256=video.sha256,
                    duration=video.span.end,
                    width=width,
                    height=height,
                    frame_rate=float(video.frame_rate),
                ),
                model=self.model.name,
                preset=index.preset,
                index_key=index.key,
                sandbox_level=self._sandbox_level,
                limits=self.budget.as_dict(),
                prompt_sha256=prompts_sha256(),
            )
        )
        self._say("system", render("system", tools=describe(TOOLS), budget=self._meter.left()))
        facts = {
            "name": video.path.name,
            "duration": video.span.end,
            "width": width,
            "height": height,
            "frame_rate": float(video.frame_rate),
            "scenes": len(index.scenes()),
            "windows": len(index.windows),
            "window_seconds": max(span.duration for span in index.windows),
        }
        options = options_for_prompt(self.options)
        text = render(
            "question",
            video=facts,
            preset=index.preset,
            text_search=index.text_space is not None,
            question=self.question,
            options=options,
        )
        self._say("user", text)

    def _say(self, role: Any, text: str) -> None:
        message = Message(role, (text,))
        self._messages.append(message)
        self._emit(ev.Prompted(at=self._at(), role=role, parts=self._filed(message)))

    def _emit_answer(self) -> None:
        answer = self._answer
        assert answer is not None
        self._emit(
            ev.Answered(
                at=self._at(),
                turn=self._meter.turns,
                answer=answer.text,
                choice=answer.choice,
                evidence=tuple((span.start, span.end) for span in answer.evidence),
                confidence=answer.confidence,
                best_effort=answer.best_effort,
            )
        )

    def _end(self, status: Any, reason: str) -> None:
        meter = self._meter
        self._emit(
            ev.SessionEnded(
                at=self._at(),
                status=status,
                reason=reason,
                turns=meter.turns,
                frames=meter.frames,
                tokens=meter.tokens,
                usd=meter.usd,
            )
        )

    def _filed(self, message: Message) -> tuple[ev.Part, ...]:
        """The parts of a message as events name them, with every picture stored first."""
        parts: list[ev.Part] = []
        for part in message.parts:
            if isinstance(part, Picture):
                self.store(part.sha256, part.jpeg)
                parts.append(ev.Image(sha256=part.sha256, label=part.label))
            else:
                parts.append(ev.Text(text=part))
        return tuple(parts)

    def _emit(self, event: ev.Event) -> None:
        for sink in self.sinks:
            sink(event)

    def _at(self) -> float:
        return time.monotonic() - self._began


def check_question(question: str, options: Sequence[str]) -> None:
    """Raise ``UsageError`` for a question or options that cannot be answered."""
    if not question.strip():
        raise UsageError("the question is empty; ask it in quotes after the video")
    if len(options) == 1:
        raise UsageError("one option is no choice; give --option at least twice, or not at all")
    if len(options) > 26:
        raise UsageError(f"at most 26 options can be lettered, not {len(options)}")
    plain = [" ".join(option.split()).lower() for option in options]
    if "" in plain:
        raise UsageError("an option is empty; give each --option some text")
    if len(set(plain)) < len(plain):
        raise UsageError("two options say the same; give each --option its own text")


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    from rlm.video import encode_jpeg, fit_within

    return encode_jpeg(fit_within(rgb, MAX_SIDE))
