"""Many frames in one picture: the cheapest way to look over a long span."""

from __future__ import annotations

import math

import numpy as np

from rlm import video
from rlm.spans import Span
from rlm.tools.base import Sheet, ToolContext, cut_to_video, seconds_of, told, whole_number
from rlm.tools.show import show

MAX_CELLS, CELLS = 64, 16
MAX_WIDTH, CELL = 1024, 320  # pixels; few frames need no wide sheet
SIZE = 240  # short side of a cell, at most


def contact_sheet(
    ctx: ToolContext,
    start: float | None = None,
    end: float | None = None,
    count: int | None = None,
    times: list[float] | None = None,
) -> Sheet:
    """Show one picture: a grid of frames from `start` to `end`, each with its time.

    The cheapest way to look over a long span (the whole video when no times are given). There are
    `count` frames (default 16), the middles of equal parts; or, in place of all that, give `times`:
    chosen moments, such as one of each shot; they come in order of time, each once. In the usual
    shape of video 16 or more come 250 pixels wide each, 6 come 470. What lasts a second needs a
    frame a second. It is shown at once; no show() is needed.
    Example: contact_sheet(times=[(s.start + s.end) / 2 for s in get_scenes()[:24]])
    """
    if times is not None:
        if (start, end, count) != (None, None, None):
            raise ValueError("times stand in place of start, end and count: give them alone")
        moments = _moments(times, ctx.span)
        span = Span(moments[0], moments[-1])
        clip = ctx.video.clip(ctx.span, times=moments, size=min(SIZE, *ctx.video.size))
    else:
        cells = CELLS if count is None else whole_number("count", count, MAX_CELLS)
        span = cut_to_video(start, end, ctx)
        clip = ctx.video.clip(span, count=cells, size=min(SIZE, *ctx.video.size))
    width = min(MAX_WIDTH, CELL * math.ceil(math.sqrt(len(clip))))
    sheet = Sheet(span.start, span.end, clip.times, video.contact_sheet(clip, width=width))
    show(ctx, sheet)
    return sheet


def _moments(times: object, whole: Span) -> list[float]:
    """In order, each once; raises ``TypeError`` or ``ValueError`` for what is no list of times."""
    times = times.tolist() if isinstance(times, np.ndarray) else times
    if not isinstance(times, list | tuple):
        raise TypeError(f"times is a list of seconds, not {told(times)}")
    given = {seconds_of("each of times", time) for time in times}
    # At the very end the last picture is meant.
    moments = sorted(math.nextafter(t, 0) if t == whole.end else t for t in given)
    if not 1 <= len(moments) <= MAX_CELLS:
        raise ValueError(f"times are 1 to {MAX_CELLS} moments, not {len(moments)}")
    for time in moments:
        if time not in whole:
            raise ValueError(
                f"times are within {whole.start:.2f} to {whole.end:.2f} s, unlike {time:g}"
            )
    return moments
