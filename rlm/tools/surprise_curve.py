"""How surprising each half second is."""

from __future__ import annotations

from rlm.prediction import SurpriseCurve
from rlm.prediction import surprise_curve as curve_of
from rlm.tools.base import ToolContext, cut_to_video


def surprise_curve(
    ctx: ToolContext, start: float | None = None, end: float | None = None
) -> SurpriseCurve:
    """How far each half second is from what V-JEPA's predictor expected of it.

    `.times`, `.energy`, `.copy_energy` (of "all stays as it is") and `.score` are arrays of one
    length; `.score` is in standard deviations of this video. Cuts stand out most, then what nobody
    could foresee. Computed once for a video: the first call takes about 20 ms for each second.
    Example: c = surprise_curve(); show(plot(c.score, c.times, "surprise"))
    """
    return curve_of(ctx.index, cut_to_video(start, end, ctx.video))
