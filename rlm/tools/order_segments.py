"""Spans put in the order in which they follow each other."""

from __future__ import annotations

from rlm.prediction import SegmentOrder
from rlm.prediction import order_segments as order_of
from rlm.tools.base import ToolContext, as_spans


def order_segments(ctx: ToolContext, spans: list[tuple[float, float]]) -> SegmentOrder:
    """Put 2 to 14 spans into the order in which each goes on best from the one before.

    For pieces of one action that were shuffled; V-JEPA's predictor says how well each follows. The
    result has `.spans` in order, `.order` (their places in what you gave), `.energy` and `.score`
    (how much worse the next best order is; below about 1.8 it may be chance, None for two spans).
    Example: order_segments([(20, 22), (8, 10), (14, 16)]).order
    """
    return order_of(ctx.index, as_spans(spans, ctx))
