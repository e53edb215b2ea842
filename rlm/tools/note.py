"""Facts to keep."""

from __future__ import annotations

from rlm.tools.base import ToolContext, as_span


def note(ctx: ToolContext, fact: str, span: tuple[float, float] | None = None) -> None:
    """Write down what you have established and where it can be seen.

    When a long run's older turns are put into few words, notes stay before you whole.
    Example: note("the red car enters from the left", (61.0, 63.5))
    """
    if not isinstance(fact, str):
        raise TypeError(f"a fact is text, not {type(fact).__name__}")
    if not fact.strip():
        raise ValueError("the fact is empty")
    ctx.host.note(" ".join(fact.split()), None if span is None else as_span(span, ctx))
