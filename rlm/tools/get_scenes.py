"""The scenes of the index."""

from __future__ import annotations

from rlm.index import Scene
from rlm.tools.base import ToolContext


def get_scenes(ctx: ToolContext, level: int = 0) -> list[Scene]:
    """The scenes in order; they cover the video without a gap. Each has `.start` and `.end`.

    `level` 0 are shots, 1 stretches of about 30 s, 2 chapters of a long video.
    Example: [s for s in get_scenes() if s.end - s.start > 5]
    """
    return [s for s in ctx.index.scenes(level) if s.span.intersect(ctx.span)]
