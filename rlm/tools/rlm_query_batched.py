"""Questions for several sub-sessions at once."""

from __future__ import annotations

from rlm.tools.base import SubAnswer, ToolContext
from rlm.tools.rlm_query import as_question

MOST = 32


def rlm_query_batched(
    ctx: ToolContext,
    questions: str | list[str],
    spans: list[tuple[float, float]] | None = None,
    options: list[str] | None = None,
) -> list[SubAnswer]:
    """Have several sessions look at once, as rlm_query() does; the results come in order.

    One question goes to every span, or give as many questions as spans. Each gets an equal share of
    what is left of your budget; one that fails has `.error` and harms no other.
    Example: rlm_query_batched("Which colours appear? List times.", [(0, 120), (120, 240)])
    """
    asked = [questions] if isinstance(questions, str) else questions
    if not isinstance(asked, list | tuple):
        raise TypeError("questions are one text, or a list of texts")
    parts = [None] * len(asked) if spans is None else spans
    if not isinstance(parts, list | tuple):
        raise TypeError(f"spans are a list of (start, end), not {type(parts).__name__}")
    if len(asked) == 1:
        asked = [*asked] * len(parts)
    if len(asked) != len(parts):
        raise ValueError(f"{len(asked)} questions for {len(parts)} spans: as many, or one question")
    if not 1 <= len(asked) <= MOST:
        raise ValueError(f"1 to {MOST} at once, not {len(asked)}")
    pairs = zip(asked, parts, strict=True)
    return ctx.host.explore([as_question(ctx, one, part, options) for one, part in pairs])
