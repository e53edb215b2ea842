"""Moments of the video by what is in them."""

from __future__ import annotations

from rlm.index import Hit, fields
from rlm.tools.base import Frames, Pictures, ToolContext, whole_number
from rlm.tools.embed import as_query


def search(
    ctx: ToolContext,
    query: str | Pictures | Frames | Hit | tuple[float, float],
    field: str = "all",
    k: int = 5,
    span: tuple[float, float] | None = None,
    diverse: bool = True,
) -> list[Hit]:
    """Find the moments most like `query`, best first.

    `query` is text, or an example: (start, end), a hit, a scene, or frames; an example never finds
    itself. `field` is one of video_info().search_fields: "motion" (what happens), "visual" (what it
    looks like), "text" (words that are said), or "all": rank fusion of those this query can search.
    Each hit has `.start`, `.end`, `.method` (which fields found it, with ranks) and `.score`
    (cosine, share of the words, or fused: compare only within one search). `span` limits the
    search. `diverse=False` also returns neighbours and look-alikes of better hits early. Expect the
    right moment among the first few, not always first: look before you trust it.
    Example: search((12.0, 14.5), field="motion", k=3, span=(60, 120))
    """
    inside = ctx.within(span)
    wanted, own = as_query(ctx, query)
    return fields.search(ctx.index, wanted, field, whole_number("k", k), inside, own, diverse)
