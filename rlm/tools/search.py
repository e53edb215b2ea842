"""Moments of the video by what is in them."""

from __future__ import annotations

from rlm.index import Hit
from rlm.spans import Span
from rlm.tools.base import Frames, Pictures, ToolContext, as_span
from rlm.tools.embed import as_query

# A field is what a person searches in; the query decides which of its tracks can be compared:
# a text lives in the text spaces, an example in those of pictures and of V-JEPA.
_TEXT_TRACKS = {"motion": ("joint", "videoprism"), "appearance": ("siglip2",)}
_EXAMPLE_TRACKS = {"motion": ("deep", "vjepa"), "appearance": ("look",)}


def fields(ctx: ToolContext) -> list[str]:
    """The fields this index can be searched in."""
    return [
        name
        for name in _EXAMPLE_TRACKS
        if {*_TEXT_TRACKS[name], *_EXAMPLE_TRACKS[name]} & set(ctx.index.fields)
    ]


def track_of(ctx: ToolContext, query: object, field: str | None) -> str | None:
    """The track in which ``query`` is compared when ``field`` is searched; ``None``: the best.

    Raises ``ValueError``, naming the fields there are, for one that this query cannot search.
    """
    check_field(ctx, field)
    if field in (None, "all"):
        return None
    tracks = _TEXT_TRACKS if isinstance(query, str) else _EXAMPLE_TRACKS
    for name in tracks[str(field)]:
        if name in ctx.index.fields:
            return name
    raise ValueError(
        f"this index cannot compare {'text' if isinstance(query, str) else 'an example'} in the "
        f"field {field!r}; it has: {', '.join(fields(ctx))}, all"
    )


def check_field(ctx: ToolContext, field: str | None) -> None:
    """Raise ``ValueError``, naming the fields there are, when ``field`` is none of them."""
    known = fields(ctx)
    if field not in (None, "all", *known):
        raise ValueError(f"this index has no field {field!r}; it has: {', '.join(known)}, all")


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
    itself. Each hit has `.start`, `.end`, `.score` (cosine; compare only within one search) and
    `.method`. `span` limits the search; `field` is one of video_info().search_fields or "all":
    "motion" compares what happens, "appearance" what it looks like.
    `diverse=False` also returns neighbours of better hits, which are left out otherwise. Expect
    the right moment among the first few, not always first: look before you trust it.
    Example: search((12.0, 14.5), k=3, span=(60, 120))
    """
    track = track_of(ctx, query, field)
    inside = None if span is None else as_span(span, ctx.video)
    embedding, own = as_query(ctx, query, track)
    return nearest(ctx, embedding, k, inside, own, diverse)


def nearest(
    ctx: ToolContext,
    embedding: object,
    k: int,
    inside: Span | None,
    exclude: Span | None,
    diverse: bool,
) -> list[Hit]:
    """``VideoIndex.nearest`` with its arguments checked as they come from the jail."""
    from rlm.encoders import Embedding

    if not isinstance(embedding, Embedding):
        raise TypeError(f"an Embedding comes from embed(...), not {type(embedding).__name__}")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 1000:
        raise ValueError(f"k is a whole number from 1 to 1000, not {k!r}")
    return list(ctx.index.nearest(embedding, k, span=inside, exclude=exclude, diverse=diverse))
