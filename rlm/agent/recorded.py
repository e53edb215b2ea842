"""The models of a recorded run: they say again what they said, to whom they said it.

A rerun has its sub-sessions and sub-questions in another order when several are under way at once,
so neither is found by number: a sub-session is known by what it was asked about which span, a
sub-question by its words and pictures.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

from rlm.agent import events as ev
from rlm.agent.llm import LanguageModel, Message, ModelLimits, Reply, Usage
from rlm.agent.models import Models
from rlm.agent.prompting import extract_code, is_wrap_up, render, was_asked_for
from rlm.agent.recorded_control import RecordedControl
from rlm.agent.transcript import Transcript
from rlm.errors import ConversationTooLong, LanguageModelError, ReplayMismatch

CLOSE = 1e-3
"""How far, relative to them, spans and other numbers may be off and still be the same."""


Act = ev.Prompted | ev.Interrupted | ev.LimitsChanged | ev.IndexChanged | ev.QuestionAsked
"""What a person did, in the order of which it is done again."""


@dataclass
class Told:
    """One session of a recording.

    ``wrapped`` is how many replies came before each order to wrap up, ``stopped`` those of them
    that a person gave. ``answer`` is that to the last question, which was asked after ``before``
    replies; ``earlier`` are those to the ones before it, ``None`` where there was none. ``shown``
    are the pictures that came with each question, ``acts`` what a person did, by how many replies
    came before it, and ``cut_cells`` what was cut short, by the turn whose cell it was.
    ``replies``, ``asked`` and the rest are its events in order.
    """

    session: str = ""
    started: ev.SubSessionStarted | None = None
    replies: list[ev.ModelReplied] = field(default_factory=list)
    asked: list[ev.ToolModelUsed] = field(default_factory=list)
    observed: dict[int, ev.Observed] = field(default_factory=dict)
    questions: list[ev.QuestionAsked] = field(default_factory=list)
    answer: ev.Answered | None = None
    earlier: list[ev.Answered | None] = field(default_factory=list)
    end: ev.SessionEnded | None = None
    prompts: int = 0
    wrapped: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    before: int = 0
    shown: list[tuple[ev.Image, ...]] = field(default_factory=list)
    acts: dict[int, list[Act]] = field(default_factory=dict)
    cut_cells: dict[int, str] = field(default_factory=dict)

    def add(self, event: ev.Event) -> None:
        """Take in the next event of this session."""
        match event:
            case ev.SubSessionStarted():
                self.started = event
            case ev.Prompted():
                self.prompts += 1
                if self.prompts == 2:
                    images = (part for part in event.parts if isinstance(part, ev.Image))
                    self.shown.append(tuple(images))
                if self.prompts > 2:  # the first two are the system prompt and the question
                    self._prompted(event)
            case ev.Interrupted() if event.what != "reply":
                if event.turn not in self.observed:  # else nothing ran when its worker was ended
                    self.cut_cells[event.turn] = event.what
            case ev.Interrupted() | ev.LimitsChanged() | ev.IndexChanged():
                self._act(event)
            case ev.QuestionAsked():
                self._act(event)
                self.before = len(self.replies)
                self.prompts = 1  # its own is the next one
                self.questions.append(event)
                self.earlier.append(self.answer)
                self.answer = None
            case ev.ModelReplied():
                self.replies.append(event)
            case ev.ToolModelUsed():
                self.asked.append(event)
            case ev.Observed():
                self.observed[event.turn] = event
            case ev.Answered():
                self.answer = event
            case ev.SessionEnded():
                self.end = event
            case _:
                pass

    def _prompted(self, event: ev.Prompted) -> None:
        first, *words = event.parts
        if isinstance(first, ev.Text) and is_wrap_up(first.text):
            self.wrapped.add(len(self.replies))
            if was_asked_for(first.text):
                self.stopped.add(len(self.replies))
        elif words:  # a person's; what the session adds by itself it will add again
            self._act(event)

    def _act(self, event: Act) -> None:
        self.acts.setdefault(len(self.replies), []).append(event)

    @property
    def broke_off(self) -> bool:
        """Whether it was killed or interrupted, so that nothing is known of what came next."""
        return self.end is None or self.end.status == "interrupted"

    def was_cut(self, reply: ev.ModelReplied) -> bool:
        """Whether the model had reached the length it may write: then its code was not run."""
        if reply.turn in self.observed:
            return self.observed[reply.turn].failure == "cut"
        # Only the wrap-up is not told so.
        return extract_code(reply.text) is not None and not self.broke_off


def sessions_of(events: Sequence[ev.Event]) -> dict[str, Told]:
    """The sessions of a run by their place in its tree, in the order they began."""
    found: dict[str, Told] = {}
    for event in events:
        found.setdefault(event.session, Told(event.session)).add(event)
    return found


class Recording:
    """What was recorded, given out piece by piece; a sink of the run that asks for it again.

    ``places`` says which recorded session each session of this run is. With ``until``, only that
    many replies of the first session are given out; from then on ``live`` models speak, as
    ``gone_live`` and ``live_replies`` tell. ``control`` is for the run, and does to it what the
    person did then.
    """

    def __init__(
        self, transcript: Transcript, until: int | None = None, live: Models | None = None
    ) -> None:
        self.header = transcript.header
        self.told = sessions_of(transcript.events)
        self.places = {"": ""}
        self.live = live
        self.gone_live = False
        self.live_replies = 0
        self.control = RecordedControl(self)
        self._until = until
        self._given = dict.fromkeys(self.told, 0)
        self._left = {name: list(told.asked) for name, told in self.told.items()}
        self._now: dict[str, Told] = {}
        self._acts = {number: list(acts) for number, acts in self.told[""].acts.items()}
        self._lock = threading.Lock()  # sub-sessions ask side by side

    @property
    def names(self) -> list[str]:
        """The models that are known to have been there."""
        below = [t.started.model for t in self.told.values() if t.started is not None]
        return list(
            dict.fromkeys(
                name for name in (self.header.model, self.header.sub_model, *below) if name
            )
        )

    def picture_side(self, session: str) -> int:
        """The longest side of the pictures that a session of this run was sent."""
        told = self.told.get(self.places.get(session, ""))
        started = told.started if told is not None else None
        return self.header.picture_side if started is None else started.picture_side

    def __call__(self, event: ev.Event) -> None:
        """Follow the run that is asking: which sub-session is which, who wraps up."""
        with self._lock:
            self._now.setdefault(event.session, Told(event.session)).add(event)
            self.live_replies += self.gone_live and isinstance(event, ev.ModelReplied)
            if not event.session and not self.gone_live:
                self.control.follow(event, self.told[""])
            if isinstance(event, ev.SubSessionStarted) and not self.gone_live:
                place = self._place(event)
                if place is not None:
                    self.places[event.session] = place

    def go_live(self) -> None:
        """Nothing more of it is to be given out."""
        with self._lock:
            self.gone_live = True

    @property
    def exhausted(self) -> bool:
        """Whether no reply of the first session is left to be given out."""
        given = self._given[""]
        return given == self._until or given == len(self.told[""].replies)

    @property
    def ends_here(self) -> bool:
        """Whether the next reply of the first session is the first that a live model gives."""
        with self._lock:
            return self.live is not None and not self.gone_live and self._given[""] == self._until

    def next_act(self) -> Act | None:
        """What the person did next, if that was before the next reply."""
        with self._lock:
            return next(iter(self._now_acts()), None)

    @property
    def stops(self) -> bool:
        """Whether the person asks for the answer now."""
        with self._lock:
            given = self._given[""]
            begun = "" in self._now and given in self._now[""].wrapped
            here = given in self.told[""].stopped and given != self._until
            return here and not (begun or self.gone_live or self._now_acts())

    def done(self, act: Act) -> None:
        """``act`` has been done again."""
        with self._lock:
            self._now_acts().remove(act)

    def _now_acts(self) -> list[Act]:
        given = self._given[""]
        return [] if self.gone_live or given == self._until else self._acts.get(given, [])

    def reply(self, session: str) -> Reply | None:
        """The next recorded reply of a session of this run; ``None`` where it is live.

        Raises ``ReplayMismatch`` when there is none, and what the model raised where it did.
        """
        with self._lock:
            if self._is_live(session):
                return None
            place = self.places.get(session)
            if place is None:
                raise ReplayMismatch(f"sub-session {session} was not recorded: nothing to say")
            told, given = self.told[place], self._given[place]
            wraps_up = session in self._now and given in self._now[session].wrapped
            # A fork may have more room; what came before the last question is as it was.
            as_then = self.live is None or given < told.before
            if as_then and given in told.wrapped and not wraps_up:
                # Whatever brought it to an end here, such as the clock or what a model can read.
                raise ConversationTooLong(told.end.reason if told.end else "it wrapped up here")
            if given >= len(told.replies):
                if told.end is not None and told.end.status == "failed":
                    raise LanguageModelError(told.end.reason)
                who = f"sub-session {place}" if place else "the run"
                raise ReplayMismatch(f"{who} has {given} recorded replies, and is asked for more")
            event = told.replies[given]
            self._given[place] += 1
            return Reply(event.text, _usage(event), event.reasoning, told.was_cut(event))

    def sub_reply(self, session: str, messages: Sequence[Message]) -> Reply | None:
        """The recorded reply to a sub-question; ``None`` where the run is live.

        Raises as :meth:`reply` does.
        """
        with self._lock:
            if self.gone_live:
                return None
            left = self._left.get(self.places.get(session, "?"), [])
            words = messages[0].parts[0]
            same = [event for event in left if render("subcall", prompt=event.prompt) == words]
            if not same:
                raise ReplayMismatch("this sub-question was not recorded, or not so often")
            pictures = messages[0].pictures
            # The same words about other pictures are another question.
            labels = [picture.label for picture in pictures]
            hashes = [picture.sha256 for picture in pictures]
            event = next(
                (e for e in same if [i.sha256 for i in e.images] == hashes),
                next((e for e in same if [i.label for i in e.images] == labels), same[0]),
            )
            left.remove(event)
        if event.error:
            raise LanguageModelError(event.error)
        return Reply(event.reply, _usage(event))

    def _is_live(self, session: str) -> bool:
        if self.live is not None and not session and self._given[""] == self._until:
            self.gone_live = True
        return self.gone_live

    def _place(self, event: ev.SubSessionStarted) -> str | None:
        """The recorded session that this one is, which is then taken."""
        above = self.places.get(_above(event.session))
        taken = set(self.places.values())
        # Those of votes are all alike, as are questions asked twice: then numbers tell.
        for name, told in sorted(self.told.items(), key=lambda item: item[0] != event.session):
            if name and name not in taken and _above(name) == above and _same(told.started, event):
                return name
        return None


@dataclass(frozen=True)
class _Voice:
    """A model as a session of the run meets it; ``sub`` for its sub-questions."""

    recording: Recording
    session: str
    sub: bool = False

    @property
    def name(self) -> str:
        live = self._live
        if live is not None:
            return live.name
        names = self.recording.names
        return names[-1] if self.session or self.sub else names[0]

    @property
    def limits(self) -> ModelLimits:
        if self._live is not None:
            return self._live.limits
        return ModelLimits(picture_side=self.recording.picture_side(self.session))

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        # What was recorded has its price; a cap in dollars is kept by that.
        return 0.0 if self._live is None else self._live.price(input_tokens, output_tokens)

    @property
    def _live(self) -> LanguageModel | None:
        models = self.recording.live
        if models is None:
            return None
        return models.asked(self.session) if self.sub else models.answering(self.session)

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        if self.sub:
            reply = self.recording.sub_reply(self.session, messages)
        else:
            if not self.session:
                self.recording.control.before_reply(on_text or (lambda text: None))
            reply = self.recording.reply(self.session)
        if reply is not None:
            return reply
        assert self._live is not None
        return self._live.complete(messages, on_text)


@dataclass(frozen=True)
class RecordedModels(Models):
    """The models of a recorded run, for a :class:`~rlm.agent.session.Session`.

    Give ``recording`` to that session as a sink too. A session that asks for more than was
    recorded gets ``ReplayMismatch``.
    """

    recording: Recording = field(kw_only=True)

    @classmethod
    def of(
        cls, transcript: Transcript, until: int | None = None, live: Models | None = None
    ) -> RecordedModels:
        """Those of ``transcript``; ``until`` and ``live`` as :class:`Recording` has them."""
        recording = Recording(transcript, until, live)
        cheaper = transcript.header.sub_model if live is None else live.sub
        sub = _Voice(recording, "", sub=True) if cheaper else None
        return cls(_Voice(recording, ""), sub, recording=recording)

    def answering(self, session: str) -> LanguageModel:
        """The one that answers in the session at a place of this run's tree."""
        return _Voice(self.recording, session)

    def asked(self, session: str, name: str | None = None) -> LanguageModel:
        """The one that sub-questions go to.

        Raises ``ValueError`` for a name that no model of the run has, as it did then.
        """
        recording = self.recording
        if recording.live is not None and (recording.gone_live or name is None):
            model = recording.live.asked(session, name)
            return model if recording.gone_live else _Voice(recording, session, sub=True)
        if name is not None and name not in recording.names:
            names = ", ".join(recording.names)
            raise ValueError(f"no model {name!r} in this run; there are: {names}")
        return _Voice(recording, session, sub=True)


def _above(session: str) -> str:
    return session.rpartition(".")[0]


def _same(told: ev.SubSessionStarted | None, event: ev.SubSessionStarted) -> bool:
    return (
        told is not None
        and (told.turn, told.question, told.options) == (event.turn, event.question, event.options)
        and all(
            math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE)
            for a, b in zip(told.span, event.span, strict=True)
        )
    )


def _usage(event: ev.ModelReplied | ev.ToolModelUsed) -> Usage:
    return Usage(**{part.name: getattr(event, part.name) for part in fields(Usage)})
