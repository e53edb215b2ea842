"""The scenes of the index."""

from __future__ import annotations

import math

from rlm.index import Scene
from rlm.tools.base import ToolContext


def get_scenes(ctx: ToolContext, level: int = 0) -> list[Scene]:
    """The scenes in order; they cover the video without a gap. Each has `.start` and `.end`.

    `level` 0 are shots, 1 groups of shots that are alike (30 s on average: 6 s to minutes), 2
    chapters of some minutes. A cut between shots that look alike may be missing, and a fade be off
    by a second.
    Example: [s for s in get_scenes() if s.end - s.start > 5]
    """
    last = ctx.video.span.end
    return [
        Scene(_legible(s.start), min(_legible(s.end), last))
        for s in ctx.index.scenes(level)
        if s.span.intersect(ctx.span)
    ]


def _legible(time: float) -> float:
    """In whole milliseconds, upwards: the picture at a scene's start must be of that scene."""
    return math.ceil(time * 1000 - 1e-6) / 1000
