"""The end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from rlm.tools.base import ToolContext, as_pair


def answer(
    ctx: ToolContext,
    value: str | int | None,
    evidence: list[tuple[float, float]] | None = None,
    confidence: float | None = None,
) -> NoReturn:
    """Give the final answer; the run ends here.

    `value` is text, or with options the letter of one; None says the video does not show it.
    `evidence` lists the stretches that decide it, as (start, end) in seconds, scenes or hits: each
    from where what decides begins to where it ends, a whole shot only where it goes on all through
    it; of a comparison, an order or a count, all that was compared or counted. `confidence` is the
    probability that you are right.
    Looked at is what you had frames within 1 s of, shown or computed on, or what a detection,
    caption, class, cue or sub-session told; a search hit is not. Evidence you never looked at is
    objected to once.
    Example: answer("B", evidence=[(12.0, 15.5)], confidence=0.8)
    """
    if isinstance(evidence, list | tuple) and not _is_pair(evidence):
        evidence = [as_pair(span) for span in evidence]
    elif evidence is not None:
        evidence = [as_pair(evidence)]
    ctx.host.submit(value, evidence, confidence)


def _is_pair(value: Sequence[object]) -> bool:
    return len(value) == 2 and all(isinstance(time, int | float) for time in value)
