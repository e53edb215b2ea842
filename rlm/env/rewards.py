"""What an answer is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rlm.agent.place import Result
from rlm.env.items import Item
from rlm.spans import Span

Reward = Callable[[Item, Result], float]
"""The worth of how an episode about an item ended; asked once, at its end."""


def right(item: Item, result: Result) -> float:
    """1.0 for the right option or text, else 0.0.

    Texts are compared without regard to case and spacing. An episode that ended without an answer
    is not right.
    """
    answer = result.answer
    if answer is None:
        return 0.0
    if item.options:
        return float(answer.choice == item.answer_index)
    return float(_plain(answer.text) == _plain(item.answer or ""))


@dataclass(frozen=True)
class Shaped:
    """:func:`right`, with further terms that are all 0 unless given; for training only.

    ``turn`` and ``frame`` are taken off for every reply and every frame shown. ``evidence`` is
    added to a right answer, times how well its evidence covers the item's ``evidence_time``: the
    seconds in both over the seconds in either. Wrong answers get nothing for their evidence, so
    that pointing is never worth more than knowing.
    """

    turn: float = 0.0
    frame: float = 0.0
    evidence: float = 0.0

    def __call__(self, item: Item, result: Result) -> float:
        """The worth of ``result``."""
        worth = right(item, result)
        if worth and result.answer is not None and item.evidence_time is not None:
            worth += self.evidence * overlap(result.answer.evidence, item.evidence_time)
        return worth - self.turn * result.turns - self.frame * result.frames


def overlap(spans: Iterable[Span], wanted: tuple[float, float]) -> float:
    """Seconds of ``spans`` within ``wanted`` over the seconds in either, from 0 to 1."""
    told = within = 0.0
    reached = float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        start = max(span.start, reached)  # what was counted already counts once
        if span.end > start:
            told += span.end - start
            within += max(0.0, min(span.end, wanted[1]) - max(start, wanted[0]))
            reached = span.end
    either = told + wanted[1] - wanted[0] - within
    return within / either if either > 0 else 0.0


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
