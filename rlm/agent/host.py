"""What the tools of one session reach: its next observation, its answer, models, sub-sessions."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from rlm.agent import events as ev
from rlm.agent.answer import Answer, read_answer, salvaged
from rlm.agent.budget import AT_ONCE, BudgetSpent, Meter
from rlm.agent.calling import CutShort, complete
from rlm.agent.control import Control
from rlm.agent.conversation import Conversation
from rlm.agent.llm import LanguageModel, Message, Picture
from rlm.agent.looking import Looked
from rlm.agent.models import Models
from rlm.agent.parallel import side_by_side
from rlm.agent.prompting import render
from rlm.agent.record import Record
from rlm.agent.text import counted
from rlm.errors import VideoRLMError
from rlm.spans import Span
from rlm.tools import Asked, Labelled, SubAnswer, SubQuestion
from sandbox import StopCell, cancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_PICTURES = 32
"""Pictures one observation may hold."""
MAX_NOTES, MAX_NOTE = 50, 400
"""Notes of a session, and characters of one: the model reads all of them again and again."""

_SEVERAL = re.compile(r"rlm_query(?:_batched|\.map)")
_LONGEST = len("rlm_query_batched")

Explore = Callable[[SubQuestion, Meter, int], SubAnswer]
"""Has the sub-session of that number, counted from 1, answer a question within a meter."""


class SessionHost:
    """A :class:`rlm.tools.base.Host` for the session at ``record.session``.

    ``models`` may be replaced while it lives. ``options`` and ``span`` are those of its question;
    ``control`` cuts short what it asks of models; ``explore_one`` runs a sub-session, for so
    many of which ``prepare`` has jails made ready.
    """

    def __init__(
        self,
        record: Record,
        meter: Meter,
        models: Models,
        conversation: Conversation,
        options: Sequence[str],
        span: Span,
        explore_one: Explore,
        prepare: Callable[[int], None],
        control: Control,
    ) -> None:
        self.answer: Answer | None = None
        self.wrapping_up = False
        self.looked = Looked()
        self._record = record
        self._meter = meter
        self.models = models
        self._control = control
        self._conversation = conversation
        self._options = options
        self._span = span
        self._explore_one = explore_one
        self._prepare = prepare
        self._pending: list[Picture] = []
        self._frames_pending = 0
        self._told = False
        self._numbers = itertools.count(1)

    def begin(self, options: Sequence[str]) -> None:
        """Be asked another question; what was looked at stays looked at."""
        self.answer, self.wrapping_up, self._told = None, False, False
        self._options = options

    def take(self) -> tuple[tuple[Picture, ...], int]:
        """The pictures for the next observation, which are then gone, and their frames."""
        pictures, self._pending = tuple(self._pending), []
        frames, self._frames_pending = self._frames_pending, 0
        return pictures, frames

    def foreseeing(self) -> Callable[[str], None]:
        """Hears a reply, piece by piece; has jails started once it names several sub-sessions.

        They are as many as may run at once and as the budget has room for: how many will be asked
        for is not known yet, and those left over wait for the next time.
        """
        heard = ""

        def hear(text: str) -> None:
            nonlocal heard
            heard += text
            if _SEVERAL.search(heard):
                self._prepare(self._meter.room())
                heard = ""
            heard = heard[-_LONGEST:]

        return hear

    # ---- as tools call it

    def show(self, pictures: Sequence[Labelled]) -> None:
        """Raises ``ValueError`` when they are too many for the turn or for the budget."""
        if cancelled():
            return  # its cell is over
        fresh: list[tuple[Picture, int]] = []
        side = self.models.answering(self._record.session).limits.picture_side
        for label, rgb, frames in pictures:
            picture = Picture(_jpeg(rgb, side), label)
            # The same frame twice in one observation tells the model nothing.
            if picture not in self._pending and picture not in (p for p, _ in fresh):
                fresh.append((picture, frames))
        if len(self._pending) + len(fresh) > MAX_PICTURES:
            raise ValueError(
                f"{counted(len(fresh), 'picture')} more than the {len(self._pending)} shown so "
                f"far are over the {MAX_PICTURES} of a turn; none of them is shown: ask for fewer, "
                "or use contact_sheet()"
            )
        frames = sum(frames for _, frames in fresh)
        self._count_frames(frames)
        self._pending += [picture for picture, _ in fresh]
        self._frames_pending += frames

    def ask(self, asked: Sequence[Asked], model: str | None) -> list[str | Exception]:
        """Raises ``ValueError`` for a model that is none of the run's."""
        chosen = self.models.asked(self._record.session, model)
        return side_by_side([partial(self._ask, one, chosen) for one in asked], AT_ONCE)

    def explore(self, questions: Sequence[SubQuestion]) -> list[SubAnswer]:
        """Raises ``RuntimeError`` when the budget has no room for them."""
        try:
            meters = self._meter.children(len(questions))
        except BudgetSpent as spent:
            raise RuntimeError(f"no sub-session can be had: {spent}") from spent
        try:
            calls = [
                partial(self._explore_one, question, meter, next(self._numbers))
                for question, meter in zip(questions, meters, strict=True)
            ]
            self._prepare(min(len(calls), AT_ONCE))
            found = side_by_side(calls, AT_ONCE)
        finally:
            for meter in meters:
                meter.close()
        return [
            SubAnswer(None, None, (), None, str(one) or type(one).__name__, 0, 0)
            if isinstance(one, Exception)
            else one
            for one in found
        ]

    def note(self, fact: str, span: Span | None) -> None:
        """Keep a fact; raises ``ValueError`` for one too long, or one too many."""
        if len(fact) > MAX_NOTE:
            raise ValueError(
                f"a note holds {MAX_NOTE} characters, not {len(fact)}: note the fact in fewer "
                "words, and keep the rest in a variable"
            )
        if len(self._conversation.notes) >= MAX_NOTES:
            raise ValueError(
                f"there are {MAX_NOTES} notes, as many as are kept: keep further facts in a "
                "variable, which stays as well, and print it when you need it"
            )
        self._conversation.notes.append((fact, span))
        pair = None if span is None else (span.start, span.end)
        self._record.emit(ev.Noted, turn=self._meter.turns, fact=fact, span=pair)

    def history(self, turn: int | None) -> str:
        """Raises ``ValueError`` for a turn that has not been."""
        return self._conversation.history(turn)

    def submit(
        self, value: object, evidence: Sequence[tuple[float, float]] | None, confidence: object
    ) -> NoReturn:
        """Raises ``TypeError`` or ``ValueError`` for what is no answer."""
        read = salvaged if self.wrapping_up else read_answer
        answer = read(value, evidence, confidence, self._options, self._span.end)
        unseen = [span for span in answer.evidence if not self.looked.has(span)]
        if unseen and not self._told and not self.wrapping_up:
            self._told = True
            spans = ", ".join(f"({span.start:g}, {span.end:g})" for span in unseen)
            raise ValueError(
                f"you never looked at {spans}: look at frames of it first, or call answer() again "
                "as it is"
            )
        self.answer = replace(answer, best_effort=True) if self.wrapping_up else answer
        raise StopCell

    # ----

    def _count_frames(self, frames: int) -> None:
        left = self._meter.add_frames(frames)
        if left is not None:
            raise ValueError(
                f"{frames} frames are more than the {left} that may still be shown; none of them "
                "is: show fewer, or compute on them"
            )

    def _ask(self, asked: Asked, model: LanguageModel) -> str:
        most = min(MAX_PICTURES, model.limits.pictures or MAX_PICTURES)
        if len(asked.images) > most:
            raise ValueError(f"at most {most} pictures a sub-question, not {len(asked.images)}")
        frames = sum(frames for _, _, frames in asked.images)
        parts: list[str | Picture] = [render("subcall", prompt=asked.prompt)]
        for label, rgb, _ in asked.images:
            parts += [f"[{label}]", Picture(_jpeg(rgb, model.limits.picture_side), label)]
        message = Message("user", tuple(parts))
        self._count_frames(frames)
        began = time.monotonic()
        try:
            with self._meter.call(self._conversation.tokens([message])):
                reply = complete(model, [message], self._control)
                self._meter.add(reply.usage)
        except CutShort as short:
            error = "interrupted by the person who asked"
            self._asked(asked, message, short.text, began, error=error)
            raise RuntimeError(error) from short
        except BudgetSpent as spent:
            self._meter.add_frames(-frames)  # nobody saw them
            raise RuntimeError(f"the budget is spent ({spent}); call answer() now") from spent
        except VideoRLMError as error:
            self._asked(asked, message, "", began, error=str(error))
            raise RuntimeError(str(error)) from error
        told = {"model": reply.model, "cached": reply.cached} | asdict(reply.usage)
        self._asked(asked, message, reply.text, began, **told)
        return reply.text

    def _asked(self, asked: Asked, message: Message, reply: str, began: float, **how: Any) -> None:
        unknown = {"input_tokens": None, "output_tokens": None, "usd": None}
        self._record.emit(
            ev.ToolModelUsed,
            turn=self._meter.turns,
            prompt=asked.prompt,
            images=tuple(part for part in self._record.file(message) if isinstance(part, ev.Image)),
            reply=reply,
            seconds=round(time.monotonic() - began, 4),
            **(unknown | how),
        )


def _jpeg(rgb: NDArray[np.uint8], side: int) -> bytes:
    from rlm.video import encode_jpeg, fit_within

    return encode_jpeg(fit_within(rgb, side))
