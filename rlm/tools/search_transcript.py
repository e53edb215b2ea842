"""Moments of the video by what is said."""

from __future__ import annotations

from rlm.index.spoken.transcript import TextHit
from rlm.spans import Span
from rlm.tools.base import ToolContext
from rlm.tools.get_transcript import preferred

EVERY = 100_000
"""More cues than a transcript has."""


def search_transcript(ctx: ToolContext, query: str, k: int = 5) -> list[TextHit]:
    """Find where the words of `query` are said, best first.

    Each hit has `.start`, `.end`, `.text` and `.score`: the share of the query that is said, rare
    words weighing more. Words are compared by their letters, not by what they mean: ask for words
    that were likely used, inflection does not matter. Nothing said, nothing found: [].
    Example: search_transcript("telescope cleanroom", k=3)
    """
    if not isinstance(query, str):
        raise TypeError(f"a query is text, not {type(query).__name__}")
    if not any(letter.isalnum() for letter in query):
        raise ValueError(f"a query needs a word to look for, not {query!r}")
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k is a whole number of at least 1, not {k!r}")
    found = preferred(ctx).search(query, k if ctx.part is None else EVERY)
    return [
        TextHit(cue.start, cue.end, score, cue.text)
        for score, cue in found
        if Span(cue.start, cue.end).intersect(ctx.span)
    ][:k]
