"""A span in words."""

from __future__ import annotations

from rlm.index.seen import Caption, caption
from rlm.tools.base import ToolContext, cut_to_video

MOST_SECONDS = 120.0


def caption_segment(
    ctx: ToolContext, start: float | None = None, end: float | None = None
) -> Caption:
    """Say what happens from `start` to `end`, in the words of a small captioner.

    The result has `.text` and `.score` (0 to 1, how sure it is of its words). It tells of at most
    three things, the largest first: a sentence for about 4 s, joined by "; then". Best for one
    shot; at most 120 s. It errs: check what matters with show() or detect_objects().
    Only with weights that bring a captioner, as the builtin ones; others say that they do not.
    Example: caption_segment(12, 16).text
    """
    span = cut_to_video(start, end, ctx.video)
    if span.duration > MOST_SECONDS:
        raise ValueError(
            f"a caption is of at most {MOST_SECONDS:g} s, not {span.duration:.0f}: ask by scene"
        )
    return caption(ctx.video, ctx.index.encoder(), ctx.index.scenes(), span)
