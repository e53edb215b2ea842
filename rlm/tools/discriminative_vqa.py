"""Which of several answers fits best."""

from __future__ import annotations

from rlm.prediction import Match, match
from rlm.tools.base import ToolContext


def discriminative_vqa(
    ctx: ToolContext,
    question: str,
    candidates: list[str],
    span: tuple[float, float] | None = None,
) -> list[Match]:
    """Rank candidate answers by how much a text-video model sees each in `span`, best first.

    Each has `.candidate`, `.start`, `.end` (the window that shows it best), `.score` (cosine),
    `.margin` (its lead over the best other) and `.probability` (of being right if one of them is;
    None where the model's scores were never calibrated). It knows what a few seconds look like, not
    counts, order, names, sounds or "no" and "not". Candidates work best as whole statements of one
    form; ask about a shot or two, since over a long span it is too sure. A hint, no answer.
    Example: discriminative_vqa("Where to?", ["a ring moves up", "a ring moves down"], (3, 7))[0]
    """
    if not isinstance(question, str):
        raise TypeError(f"the question is text, not {type(question).__name__}")
    if not isinstance(candidates, list | tuple) or not all(isinstance(c, str) for c in candidates):
        raise TypeError("candidates are a list of texts")
    inside = ctx.within(span)
    return match(ctx.index, question, candidates, inside)
