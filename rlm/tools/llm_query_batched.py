"""Many sub-questions to a language model at once."""

from __future__ import annotations

from rlm.tools.base import Frames, Pictures, ToolContext
from rlm.tools.llm_query import as_asked

MOST = 64


def llm_query_batched(
    ctx: ToolContext,
    prompts: list[str | tuple[str, Frames | Pictures]],
    model: str | None = None,
) -> list[str]:
    """Ask a language model many things at once; returns its words in the same order.

    Each is a prompt, or (prompt, pictures), and knows nothing of the others. One that fails fails
    alone: its words begin with "[failed]". All run at once.
    Example: llm_query_batched([("What happens?", extract_frames(s)) for s in get_scenes()[:4]])
    """
    if not isinstance(prompts, list | tuple) or not 1 <= len(prompts) <= MOST:
        raise ValueError(f"a list of 1 to {MOST} prompts")
    asked = [
        as_asked(*prompt) if isinstance(prompt, tuple) and len(prompt) == 2 else as_asked(prompt)
        for prompt in prompts
    ]
    return [
        f"[failed] {said}" if isinstance(said, Exception) else said
        for said in ctx.host.ask(asked, model)
    ]
