"""The transcripts of a video: from files beside it, from inside it, recognised from its sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from rlm.encoders.folder import digest as folder_digest
from rlm.errors import UsageError
from rlm.index.reading import Progress
from rlm.index.shots import subtitles_fact, subtitles_of
from rlm.index.storage import store
from rlm.index.storage.store import Part, PartId
from rlm.video import Subtitles, Video
from rlm.video.subtitles import find_sidecars, read_sidecar

_KIND = "speech"


def find_transcripts(root: Path, video: Video, pictures: Part) -> tuple[Subtitles, ...]:
    """Subtitle files beside ``video``, then streams the pass found in it, then recognised speech.

    ``pictures`` is the part that tells of the pass. A file that cannot be read is left out: see
    ``unreadable_sidecars``.
    """
    sidecars = []
    for path in find_sidecars(video.path):
        with suppress(UsageError, OSError):
            status = path.stat()
            sidecars.append(_read(path, video, (status.st_size, status.st_mtime_ns)))
    inside: Any = pictures.facts.get("subtitles", [])
    spoken = store.find_kind(root, video.sha256, _KIND)
    return (
        *sidecars,
        *subtitles_of(inside),
        *(each for part in spoken for each in subtitles_of(part.facts["subtitles"]) if each.cues),
    )


@lru_cache(maxsize=16)
def _read(path: Path, video: Video, stamp: tuple[int, int]) -> Subtitles:
    """Kept, since a search by text asks for it each time; ``stamp`` tells a file that changed."""
    return read_sidecar(path, video)


def unreadable_sidecars(video: Video) -> Iterator[str]:
    """What is wrong with each subtitle file beside ``video`` that cannot be read, in one line."""
    for path in find_sidecars(video.path):
        try:
            read_sidecar(path, video)
        except UsageError as error:
            yield str(error)


def recognise(
    root: Path, video: Video, recogniser: str, progress: Progress | None = None
) -> Subtitles:
    """What ``recogniser`` hears in ``video``, from the cache or recognised now; see ``speech``."""
    parameters: dict[str, JsonValue] = {"recogniser": recogniser}
    if Path(recogniser).is_dir():
        parameters = {
            "recogniser": Path(recogniser).resolve().name,
            "revision": folder_digest(Path(recogniser)),
        }

    def make(part: PartId) -> Part:
        from rlm.index.spoken.speech import transcribe

        facts = {"subtitles": subtitles_fact([transcribe(video, recogniser, progress)])}
        return Part(part, video.path.name, video.span.end, facts=facts)

    found = store.find_or_make(root, PartId(video.sha256, _KIND, parameters), make)
    return subtitles_of(found.facts["subtitles"])[0]
