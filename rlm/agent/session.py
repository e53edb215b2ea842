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

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rlm.agent import events as ev
from rlm.agent import opening
from rlm.agent.answer import from_words
from rlm.agent.budget import Budget, BudgetSpent, Meter
from rlm.agent.calibrator import Calibrator
from rlm.agent.compaction import compact, text_space
from rlm.agent.control import Control
from rlm.agent.conversation import Conversation
from rlm.agent.failing import Failure, stuck
from rlm.agent.host import SessionHost
from rlm.agent.llm import LanguageModel, Picture
from rlm.agent.models import Models
from rlm.agent.place import Place, Result
from rlm.agent.prompting import extract_code, render, without_code
from rlm.agent.question import check_price, check_question
from rlm.agent.record import Record
from rlm.agent.steps import Steps
from rlm.agent.trace import traced
from rlm.errors import ConversationTooLong
from rlm.spans import Span
from rlm.tools import RECORDS, TOOLS, SubAnswer, SubQuestion, Tool, ToolContext, VideoFacts, bind
from rlm.tools.pixels import sources
from rlm.tools.video_info import video_info
from sandbox import Outcome, Sandbox, concurrent

if TYPE_CHECKING:
    from rlm.index import VideoIndex

ENDED = "interrupted", "ended by the person who asked"
_AT_ONCE = frozenset({"answer", "history", "note", "show"})
"""Tools that are done before anybody could interrupt them."""

Jail = Callable[[Mapping[str, Tool], Sequence[type]], Sandbox]


def default_jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
    """The strongest jail this machine has."""
    return Sandbox(functions, records=tuple(records), preamble=sources())


@dataclass
class Session:
    """Asks ``question`` about ``index.video``: :meth:`run` it, or :meth:`open` it for more of them.

    ``options`` are the choices of a multiple-choice question, or empty. ``sinks`` see every event;
    ``store`` files each picture under its hash before the event that names it. ``part`` is all that
    may be looked at, by default the whole video, and ``tools`` what may be called. ``place`` is set
    for sub-sessions, whose budget and events are their parent's, and by callers that watch the
    meter; it then stands for ``sinks``, ``store`` and ``part``. ``shown`` are pictures that go with
    the question; by ``control`` a person, on another thread, acts on the session while it runs.
    ``calibrator`` says what the answer's confidence stands for.

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
    shown: Sequence[Picture] = ()
    control: Control = field(default_factory=Control)
    part: Span | None = None
    tools: Sequence[Tool] = TOOLS
    calibrator: Calibrator | None = None

    def __post_init__(self) -> None:
        check_question(self.question, self.options)
        check_price(self.models, self.budget)
        self._place = self.place or Place(
            Record(self.sinks, self.store),
            Meter(self.budget, clock=self.control.clock),
            self.part,
        )
        self._record, self._meter = self._place.record, self._place.meter
        self._part = self._place.part
        self._conversation = Conversation()
        self._sandbox: Sandbox
        self._ended = "failed", "stopped by an unexpected error"
        self._host = SessionHost(
            self._record, self._meter, self.models, self._conversation, self.options,
            self._part or self.index.video.span, self._explore,
            lambda number: self._sandbox.prepare(number), self.control,
        )  # fmt: skip
        self._steps = Steps(
            self._record, self._meter, self._conversation, self._host, self.control,
            self.calibrator, self._place.cuts,
        )  # fmt: skip
        self._context = ToolContext(self.index.video, self.index, self._host, self._part)

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
        path, saw = self.index.video.path, self._host.looked.add
        tools = {
            name: traced(tool, self._record, self._turn, path, saw)
            for name, tool in bind(self.tools, self._context).items()
        }
        for name in tools.keys() - _AT_ONCE:  # on threads of their own, so that they can be left
            concurrent(tools[name])
        with closing(self.jail(tools, RECORDS)) as sandbox:
            self._sandbox = sandbox
            if self.place is None:
                sandbox.start()  # a sub-session's starts while its model thinks
            try:
                self._begin(video_info(self._context), sandbox.limits.cell_seconds)
                yield self
            finally:
                self._end()

    def ask(
        self, question: str, options: Sequence[str] = (), shown: Sequence[Picture] = ()
    ) -> Result:
        """Ask another question; variables, notes and all that was said are still there.

        The limits on turns and seconds are for this question alone, the others for all together.
        Raises what :meth:`run` does, and ``UsageError`` for what cannot be asked.
        """
        check_question(question, options)
        status, reason = self._ended
        self.question, self.options = question, options
        self._host.begin(options)
        self._meter.begin()
        self.control.begin()
        answered = status == "answered"
        self._record.emit(
            ev.QuestionAsked,
            turn=self._meter.turns,
            question=question,
            options=tuple(options),
            unanswered="" if answered else status,
            reason="" if answered else reason,
        )
        notes = self._conversation.noted()
        words = opening.next_question(question, options, notes, self._meter.left())
        said = self._conversation.said
        self._steps.say("user", said, words, *opening.pictures(shown))
        self._meter.add_frames(len(shown))
        self._conversation.asked = said[-1]
        return self.answer()

    def answer(self) -> Result:
        """Answer the question that was asked last; see :meth:`run`.

        Where a person ends it by ``control.kill()``, the status is ``interrupted``.
        """
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

    # ---- beside the conversation

    @property
    def meter(self) -> Meter:
        """What was spent so far, and against which limits."""
        return self._meter

    @property
    def context(self) -> tuple[int, int | None]:
        """About how many tokens the model would read next, and how many it can, if known."""
        return self._conversation.tokens(), self._model.limits.context_tokens

    def note(self, fact: str, span: Span | None = None) -> None:
        """Note a fact as the model's code does."""
        self._host.note(fact, span)

    def look(self, source: str) -> Outcome:
        """Run code between two steps that neither the model nor the transcript hears of.

        Raises ``SandboxError`` while a cell runs.
        """
        return self._sandbox.run(source)

    # ---- changes, from any thread

    def change_limits(self, **limits: float | None) -> None:
        """Have other limits from now on, named as in ``Budget``; ``None`` is no limit.

        Raises ``UsageError`` for a limit that makes no sense or cannot be kept.
        """
        budget = replace(self.budget, **limits)  # type: ignore[arg-type]
        check_price(self.models, budget)
        self.budget = budget
        self._meter.change(budget)
        self._record.emit(ev.LimitsChanged, turn=self._meter.turns, limits=budget.as_dict())

    def change_models(self, models: Models) -> None:
        """Have other models from the next call on.

        Raises ``UsageError`` where there is a cap in dollars and no price.
        """
        check_price(models, self.budget)
        self.models = self._host.models = models
        same = self.calibrator is not None and self.calibrator.model == models.main.name
        self._steps.calibrator = self.calibrator if same else None
        about = opening.models_header(models)
        self._record.emit(ev.ModelChanged, turn=self._meter.turns, **about)

    def change_index(self, index: VideoIndex) -> None:
        """Have the tools work on another index of the same video from their next call on.

        Raises ``ValueError`` for that of another video.
        """
        if index.video.sha256 != self.index.video.sha256:
            raise ValueError("the index is of another video")
        self.index = self._context.index = index
        self._record.emit(
            ev.IndexChanged, turn=self._meter.turns, preset=index.preset, index_key=index.key,
            tier=index.tier,
        )  # fmt: skip

    # ---- the loop

    def _loop(self, sandbox: Sandbox) -> tuple[str, str]:
        failures: list[Failure | None] = []
        while True:
            if not self._steps.heed(sandbox):
                return ENDED
            if self.control.stopped:
                return self._wrap_up(self.control.stopped, sandbox)
            self._compact()
            spent = self._meter.exhausted(self._conversation.tokens()) or stuck(failures)
            if spent is not None:
                return self._wrap_up(spent, sandbox)
            try:
                reply = self._steps.call_model(self._model)
            except BudgetSpent as error:  # by sub-sessions beside this one, in the meantime
                return self._wrap_up(str(error), sandbox)
            except ConversationTooLong as error:
                # What was printed still fits more often than not; the pictures are what is large.
                self._conversation.drop_pictures()
                return self._wrap_up(str(error), sandbox)
            if reply is None:
                continue
            failures.append(self._steps.run_reply(reply, sandbox))
            if self._host.answer is not None:
                return "answered", ""

    def _wrap_up(self, reason: str, sandbox: Sandbox) -> tuple[str, str]:
        """One last call, from which the best answer to be had is taken."""
        self._host.wrapping_up = True
        asked = not self._record.session and self.control.take_stop() is not None
        words = render("wrap_up", reason=reason, options=self.options, asked=asked)
        self._steps.say("user", self._conversation.said, words)
        try:
            while (reply := self._steps.call_model(self._model, last=True)) is None:
                if not self._steps.heed(sandbox):
                    return ENDED
        except BudgetSpent as error:  # a sub-session's, with no more left than its parent needs
            return "no_answer", str(error)
        if extract_code(reply.text) is not None and not reply.cut:
            self._steps.run_reply(reply, sandbox)
        if self._host.answer is None:
            self._host.answer = from_words(without_code(reply.text), self.options)
            if self._host.answer is None:
                return "no_answer", f"{reason}; the last reply held no answer"
            self._steps.tell_answer()
        return "answered", reason

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
        if self._steps.is_cut:  # while it waited for its turn
            raise RuntimeError("interrupted by the person who asked")
        child = Session(
            index=self.index,
            models=self.models,
            question=asked.question,
            options=asked.options,
            budget=meter.budget,
            jail=self._sandbox.sibling,
            place=self._place.below(number, meter, asked.span, self._steps.cuts),
            control=self.control,
            tools=self.tools,
        )
        return child.run().as_sub_answer()

    # ---- events

    def _begin(self, facts: VideoFacts, cell_seconds: float) -> None:
        if self.place is None:
            header = opening.header(self.index, facts, self.models, self._sandbox.level)
            part = self._part and (self._part.start, self._part.end)
            self._record.emit(ev.SessionStarted, **header, span=part, **self._asked())
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
        tools = tuple(self.tools)
        system = opening.system(self.budget.depth, cell_seconds, tools)
        question = opening.question(
            self.question, self.options, facts, self._part, self.index.preset, self._meter.left(),
            tools=tools, alone=self.place is None,
        )  # fmt: skip
        self._steps.say("system", self._conversation.opening, system)
        self._steps.say("user", self._conversation.opening, question, *opening.pictures(self.shown))
        self._meter.add_frames(len(self.shown))

    def _asked(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "options": tuple(self.options),
            "limits": self.budget.as_dict(),
        }

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
