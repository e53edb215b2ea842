"""What is where, moment by moment."""

from __future__ import annotations

from rlm.index.seen import Detection, detect
from rlm.tools.base import ToolContext, cut_to_video

SLOWEST, FASTEST = 4.0, 8.0  # pictures a second: what the weights were trained on


def detect_objects(
    ctx: ToolContext, start: float | None = None, end: float | None = None, fps: float = 4.0
) -> list[Detection]:
    """Find the coloured shapes from `start` to `end` (default: the whole video), by time.

    Of footage that shows anything else it means nothing. `fps` is 4 to 8, else a ValueError.
    One detection for each thing and two pictures (0.5 s at 4 fps). Each has
    `.start`, `.end`, `.colour`, `.shape`, `.score` and, in fractions of the picture from the upper
    left, `.x`, `.y` (its centre on screen) and `.radius`; `.dx`, `.dy` is its motion a second over
    the ground, without that of the camera. Things are missed, invented, or given a wrong colour or
    shape at times: let several moments vote. Only with weights trained to find shapes, as the
    builtin ones; others say that they cannot.
    Example: [d for d in detect_objects(12, 20) if d.colour == "red" and abs(d.dx) > 0.1]
    """
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not SLOWEST <= fps <= FASTEST:
        raise ValueError(f"fps is a number from {SLOWEST:g} to {FASTEST:g}, not {fps!r}")
    span = cut_to_video(start, end, ctx)
    index, fps = ctx.index, float(fps)
    kept = index.kept_frames(fps)
    return detect(ctx.video, index.encoder(), index.scenes(), span, fps, kept)
