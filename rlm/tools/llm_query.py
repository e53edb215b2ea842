"""A sub-question to a language model."""

from __future__ import annotations

from rlm.tools.base import Frames, Pictures, Sheet, ToolContext, labelled


def llm_query(
    ctx: ToolContext,
    prompt: str,
    images: Frames | Sheet | Pictures | list[Pictures] | None = None,
) -> str:
    """Ask a language model one thing, with pictures or without; returns its words.

    It knows only what you pass: say all it needs. Frames go with their times. Useful to have many
    frames described without reading them yourself; it costs tokens of the same budget, no turn.
    Example: llm_query("What is written on the sign?", extract_frames(31, 32, count=2))
    """
    if not isinstance(prompt, str):
        raise TypeError(
            f"the prompt is text and pictures go in images=, not {type(prompt).__name__}"
        )
    if not prompt.strip():
        raise ValueError("the prompt is empty")
    return ctx.ask(prompt, [] if images is None else labelled(images))
