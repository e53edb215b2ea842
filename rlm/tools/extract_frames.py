"""Frames of a span, as arrays."""

from __future__ import annotations

from rlm.tools.base import Frames, ToolContext, as_box, cut_to_video, told

DEFAULT_FPS = 2.0


def extract_frames(
    ctx: ToolContext,
    start: float | None = None,
    end: float | None = None,
    fps: float | None = None,
    count: int | None = None,
    size: int | tuple[int, int] | None = 360,
    crop: tuple[float, float, float, float] | None = None,
) -> Frames:
    """Decode the frames from `start` to `end` seconds (default: all), to compute on or to show.

    Give `fps` (default 2: at start, start + 0.5, ...) or `count` (the middles of that many equal
    parts). `size` is the short side in pixels (at most the video's own), (width, height), or None
    for full size. `crop` (x0, y0, x1, y1), in fractions of the picture from its upper left corner,
    zooms in: that part is cut out at full resolution, then brought to `size`. The result has `.rgb`
    uint8 (T, H, W, 3) and `.times` float64 (T,): each is the picture on display at that time.
    Nothing is shown until you call show().
    Example: show(extract_frames(12, 15, fps=4, crop=(0.5, 0, 1, 0.5)))
    """
    if fps is not None and count is not None:
        raise ValueError(f"give fps or count, not both: fps={told(fps)}, count={told(count)}")
    span = cut_to_video(start, end, ctx)
    if crop is not None:
        crop = as_box(crop)
    if fps is None and count is None:
        fps = DEFAULT_FPS
    if isinstance(size, int):
        size = min(size, *ctx.video.size)
    return Frames.of(ctx.video.clip(span, fps=fps, count=count, size=size, crop=crop))
