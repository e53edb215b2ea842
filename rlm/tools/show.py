"""Pictures into the next observation."""

from __future__ import annotations

from rlm.tools.base import Frames, Pictures, Sheet, ToolContext
from rlm.tools.labelling import labelled


def show(
    ctx: ToolContext,
    pictures: Frames | Sheet | Pictures | list[Frames | Sheet | Pictures],
    label: str = "",
    times: list[float] | float | None = None,
) -> None:
    """Look at pictures: they come with your next observation, after the printed text.

    Takes the result of extract_frames(), whose frames are labelled with their times, or an array
    (H, W, 3) or (T, H, W, 3) of uint8 (or floats from 0 to 1, or grey), or a list of these.
    Arrays carry no times: pass `times`, one for each picture, to have them labelled.
    Example: show(frames.rgb[3:5, 40:120, 60:200], label="crop", times=frames.times[3:5])
    """
    ctx.host.show(labelled(pictures, label, times))
