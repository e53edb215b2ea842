"""Text, pictures or a span as a vector that knows its space."""

from __future__ import annotations

import numpy as np

from rlm.encoders import Embedding
from rlm.index.fields import Query
from rlm.spans import Span
from rlm.tools.base import Frames, Pictures, ToolContext, as_span


def embed(ctx: ToolContext, x: str | Pictures | Frames | tuple[float, float]) -> Embedding:
    """The embedding of a text, of frames, or of a span of the video.

    It has `.space` and `.vector` (float32, length 1). Only vectors of one space can be compared.
    Example: search_by_embedding(embed((12, 16)), k=3)
    """
    return ctx.index.embed(as_query(ctx, x)[0])


def as_query(ctx: ToolContext, x: object) -> tuple[Query, Span | None]:
    """``x`` as the index takes it, and the span it covers, which a search by example leaves out.

    Raises ``TypeError`` for what is no query, ``ValueError`` for an empty text or a span outside
    the video.
    """
    if isinstance(x, str):
        if not x.strip():
            raise ValueError("the text is empty")
        return x, None
    if isinstance(x, Frames):
        # The arrays may have been changed in the jail: what they hold is embedded, not the span.
        return np.ascontiguousarray(x.rgb, dtype=np.uint8), as_span(x, ctx)
    if not isinstance(x, np.ndarray | list | tuple) and not hasattr(x, "start"):
        raise TypeError(
            f"a query is text, a span, a hit, a scene or frames, not {type(x).__name__}"
        )
    if isinstance(x, np.ndarray):
        if x.dtype != np.uint8:
            raise TypeError(f"pictures to embed are uint8, not {x.dtype}")
        return x, None
    span = as_span(x, ctx)
    return span, span
