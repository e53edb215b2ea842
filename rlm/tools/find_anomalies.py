"""Where the video breaks."""

from __future__ import annotations

from rlm.prediction import Anomaly
from rlm.prediction import find_anomalies as anomalies_of
from rlm.tools.base import ToolContext, whole_number


def find_anomalies(
    ctx: ToolContext,
    k: int = 5,
    span: tuple[float, float] | None = None,
    kind: str | None = None,
) -> list[Anomaly]:
    """The `k` strangest moments within shots, strangest first; cuts are left out.

    Each has `.start`, `.end`, `.score` (standard deviations from what is usual in this video; below
    about 3 nothing may be wrong) and `.kind`: "surprise" (jumps, things swapped, many a reversal,
    events nobody could foresee) or "freeze" (the picture stands while its shot moves: also a
    pause). The two have their own scales and freezes come first: ask for one `kind` if they crowd
    out the other. Look at what you get: an event is not always a fault.
    Example: for a in find_anomalies(3): show(extract_frames(a.start - 1, a.end + 1, fps=4))
    """
    inside = ctx.within(span)
    return anomalies_of(ctx.index, whole_number("k", k), inside, kind)
