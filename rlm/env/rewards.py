"""What an answer is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rlm.agent.place import Result
from rlm.evaluation.items import Item
from rlm.evaluation.scoring import score, union_iou
from rlm.spans import Span

Reward = Callable[[Item, Result], float]
"""The worth of how an episode about an item ended; asked once, at its end."""


def right(item: Item, result: Result) -> float:
    """1.0 for the right option or text, else 0.0.

    Texts are compared as :func:`rlm.evaluation.scoring.says` does. An episode that ended without an
    answer is not right, nor is any about an item whose right answer is not known.
    """
    answer = result.answer
    if answer is None:
        return 0.0
    return score(item, answer.text, answer.choice) or 0.0


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
        if worth and result.answer is not None and item.evidence_time:
            wanted = (Span(*times) for times in item.evidence_time)
            worth += self.evidence * union_iou(result.answer.evidence, wanted)
        return worth - self.turn * result.turns - self.frame * result.frames
