"""Where a session stands in a run, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from rlm.agent.answer import Answer
from rlm.agent.budget import Meter
from rlm.agent.record import Record
from rlm.spans import Span


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


@dataclass(frozen=True)
class Place:
    """Where in the tree of a run a session stands.

    ``part`` is what it may look at, ``None`` for all of the video; ``turn`` that of the session
    above in which it was called for.
    """

    record: Record
    meter: Meter
    part: Span | None = None
    turn: int = 0
