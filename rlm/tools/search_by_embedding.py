"""Moments of the video by a vector."""

from __future__ import annotations

from rlm.encoders import Embedding
from rlm.index import Hit
from rlm.spans import Span
from rlm.tools.base import ToolContext, as_pair
from rlm.tools.search import check_field, nearest


def search_by_embedding(
    ctx: ToolContext,
    embedding: Embedding,
    field: str | None = None,
    k: int = 5,
    exclude: tuple[float, float] | None = None,
) -> list[Hit]:
    """Find the moments nearest to an embedding from embed(), best first.

    `exclude` leaves out a span: the one that was embedded would find itself. An embedding of a
    space this index does not hold is an error that names both spaces.
    Example: search_by_embedding(embed((12, 16)), k=3, exclude=(12, 16))
    """
    check_field(ctx, field)
    without = None if exclude is None else Span(*as_pair(exclude))
    return nearest(ctx, embedding, k, None, without, diverse=True)
