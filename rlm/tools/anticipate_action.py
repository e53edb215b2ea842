"""What happens next."""

from __future__ import annotations

from rlm.prediction import Anticipation, anticipate
from rlm.tools.base import ToolContext, cut_to_video, seconds_of, whole_number


def anticipate_action(
    ctx: ToolContext,
    start: float | None = None,
    end: float | None = None,
    anticipation_time: float = 1.0,
    candidates: list[str] | None = None,
    k: int = 5,
) -> list[Anticipation]:
    """What is expected `anticipation_time` seconds after `end`, from `start` to `end` alone.

    With `candidates` (texts that exclude each other) they are ranked: `.label`, `.probability`
    (None for weights it was not fitted for), `.score` and `.lift`, how much better it fits what is
    expected than what is seen now; a lift below 0 everywhere means that the same goes on. Without,
    the classes of a probe that foretells, where one is registered, and the moments of the video
    most like what is expected, the context and the rest of its shot left out: their `.like` is
    (start, end). It foresees motion, hardly events: of these even a high probability says little.
    Example: anticipate_action(4, 8, candidates=["the car turns left", "the car turns right"])[0]
    """
    span = cut_to_video(start, end, ctx)
    time = seconds_of("anticipation_time", anticipation_time)
    return anticipate(ctx.index, span, time, candidates, whole_number("k", k), ctx.part)
