"""A span in words."""

from __future__ import annotations

from rlm.index.seen import Caption, caption
from rlm.tools.base import ToolContext, cut_to_video

MOST_SECONDS = 120.0


def caption_segment(
    ctx: ToolContext, start: float | None = None, end: float | None = None
) -> Caption:
    """Say in words how coloured shapes move from `start` to `end`.

    Of footage that shows anything else it means nothing, whatever its score. The result has `.text`
    and `.score` (0 to 1, how sure it is of its words): one sentence for each 4 s or so, joined by
    "; then", each of at most three things, the largest first. At most 120 s, best one shot. It
    errs, and names things even where there are none: check what matters with show() or
    detect_objects(). Only with weights that bring a captioner, as the builtin ones.
    Example: caption_segment(12, 16).text
    """
    span = cut_to_video(start, end, ctx)
    if span.duration > MOST_SECONDS:
        raise ValueError(
            f"a caption is of at most {MOST_SECONDS:g} s, not {span.duration:.0f}: ask by scene"
        )
    return caption(ctx.video, ctx.index.encoder(), ctx.index.scenes(), span)
