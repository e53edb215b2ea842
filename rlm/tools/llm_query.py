"""A sub-question to a language model."""

from __future__ import annotations

from rlm.tools.base import Asked, Frames, Pictures, Sheet, ToolContext
from rlm.tools.labelling import labelled


def llm_query(
    ctx: ToolContext,
    prompt: str,
    images: Frames | Sheet | Pictures | list[Pictures] | None = None,
    model: str | None = None,
) -> str:
    """Ask a language model one thing, with pictures or without; returns its words.

    It knows only what you pass: say all it needs. Frames go with their times. Useful to have many
    frames described without reading them yourself; it costs tokens of the same budget, no turn.
    `model` is one of those of this run, by default the one for sub-questions.
    Example: llm_query("What is written on the sign?", extract_frames(31, 32, count=2))
    """
    (said,) = ctx.host.ask([as_asked(prompt, images)], model)
    if isinstance(said, Exception):
        raise said
    return said


def as_asked(prompt: object, images: object = None) -> Asked:
    """One sub-question; raises ``TypeError`` or ``ValueError`` for what cannot be asked."""
    if not isinstance(prompt, str):
        raise TypeError(
            f"the prompt is text and pictures go in images=, not {type(prompt).__name__}"
        )
    if not prompt.strip():
        raise ValueError("the prompt is empty")
    return Asked(prompt, [] if images is None else labelled(images))
