"""Moments of the video by a vector."""

from __future__ import annotations

from rlm.encoders import Embedding
from rlm.index import Hit, fields
from rlm.spans import Span
from rlm.tools.base import ToolContext, as_pair, whole_number


def search_by_embedding(
    ctx: ToolContext,
    embedding: Embedding,
    field: str | None = None,
    k: int = 5,
    exclude: tuple[float, float] | None = None,
) -> list[Hit]:
    """Find the moments nearest to an embedding from embed(), best first.

    `exclude` leaves out a span: the one that was embedded would find itself. The embedding's space
    says what is compared; one that this index, or `field` if given, does not hold is an error that
    names both spaces.
    Example: search_by_embedding(embed((12, 16)), k=3, exclude=(12, 16))
    """
    if not isinstance(embedding, Embedding):
        raise TypeError(f"an Embedding comes from embed(...), not {type(embedding).__name__}")
    fields.check_space(ctx.index, field, embedding.space)
    without = None if exclude is None else Span(*as_pair(exclude))
    return ctx.index.nearest(embedding, whole_number("k", k), ctx.part, without)
