"""What is known about the video without looking at it."""

from __future__ import annotations

from rlm.index import fields
from rlm.tools.base import ToolContext, VideoFacts


def video_info(ctx: ToolContext) -> VideoFacts:
    """Name, duration, size, frame rate, what search() can do, whether there is a transcript,
    and spans that could not be decoded (there, frames show the last picture before).

    Example: video_info().duration
    """
    width, height = ctx.video.size
    windows = ctx.index.windows
    return VideoFacts(
        name=ctx.video.path.name,
        duration=ctx.video.span.end,
        width=width,
        height=height,
        frame_rate=float(ctx.video.frame_rate),
        scenes=len(ctx.index.scenes()),
        windows=len(windows),
        window_seconds=max(window.duration for window in windows),
        search_fields=fields.fields(ctx.index),
        search_by_text=ctx.index.text_space is not None,
        transcript=bool(ctx.index.transcripts),
        damage=tuple((span.start, span.end) for span in ctx.index.damage),
    )
