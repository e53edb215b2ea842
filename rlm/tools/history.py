"""What was said before."""

from __future__ import annotations

from rlm.tools.base import ToolContext


def history(ctx: ToolContext, turn: int | None = None) -> str:
    """What you wrote and read in a turn, or in all of them, in full (without the pictures).

    Example: print(history(3))
    """
    if turn is not None and (isinstance(turn, bool) or not isinstance(turn, int)):
        raise TypeError(f"a turn is a whole number, not {type(turn).__name__}")
    return ctx.host.history(turn)
