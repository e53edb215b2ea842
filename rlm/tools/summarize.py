"""The most telling parts of the video."""

from __future__ import annotations

from rlm.prediction import SummaryPart
from rlm.prediction import summarize as parts_of
from rlm.tools.base import ToolContext, seconds_of


def summarize(
    ctx: ToolContext, seconds: float, span: tuple[float, float] | None = None
) -> list[SummaryPart]:
    """The parts, at most `seconds` in all, that say most: what surprises is kept. In order of time.

    Each has `.start`, `.end` and `.score`; parts are about 2 s or a multiple, each of one shot or
    of shots that touch. A first look at a long video without dull frames. It needs what
    surprise_curve() computes: see there what that takes.
    Example: for p in summarize(20): show(extract_frames(p.start, p.end, count=1))
    """
    inside = ctx.within(span)
    return parts_of(ctx.index, seconds_of("seconds", seconds), inside)
