"""Which of some spans comes after another."""

from __future__ import annotations

from rlm.prediction import RankedFuture
from rlm.prediction import rank_futures as ranked
from rlm.tools.base import ToolContext, as_span, as_spans


def rank_futures(
    ctx: ToolContext, context: tuple[float, float], candidate_spans: list[tuple[float, float]]
) -> list[RankedFuture]:
    """Rank spans by how well their beginnings are what V-JEPA expects after `context`, best first.

    Each has `.start`, `.end`, `.energy` (how far off, lower is better) and `.score` (standard
    deviations better than the mean candidate). It judges motion over the next two seconds or so.
    Example: rank_futures((10, 12), [(30, 32), (12, 14), (50, 52)])[0]
    """
    spans = as_spans(candidate_spans, ctx)
    return ranked(ctx.index, as_span(context, ctx), spans)
