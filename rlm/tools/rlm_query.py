"""A question for a sub-session."""

from __future__ import annotations

from rlm.tools.base import SubAnswer, SubQuestion, ToolContext, as_span


def rlm_query(
    ctx: ToolContext,
    question: str,
    span: tuple[float, float] | None = None,
    options: list[str] | None = None,
) -> SubAnswer:
    """Have another session like this one answer a question about `span` (default: all you see).

    It has these functions but sees only that span, shares your budget and knows nothing of what you
    know: say all it needs. The result has `.answer` (None if it found none), `.evidence`,
    `.confidence` and `.error`; with `options` also `.choice`, their number from 0. Each turn of it
    costs a prompt as long as yours: for what takes several looks. What one look at some pictures
    settles is cheaper by llm_query(), what functions find or arithmetic tells, by yourself.
    Example: r = rlm_query("How often does the door open?", (300, 600)); print(r.answer, r.evidence)
    """
    (found,) = ctx.host.explore([as_question(ctx, question, span, options)])
    return found


def as_question(
    ctx: ToolContext, question: object, span: object = None, options: object = None
) -> SubQuestion:
    """One question for a sub-session; raises ``TypeError`` or ``ValueError`` for what is none."""
    if not isinstance(question, str):
        raise TypeError(f"the question is text, not {type(question).__name__}")
    if not question.strip():
        raise ValueError("the question is empty")
    choices = [] if options is None else options
    if not isinstance(choices, list | tuple) or not all(isinstance(one, str) for one in choices):
        raise TypeError("options are a list of texts")
    return SubQuestion(question, ctx.span if span is None else as_span(span, ctx), tuple(choices))
