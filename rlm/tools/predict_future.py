"""What V-JEPA expects to come."""

from __future__ import annotations

from rlm.prediction import Future, predict
from rlm.tools.base import ToolContext, cut_to_video, seconds_of


def predict_future(
    ctx: ToolContext,
    start: float | None = None,
    end: float | None = None,
    horizon: float = 1.0,
    steps: int = 1,
) -> list[Future]:
    """What V-JEPA's predictor expects `horizon` seconds after `end`, from `start` to `end` alone.

    One Future for each of `steps`, each `horizon` later than the one before, about half a second
    long: `.start`, `.end`, `.embedding` (for search_by_embedding), `.nearest` (other moments like
    it, in a deep index). Where the video goes on: `.score` (cosine with what really follows),
    `.energy` (how far off, lower is better) and `.copy_energy` (how far off is "all stays as it
    is"); a surprise has an energy well above that. It knows motion for a second or so, not events.
    Out of its range is an error that says the range.
    Example: f = predict_future(10, 14)[0]; print(f.energy, f.copy_energy)
    """
    span = cut_to_video(start, end, ctx)
    return predict(ctx.index, span, seconds_of("horizon", horizon), steps, inside=ctx.part)
