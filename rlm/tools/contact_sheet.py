"""Many frames in one picture: the cheapest way to look over a long span."""

from __future__ import annotations

import math

from rlm import video
from rlm.tools.base import Sheet, ToolContext, cut_to_video
from rlm.tools.show import show

MAX_CELLS = 64
MAX_WIDTH, CELL = 1024, 320  # pixels; few frames need no wide sheet


def contact_sheet(
    ctx: ToolContext, start: float | None = None, end: float | None = None, count: int = 16
) -> Sheet:
    """Show one picture: a grid of `count` frames from `start` to `end`, each with its time.

    The cheapest way to look over a long span (the whole video when no times are given). The
    frames are the middles of equal parts. It is shown at once; no show() is needed.
    Example: contact_sheet(0, 60, count=24)
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_CELLS:
        raise ValueError(f"count is a whole number from 1 to {MAX_CELLS}, not {count!r}")
    span = cut_to_video(start, end, ctx)
    clip = ctx.video.clip(span, count=count, size=240)
    width = min(MAX_WIDTH, CELL * math.ceil(math.sqrt(count)))
    sheet = Sheet(span.start, span.end, clip.times, video.contact_sheet(clip, width=width))
    show(ctx, sheet)
    return sheet
