"""Where videos lay when they were last opened here: a transcript names its own by digest alone.

A transcript may be given away, so it does not tell where on somebody's machine the video lies, and
it may come from anybody, so it is not to say which file is opened. That is written down beside the
indexes, a file a video, whose name is the digest.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.errors import VideoError

if TYPE_CHECKING:
    from rlm.video import Video

FOLDER = "whereabouts"
"""Below the folder of the indexes."""


def remember(video: Video, cache: Path | None) -> None:
    """Write down where ``video`` lies; left out where nothing can be written."""
    with suppress(OSError, UnicodeError):
        place = str(video.path.resolve())
        encoded, file = place.encode(), _file(video.sha256, cache)
        if _read(file) != place:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{os.getpid()}.part")
            partial.write_bytes(encoded)
            partial.replace(file)


def remembered(sha256: str, cache: Path | None) -> Path | None:
    """Where the video with that digest lay, whatever is there now."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        return None
    place = _read(_file(sha256, cache))
    return Path(place) if place else None


def opened_as(path: Path, sha256: str) -> Video | None:
    """The video at ``path``, if it is the one with that digest."""
    from rlm.video import Video

    try:
        video = Video.open(path)
        same = video.sha256 == sha256
    except VideoError:
        return None
    return video if same else None


def _file(sha256: str, cache: Path | None) -> Path:
    from rlm.index.storage.store import default_root

    return (cache or default_root()) / FOLDER / sha256


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return ""
