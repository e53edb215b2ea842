"""The person of a recorded run: does again what they did to it, at the same points."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.control import ANSWER_NOW, Control
from rlm.errors import LanguageModelError

if TYPE_CHECKING:
    from rlm.agent.recorded import Recording, Told
    from rlm.agent.session import Session
    from rlm.index import VideoIndex

LONGEST_CELL = 5.0
"""Seconds after which a cell is cut short again that ran for longer before it was."""


class RecordedControl(Control):
    """A control that ``recording`` moves; :meth:`attend` to the session that it is given to."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording
        self._session: Session | None = None
        self._open_index: Callable[[ev.IndexChanged], VideoIndex] | None = None
        self._before_live: Callable[[], None] = lambda: None
        self._timer: threading.Timer | None = None
        self.given_up = False
        """Whether a person ended it before it had gone live."""

    def attend(
        self,
        session: Session,
        open_index: Callable[[ev.IndexChanged], VideoIndex],
        before_live: Callable[[], None] = lambda: None,
    ) -> None:
        """Change limits of ``session`` as they were, and its index to what ``open_index`` finds.

        ``before_live`` is called before the first reply that is none of the recording's.
        """
        self._session, self._open_index, self._before_live = session, open_index, before_live

    def interrupt(self) -> None:
        """Once it has gone live as ever; before, it is given up: half a cell is another run."""
        if self._recording.gone_live:
            super().interrupt()
        else:
            self.kill()

    def kill(self) -> None:
        """Likewise."""
        self.given_up = self.given_up or not self._recording.gone_live
        super().kill()

    def stop(self, reason: str = ANSWER_NOW) -> None:
        """Once it has gone live as ever; before, the answers are those of then."""
        if self._recording.gone_live:
            super().stop(reason)

    def wait(self) -> None:
        """Go on at once, or end the question where the person did."""
        if self._recording.gone_live:
            super().wait()
        elif self.held:
            self.take_words(keep=True)
            match self._recording.next_act():
                case ev.QuestionAsked(unanswered="interrupted"):
                    super().kill()
                case _:
                    self.resume()

    def take_words(self, *, keep: bool = False) -> list[str]:
        """What the person said then, and what they changed is changed again."""
        words: list[str] = []
        while True:
            act = self._recording.next_act()
            match act:
                case ev.Prompted():
                    words += [part.text for part in act.parts[1:] if isinstance(part, ev.Text)]
                case ev.LimitsChanged() if self._session is not None:
                    self._session.change_limits(**asdict(Budget.of(act.limits)))
                case ev.IndexChanged() if self._session and self._open_index:
                    self._session.change_index(self._open_index(act))
                case _:
                    break
            self._recording.done(act)
        if self._recording.ends_here:
            self._before_live()
        with self._changed:
            self._words += words
        return [] if keep else super().take_words()

    @property
    def stopped(self) -> str | None:
        """Why to answer now, where that was asked for."""
        return super().stopped or (ANSWER_NOW if self._recording.stops else None)

    def take_stop(self) -> str | None:
        """Likewise."""
        return super().take_stop() or (ANSWER_NOW if self._recording.stops else None)

    def next_question(self) -> None:
        """The next question is about to be asked."""
        self.take_words()
        act = self._recording.next_act()
        if isinstance(act, ev.QuestionAsked):
            self._recording.done(act)

    def before_reply(self, say: Callable[[str], None]) -> None:
        """Cut the reply short where it was, or end the question where it ended without one.

        Raises ``LanguageModelError`` where the model had failed, else what ``say`` raises.
        """
        match act := self._recording.next_act():
            case ev.Interrupted():
                self._recording.done(act)
                say(act.text)
                super().interrupt()
            case ev.QuestionAsked(unanswered="failed"):
                raise LanguageModelError(act.reason)
            case ev.QuestionAsked(unanswered="interrupted"):
                super().kill()
            case _:
                return
        while True:  # until nobody listens
            say("")
            time.sleep(0.001)

    def follow(self, event: ev.Event, told: Told) -> None:
        """Cut a cell short that was."""
        if isinstance(event, ev.CellStarted) and event.turn in told.cut_cells:
            observed = told.observed.get(event.turn)
            seconds = min(LONGEST_CELL, observed.seconds if observed else 0.0)
            kill = told.cut_cells[event.turn] == "worker"
            cut = super().kill if kill else super().interrupt
            self._timer = threading.Timer(seconds, cut)
            self._timer.daemon = True
            self._timer.start()
        elif isinstance(event, ev.Observed) and self._timer is not None:
            self._timer.cancel()
            self._timer = None
