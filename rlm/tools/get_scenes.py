"""The scenes of the index."""

from __future__ import annotations

from rlm.index import Scene
from rlm.tools.base import ToolContext


def get_scenes(ctx: ToolContext) -> list[Scene]:
    """The scenes (shots between cuts) in order; they cover the video without a gap.

    Each has `.start` and `.end`.
    Example: [s for s in get_scenes() if s.end - s.start > 5]
    """
    return list(ctx.index.scenes())
