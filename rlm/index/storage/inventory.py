"""What lies in an index folder, and what of it can go."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rlm.errors import EncoderError, IndexDamaged
from rlm.index.storage import store
from rlm.locks import locked

# Only what bears a name we give is ours: other things may lie in the folder.
_VIDEO = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"[a-z]+-[0-9a-f]{16}(\.building|\.discarded)?")
_LOCKED = re.compile(r"[0-9a-f]{32}(-[a-z]+-[0-9a-f]{16})?")
# A build that has written nothing for this long is not going to be taken up again.
_STALE = 7 * 86400.0


@dataclass(frozen=True)
class Entry:
    """One part on disk, or what is left of one.

    ``what`` says it in words; ``used`` is when it was last opened or written to (seconds since
    1970). ``state`` is ``"whole"``, ``"unfinished"`` (a build that was stopped, or is under way) or
    ``"unusable"`` (damaged, or of another release).
    """

    folder: Path
    video: str
    kind: str
    what: str
    state: str
    size: int
    used: float


def entries(root: Path) -> Iterator[Entry]:
    """Every part under ``root``, video by video; the manifests are read, the arrays are not.

    What else lies there is passed over.
    """
    for video in sorted(_folders(root)):
        if video.name == store.FEATURES:
            yield _entry(video, "all videos", "features", "", "whole")
        elif _VIDEO.fullmatch(video.name) and _is_earlier(video):
            yield _entry(video, "", "index", "of an earlier release", "unusable")
        elif _VIDEO.fullmatch(video.name):
            for folder in sorted(_folders(video)):
                if _PART.fullmatch(folder.name):
                    yield _describe(folder)


def prune(
    root: Path, *, older_than: float | None = None, max_bytes: int | None = None
) -> list[Entry]:
    """Remove what cannot be used, and what has not been used; returns what went.

    Always: what is unusable, and unfinished builds untouched for a week. With ``older_than``, in
    seconds, also what nobody opened for so long. With ``max_bytes``, also what was opened least
    recently until the rest fits. A video that is being indexed is left alone.

    Raises ``EncoderError`` when something may not be removed.
    """
    now, found = time.time(), list(entries(root))
    gone = [
        each
        for each in found
        if each.state == "unusable"
        or (each.state == "unfinished" and now - each.used > _STALE)
        or (older_than is not None and now - each.used > older_than)
    ]
    if max_bytes is not None:
        rest = sorted((each for each in found if each not in gone), key=lambda each: each.used)
        total = sum(each.size for each in rest)
        for each in rest:
            if total <= max_bytes:
                break
            gone.append(each)
            total -= each.size
    for lock in root.glob(f"*{store.LOCK}"):
        if _LOCKED.fullmatch(lock.stem):
            with suppress(OSError), locked(lock, wait=False):
                pass  # it was that of a build that was killed, and goes
    return [each for each in gone if _remove(root, each)]


def _remove(root: Path, entry: Entry) -> bool:
    video = entry.folder if entry.folder.parent == root else entry.folder.parent
    try:
        with locked(video.with_name(video.name + store.LOCK), wait=False):
            store.remove(entry.folder)
            if video.is_dir() and not any(video.iterdir()):
                video.rmdir()
    except BlockingIOError:
        return False
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EncoderError(
            f"{entry.folder} cannot be removed: {reason}; see who may write there"
        ) from error
    return not entry.folder.exists()


def _is_earlier(folder: Path) -> bool:
    """Whether it holds an index as the releases before parts had it."""
    try:
        manifest = json.loads((folder / store.MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "schema_version" in manifest


def _describe(folder: Path) -> Entry:
    kind = folder.name.partition("-")[0]
    if folder.name.endswith((store.BUILDING, store.DISCARDED)):
        source = ""
        with suppress(OSError, UnicodeError):
            source = (folder / store.SOURCE).read_text()
        return _entry(folder, source, kind, "", "unfinished")
    try:
        manifest = store.read_manifest(folder)
    except IndexDamaged as error:
        return _entry(folder, "", kind, str(error), "unusable")
    parameters = manifest.parameters
    words = [str(parameters[name]) for name in ("model", "recogniser") if name in parameters]
    if "frames" in parameters:
        words.append(f"{parameters['frames']}/{parameters['stride']}")
    elif "crop" in parameters:
        words.append(f"{parameters['crop']} px")
    return _entry(folder, manifest.source, kind, " ".join(words), "whole")


def _entry(folder: Path, video: str, kind: str, what: str, state: str) -> Entry:
    size, used = 0, 0.0
    for path in (folder, *folder.rglob("*")):
        try:
            status = path.lstat()
        except OSError:  # a build under way renames its files
            continue
        used = max(used, status.st_mtime)
        # Blocks, not length: a file may have holes.
        size += status.st_blocks * 512
    return Entry(folder, video, kind, what, state, size, used)


def _folders(root: Path) -> list[Path]:
    try:
        return [path for path in root.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
