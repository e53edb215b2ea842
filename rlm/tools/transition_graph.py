"""The scenes as a graph."""

from __future__ import annotations

from rlm.prediction import TransitionGraph
from rlm.prediction import transition_graph as graph_of
from rlm.tools.base import ToolContext


def transition_graph(ctx: ToolContext, level: int = 0) -> TransitionGraph:
    """Which scenes come back, and which follow which.

    `.groups` are lists of (start, end): scenes that look alike, in order of first appearance.
    `.transitions` each have `.before` and `.after` (numbers of groups), `.count` and `.energy`,
    the most frequent first; `.score` (-1 to 1) is how clear the groups are, 0 if all scenes are
    alike (one group) or none are (as many groups). `level` as in get_scenes().
    Example: g = transition_graph(); print([len(group) for group in g.groups])
    """
    return graph_of(ctx.index, level, ctx.part)
