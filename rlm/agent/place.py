"""Where a session stands in a run, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from rlm.agent.answer import CANNOT_TELL, Answer
from rlm.agent.budget import Meter
from rlm.agent.record import Record
from rlm.spans import Span
from rlm.tools import SubAnswer


@dataclass(frozen=True)
class Result:
    """How a question ended: ``status`` as in :class:`rlm.agent.events.SessionEnded`.

    What it took is counted from the beginning of the session.
    """

    answer: Answer | None
    status: str
    reason: str
    turns: int
    frames: int
    tokens: int | None
    usd: float | None
    seconds: float
    sandbox_level: str

    def as_sub_answer(self) -> SubAnswer:
        """What code that asked for it in a sub-session gets."""
        answer = self.answer
        if answer is None:
            return SubAnswer(None, None, (), None, self.reason, self.turns, self.frames)
        evidence = tuple((span.start, span.end) for span in answer.evidence)
        known = answer.text if answer.text != CANNOT_TELL else None
        return SubAnswer(
            known, answer.choice, evidence, answer.confidence, None, self.turns, self.frames
        )


@dataclass(frozen=True)
class Place:
    """Where in the tree of a run a session stands.

    ``part`` is what it may look at, ``None`` for all of the video; ``turn`` that of the session
    above in which it was called for. ``cuts`` is how often something had been cut short when that
    turn's code began, ``None`` where no code called for it: the session ends by the next cut.
    """

    record: Record
    meter: Meter
    part: Span | None = None
    turn: int = 0
    cuts: int | None = None

    def below(self, number: int, meter: Meter, part: Span, cuts: int | None) -> Place:
        """The place of the ``number``-th session below this one, called for in its newest turn."""
        return Place(self.record.child(number), meter, part, self.meter.turns, cuts)
