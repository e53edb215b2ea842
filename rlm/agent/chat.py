"""A chat about one video: one session, asked again and again, and one transcript.

The session and its jail begin with the first question. Going back, and going on with an earlier
chat, is running that again as it was recorded (``rerun.py``): replies come from the recording, code
runs for real, so that its variables are there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.choose import Choice
from rlm.agent.control import Control
from rlm.agent.indexing import open_index
from rlm.agent.llm import Picture
from rlm.agent.make_models import make_models
from rlm.agent.models import Models
from rlm.agent.place import Result
from rlm.agent.preparing import Prepared
from rlm.agent.question import check_price, check_question
from rlm.agent.record import Store, in_all
from rlm.agent.recorded import RecordedModels, Recording
from rlm.agent.rerun import index_opener, recorded_budget, reliving, shown_with
from rlm.agent.session import Jail, Session, default_jail
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.errors import JailError, LanguageModelError, ReplayMismatch, UsageError
from rlm.spans import Span
from sandbox import SandboxError

if TYPE_CHECKING:
    from rlm.index import VideoIndex

CELLS = 9
"""Newest cells that are kept to be shown."""
# Run by itself, so that nothing of it is left among the variables it tells of.
_VARIABLES = """
for name, value in here.items():
    if name in names and type(value).__name__ not in ("function", "module", "type"):
        told = type(value).__name__
        try:
            if hasattr(value, "dtype") and hasattr(value, "shape"):
                told += f" {value.shape} {value.dtype}" if value.shape else f" {value!s:.60}"
            elif isinstance(value, (list, tuple, dict, set)):
                told += f" of {len(value)}"
            elif isinstance(value, (int, float, str, bool, type(None))):
                told += f" {value!r:.60}"
        except Exception:
            pass
        print(f"{name}: {told}")
"""


class Spent(NamedTuple):
    """What a chat had taken at some moment; ``None`` is unknown."""

    turns: int = 0
    frames: int = 0
    tokens: int | None = 0
    usd: float | None = 0.0


class Chat:
    """Asks one question after the other about ``index.video``; close it at the end.

    ``sinks`` and ``store`` are as in :class:`Session`; the transcript is written beside them.
    Events of what is gone through again go to ``again`` instead of ``sinks``. Questions are asked
    on one thread, the rest may be called on another.
    """

    def __init__(
        self,
        ready: Prepared,
        index: VideoIndex,
        *,
        sinks: Sequence[ev.Sink] = (),
        again: Sequence[ev.Sink] = (),
        store: Store = lambda sha256, jpeg: None,
        jail: Jail = default_jail,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.index = index
        self.models = ready.models
        self.budget = ready.budget
        self.control = Control()
        self.session: Session | None = None
        self.before = Spent()
        """What had been taken when the newest question began, or went on by itself."""
        self.last: tuple[str, Sequence[str]] | None = None
        self.cells: deque[tuple[int, str]] = deque(maxlen=CELLS)
        self._ready = ready
        self._sinks, self._again = tuple(sinks), tuple(again)
        self._store, self._jail, self._notify = store, jail, notify
        self._recording: Recording | None = None
        self._stack = ExitStack()
        self._writer: TranscriptWriter | None = None
        self._replied = False
        self._names: tuple[str, ...] = ()
        self._noted: list[tuple[str, Span | None]] = []

    @property
    def transcript(self) -> Path | None:
        """The folder of the transcript, once there is something in it."""
        return self._writer.path if self._writer is not None and self._replied else None

    def ask(
        self, question: str, options: Sequence[str] = (), shown: Sequence[Picture] = ()
    ) -> Result:
        """Ask a question, with pictures to look at.

        Raises what ``Session`` does, and ``JailError`` where there is no jail.
        """
        check_question(question, options)
        self.last = question, options
        self._remember()
        try:
            if self.session is not None:
                return self.session.ask(question, options, shown)
            session = self._begin(question, options, shown)
            return session.answer()
        except SandboxError as error:
            raise JailError(str(error)) from error

    def close(self) -> None:
        """End the session; a chat in which no model replied leaves no transcript."""
        self._stack.close()
        self.session, self._recording, self.before = None, None, Spent()
        if self._writer is not None and not self._replied:
            self._writer.discard()

    # ---- what is known beside the conversation

    def variables(self) -> str:
        """The variables of the Python session, a line each: type, shape or length, value."""
        if self.session is None:
            return ""
        names = set(self.session.look("").names)
        scope = f"{{'here': dict(globals()), 'names': {names!r}}}"
        return self.session.look(f"exec({_VARIABLES!r}, {scope})").stdout.rstrip()

    def note(self, fact: str, span: Span | None) -> None:
        """Have the model know a fact from the next question on."""
        if self.session is None:
            self._noted.append((fact, span))
        else:
            self.session.note(fact, span)

    # ---- changes

    def change_limits(self, **limits: float | None) -> None:
        """Have other limits; raises ``UsageError`` for one that makes no sense."""
        budget = replace(self.budget, **limits)  # type: ignore[arg-type]
        check_price(self.models, budget)
        if self.session is not None:
            self.session.change_limits(**limits)
        self.budget = budget

    def change_model(self, name: str) -> None:
        """Have the model ``name`` answer from now on; raises what making it raises."""
        endpoint = self._ready.endpoint
        models = make_models(Choice(name, ""), endpoint, self._ready.config, self._notify)
        check_price(models, self.budget)
        if self.session is not None:
            self.session.change_models(models)
        self.models = models

    def build(self, tier: int, progress: Callable[[str, float, float], None]) -> VideoIndex:
        """The index of another tier, found or built; :meth:`use` it.

        Raises what ``progress`` raises, by which the building is ended.
        """
        found, _ = open_index(
            self.index.video,
            self.index.preset,
            tier=tier,
            cache=self._ready.config.cache,
            progress=progress,
        )
        return found

    def use(self, index: VideoIndex) -> None:
        """Look at the video through another index of it."""
        if self.session is not None:
            self.session.change_index(index)
        self.index = index

    # ---- going back, and on

    def go_back(self, turn: int) -> Result | None:
        """Begin anew after ``turn`` of this chat, as :meth:`resume` does.

        Raises ``UsageError`` for a turn that was not.
        """
        path = self.transcript
        turns = self.session.meter.turns if self.session is not None else 0
        if path is None or not 1 <= turn <= turns:
            raise UsageError(f"there is no turn {turn} to go back to; turns so far: {turns}")
        self.close()
        return self.resume(Transcript.load(path), turn)

    def resume(self, transcript: Transcript, turn: int | None = None) -> Result | None:
        """Go on with a chat where it stopped, or after ``turn``, as a new transcript.

        Where ``turn`` is in the middle of a question, that goes on by itself, and its result is
        returned. Raises ``UsageError`` for a chat about another video.
        """
        header = transcript.header
        if header.video.sha256 != self.index.video.sha256:
            raise UsageError(f"that chat is about another video, {header.video.name}")
        models = RecordedModels.of(transcript, until=turn, live=self.models)
        recording, wanted, earlier = models.recording, self.budget, recorded_budget(transcript)
        shown = shown_with(transcript, recording, 0)
        self._notify("going through the chat again, to have its variables back ...")
        self._recording, self.budget, self.control = recording, earlier, recording.control
        source = {"forked_from": transcript.path.name, "forked_turn": turn or 0}
        try:
            session = self._session(
                header.question, header.options, shown, models, source, [recording]
            )
            opener = index_opener(transcript, self.index, self._ready.config)
            recording.control.attend(session, opener, partial(self._settle, wanted))
            self._open(session)
            result = _relived(session, transcript, recording)
        except BaseException as error:
            if recording.gone_live:
                raise
            if not isinstance(error, LanguageModelError | ReplayMismatch):
                self.close()  # half of a chat is none to go on with
                self.budget, self.control = wanted, Control()
                self._notify(f"the chat begins anew; the earlier one is kept: {transcript.path}")
                if isinstance(error, SandboxError):
                    raise JailError(str(error)) from error
                raise
            cut = isinstance(error, ReplayMismatch) and recording.told[""].broke_off
            why = "the chat broke off there" if cut else error
            self._notify(f"the last question was not answered: {why}")
            result = None
        if recording.gone_live:
            return result
        recording.go_live()
        self._settle(wanted)
        return None

    # ----

    def _begin(self, question: str, options: Sequence[str], shown: Sequence[Picture]) -> Session:
        try:
            session = self._session(question, options, shown, self.models, {}, [])
            self._open(session)
        except BaseException:
            self.close()
            raise
        for fact, span in self._noted:
            session.note(fact, span)
            where = "" if span is None else f" ({span})"
            self.control.steer(f"Known beforehand: {fact}{where}")
        self._noted.clear()
        return session

    def _open(self, session: Session) -> None:
        self._stack.enter_context(session.open())
        self.session = session

    def _session(
        self,
        question: str,
        options: Sequence[str],
        shown: Sequence[Picture],
        models: Models,
        source: dict[str, object],
        first: Sequence[ev.Sink],
    ) -> Session:
        to = TranscriptWriter(self._ready.parent, question, unseen=self._recording is not None)
        writer = self._stack.enter_context(to)
        self._writer, self._replied = writer, False

        def note(event: ev.Event) -> None:
            if isinstance(event, ev.SessionStarted) and source:
                event = event.model_copy(update=source)
            again = self._recording is not None and not self._recording.gone_live
            self._note(event, again)
            writer(event)
            for sink in self._again if again else self._sinks:
                sink(event)

        return Session(
            self.index,
            models,
            question,
            options,
            self.budget,
            sinks=(*first, note),
            store=in_all(writer.media, self._store),
            jail=self._jail,
            shown=shown,
            control=self.control,
            calibrator=self._ready.calibrator,
        )

    def _settle(self, budget: Budget) -> None:
        """Take over a session that was run again: what comes now is live, within ``budget``."""
        session = self.session
        assert session is not None and self._writer is not None
        self._writer.publish()
        self._replied = session.meter.turns > 0
        self._remember()
        self.last = session.question, session.options
        if session.budget != budget:
            session.change_limits(**asdict(budget))
        self.budget, self.index = budget, session.index

    def _remember(self) -> None:
        if self.session is not None:
            meter = self.session.meter
            self.before = Spent(meter.turns, meter.frames, meter.tokens, meter.usd)

    def _note(self, event: ev.Event, again: bool) -> None:
        if event.session:
            return
        if isinstance(event, ev.ModelReplied | ev.Interrupted):
            self._replied |= not again  # a copy that is not whole yet is none to go on with
        elif isinstance(event, ev.CellStarted):
            self.cells.append((event.turn, event.code))


def _relived(session: Session, transcript: Transcript, recording: Recording) -> Result | None:
    """Ask again what ``recording`` has of a chat; how the last one ended."""
    result: Result | None = None
    for step in reliving(session, transcript, recording):
        result = step()
        if recording.control.given_up:
            raise UsageError("going through the chat again was interrupted")
        if recording.exhausted:
            break
    return result
