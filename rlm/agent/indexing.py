"""Finding an index or building it, and saying beforehand when that will take long."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent.whereabouts import remember
from rlm.errors import IndexDamaged
from rlm.spans import format_time

if TYPE_CHECKING:
    from rlm.index import Loader, VideoIndex
    from rlm.video import Video

_LONG = 60.0
"""Seconds of encoding from which on it is told beforehand how long it will take."""


def open_index(
    video: Video,
    preset: str,
    *,
    tier: int | None = None,
    deep: str | None = None,
    scene_clip_stride: float | None = None,
    cache: Path | None = None,
    loader: Loader | None = None,
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[str, float, float], None] | None = None,
) -> tuple[VideoIndex, float | None]:
    """The index of ``video`` and the seconds its building took, ``None`` when it was there.

    The time to load weights, paid once, is not in it. Where the video lies is remembered, as
    ``whereabouts.py`` has it.

    ``tier`` is by default the highest there is, and at least 2; the other arguments are those of
    ``VideoIndex.build``. ``notify`` is told, in a line each, which
    subtitle files cannot be read and how long a long run will take on this machine; ``progress``
    also of waits of unknown length, with 0 seconds in all. Raises what ``VideoIndex.build`` raises.
    """
    from rlm.index import Loader, VideoIndex
    from rlm.index.plan import INDEX
    from rlm.index.spoken.transcripts import unreadable_sidecars

    remember(video, cache)
    for problem in unreadable_sidecars(video):
        notify(f"warning: {problem}; it is left out")
    how: dict[str, Any] = {
        "deep": deep,
        "scene_clip_stride": scene_clip_stride,
        "cache": cache,
        "loader": loader or Loader(),
    }
    try:
        found = VideoIndex.load(video, preset, tier=tier, **how)
        if found.tier >= (tier or INDEX):
            return found, None
    except IndexDamaged:
        pass
    if warning := _long_run(video, preset, tier or INDEX, deep):
        notify(warning)
    if progress is not None and (tier or INDEX) >= INDEX:
        progress("loading weights", 0.0, 0.0)
    before, began = how["loader"].seconds, time.monotonic()
    index = VideoIndex.build(video, preset, tier=tier or INDEX, progress=progress, **how)
    return index, time.monotonic() - began - (how["loader"].seconds - before)


def _long_run(video: Video, preset: str, tier: int, deep: str | None) -> str | None:
    from rlm.encoders import find_weights

    if tier == 1:
        return None
    spec = find_weights(preset)
    presets = [spec.preset]
    if tier == 3:
        name = deep or spec.preset.deep
        presets.append((find_weights(name).preset if name else spec.preset).deepened())
    if all(each.name == "builtin" for each in presets):
        return None
    from rlm.encoders.estimate import Machine, estimate_seconds

    machine = Machine.measure()
    seconds = sum(estimate_seconds(each, video.span.end, machine) for each in presets)
    if seconds < _LONG:
        return None
    names = " and ".join(dict.fromkeys(each.name for each in presets))
    return f"encoding {video.path.name} with {names} takes about {format_time(seconds, 0)} here"
