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
    could foresee. Of the whole video it is computed once (some 20 ms for each second with the
    builtin weights, much longer with larger ones on a CPU: then give a span) and kept.
    Example: c = surprise_curve(); show(plot(c.score, c.times, "surprise"))
    """
    return curve_of(ctx.index, cut_to_video(start, end, ctx))
