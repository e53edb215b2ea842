"""What is where, moment by moment."""

from __future__ import annotations

from rlm.index.seen import Detection, detect
from rlm.tools.base import ToolContext, cut_to_video

SLOWEST, FASTEST = 4.0, 8.0  # pictures a second: what the weights were trained on


def detect_objects(
    ctx: ToolContext, start: float | None = None, end: float | None = None, fps: float = 4.0
) -> list[Detection]:
    """Find the coloured shapes from `start` to `end` (default: the whole video), by time.

    Only with weights trained for it, as the builtin ones; of other footage it means nothing. `fps`
    is 4 to 8, else a ValueError. A row is one thing for 2 / fps seconds, and the next such row goes
    on from there. It has `.start`, `.end`, `.colour`, `.shape`, `.score` and, in fractions of the
    picture from the upper left, `.x`, `.y` (its centre on screen) and `.radius`; `.dx`, `.dy` is
    its motion a second over the ground, the camera's mostly taken out: under 0.015 it may rest.
    Scores do not tell false rows: wrong names come where a colour changes, things touch, a frame or
    flash covers the rim and at the edges of shots, for up to 2 s; let the whole shot vote. What
    enters is found once half of it is in view. Print little: a shot has some 70 rows. About 20 to
    60 ms a second of video.
    Example: paths = {}
        for d in detect_objects(get_scenes()[4]):
            paths.setdefault((d.colour, d.shape), []).append((d.start, d.x, d.y))
    """
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not SLOWEST <= fps <= FASTEST:
        raise ValueError(f"fps is a number from {SLOWEST:g} to {FASTEST:g}, not {fps!r}")
    span = cut_to_video(start, end, ctx)
    index, fps = ctx.index, float(fps)
    kept = index.kept_frames(fps)
    return detect(ctx.video, index.encoder(), index.scenes(), span, fps, kept)
