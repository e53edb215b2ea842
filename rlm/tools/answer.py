"""The end of a run."""

from __future__ import annotations

from typing import NoReturn

from rlm.tools.base import ToolContext


def answer(
    ctx: ToolContext,
    value: str | int | None,
    evidence: list[tuple[float, float]] | None = None,
    confidence: float | None = None,
) -> NoReturn:
    """Give the final answer; the run ends here.

    `value` is text, or with options the letter of one; None says the video does not show it.
    `evidence` is a list of (start, end) in seconds that show it, `confidence` the probability
    from 0 to 1 that you are right.
    Example: answer("B", evidence=[(12.0, 15.5)], confidence=0.8)
    """
    ctx.submit(value, evidence, confidence)
