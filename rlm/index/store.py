"""Index folders on disk: content-addressed, written whole or not at all.

An index is the folder ``<root>/<key>`` with its arrays as ``.npy`` files and ``manifest.json``. The
key is a digest of the video's content, the encoder's revision, the parameters and the schema, so an
index is never right for one build and wrong for the next. A build writes ``<key>.building`` beside
it under an advisory lock and renames it when it is complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rlm.errors import EncoderError, IndexDamaged

SCHEMA = 2
"""Raised whenever what a build computes or stores changes its meaning."""

_MANIFEST = "manifest.json"
_BUILDING = ".building"
_DISCARDED = ".discarded"
_LOCK = ".lock"
_LEFTOVER = re.compile(rf"([0-9a-f]{{32}})(?:{_BUILDING}|{_DISCARDED}|{_LOCK})")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameters(_Model):
    """Everything besides the video that an index depends on."""

    model: str
    revision: str
    frames: int
    fps: float
    crop: int
    resize: Literal["squash", "crop"]
    spaces: dict[str, str]


class _ArrayEntry(_Model):
    """One ``.npy`` file and the SHA-256 of its bytes."""

    file: str
    sha256: str


class _TrackEntry(_Model):
    space: str
    timeline: str
    array: _ArrayEntry


class _Manifest(_Model):
    """The one JSON file of an index; ``seal`` is a digest of all the rest."""

    schema_version: int
    key: str
    content: str
    source: str
    duration: float
    preset: str
    parameters: Parameters
    timelines: dict[str, _ArrayEntry]
    tracks: dict[str, _TrackEntry]
    seal: str = ""

    def digest(self) -> str:
        return _digest(self.model_dump(mode="json", exclude={"seal"}))


@dataclass(frozen=True)
class Track:
    """Vectors float32[N, D] in ``space``, a row for each span of the time line it names."""

    space: str
    timeline: str
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Contents:
    """What an index holds.

    ``content`` is the SHA-256 of the video file, ``source`` its name when the index was built,
    ``preset`` the name of the encoder's preset, or of the folder its weights were in. ``timelines``
    are float64[N, 2], starts and ends in seconds. Arrays that were read are memory-mapped and
    read-only.
    """

    content: str
    source: str
    duration: float
    preset: str
    parameters: Parameters
    timelines: Mapping[str, NDArray[np.float64]]
    tracks: Mapping[str, Track]


def default_root() -> Path:
    """``videorlm/index`` in the user's cache folder: ``$XDG_CACHE_HOME``, else ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "videorlm" / "index"


def index_key(content: str, parameters: Parameters) -> str:
    """The name of an index's folder, 32 hexadecimal digits."""
    parts = {
        "content": content,
        "parameters": parameters.model_dump(mode="json"),
        "schema": SCHEMA,
    }
    return _digest(parts)[:32]


def read(folder: Path) -> Contents:
    """Open an index and check every byte of it.

    Raises ``IndexDamaged`` when the folder is none, is damaged, or is of another schema.
    """
    manifest = _read_manifest(folder)
    timelines: dict[str, NDArray[np.float64]] = {
        name: _read_array(folder, entry, np.dtype(np.float64))
        for name, entry in manifest.timelines.items()
    }
    tracks = {
        name: Track(
            entry.space, entry.timeline, _read_array(folder, entry.array, np.dtype(np.float32))
        )
        for name, entry in manifest.tracks.items()
    }
    for name, track in tracks.items():
        if len(timelines.get(track.timeline, ())) != len(track.vectors):
            raise _damaged(folder, f"track {name} does not fit its time line")
    return Contents(
        manifest.content,
        manifest.source,
        manifest.duration,
        manifest.preset,
        manifest.parameters,
        timelines,
        tracks,
    )


def write(root: Path, contents: Contents) -> None:
    """Write a whole index into ``root``; call it inside ``exclusive``.

    What stood at the same place is replaced.

    Raises ``EncoderError`` when it cannot be written (no space, say); nothing is left then.
    """
    key = index_key(contents.content, contents.parameters)
    folder, building, discarded = (root / f"{key}{end}" for end in ("", _BUILDING, _DISCARDED))
    try:
        building.mkdir()
        manifest = _Manifest(
            schema_version=SCHEMA,
            key=key,
            content=contents.content,
            source=contents.source,
            duration=contents.duration,
            preset=contents.preset,
            parameters=contents.parameters,
            timelines={
                name: _write_array(building, name, array)
                for name, array in contents.timelines.items()
            },
            tracks={
                name: _TrackEntry(
                    space=track.space,
                    timeline=track.timeline,
                    array=_write_array(building, f"track-{name}", track.vectors),
                )
                for name, track in contents.tracks.items()
            },
        )
        sealed = manifest.model_copy(update={"seal": manifest.digest()})
        _write_file(building / _MANIFEST, sealed.model_dump_json(indent=1).encode())
        _sync_folder(building)
        if folder.exists():
            folder.rename(discarded)
        building.rename(folder)
        _sync_folder(root)
    except OSError as error:
        raise EncoderError(
            f"the index could not be written to {root}: {error.strerror or error}; free some space "
            "or choose another cache folder (VIDEORLM_CACHE)"
        ) from error
    finally:
        _remove(building)
        _remove(discarded)


@contextmanager
def exclusive(root: Path, key: str) -> Iterator[None]:
    """Hold the right to build ``key``, waiting for whoever holds it.

    What builds that were killed have left in ``root`` is removed on the way in.

    Raises ``EncoderError`` when ``root`` cannot be written to.
    """
    path = root / f"{key}{_LOCK}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = _acquire(path)
    except OSError as error:
        raise EncoderError(
            f"the index folder {root} cannot be used: {error.strerror or error}; choose a "
            "cache folder that can be written to (VIDEORLM_CACHE)"
        ) from error
    try:
        _sweep(root, key)
        yield
    finally:
        _release(lock, path)


def _sweep(root: Path, own_key: str) -> None:
    """Remove leftovers whose builder is gone: their lock is free, or it is ours.

    The lock files of builders that were killed go with them. What may not be removed (a shared
    folder holds other people's too) is left.
    """
    matches = [_LEFTOVER.fullmatch(path.name) for path in root.iterdir()]
    for key in {match[1] for match in matches if match}:
        if key == own_key:
            _remove_unfinished(root, key)
            continue
        path = root / f"{key}{_LOCK}"
        with suppress(OSError):
            lock = _acquire(path, wait=False)
            try:
                _remove_unfinished(root, key)
            finally:
                _release(lock, path)


def _remove_unfinished(root: Path, key: str) -> None:
    _remove(root / f"{key}{_BUILDING}")
    _remove(root / f"{key}{_DISCARDED}")


def _acquire(path: Path, *, wait: bool = True) -> int:
    """Lock ``path``, made if need be; ``BlockingIOError`` when it is held and ``wait`` is off."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            # The holder before us may have removed the file while we waited for its lock: then
            # what we hold is a lock that nobody else will ever see.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _release(descriptor: int, path: Path) -> None:
    # In this order: a lock that is given up first could be taken, and its file then removed.
    try:
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _read_manifest(folder: Path) -> _Manifest:
    try:
        text = (folder / _MANIFEST).read_text()
        version = json.loads(text).get("schema_version")
        if version != SCHEMA:
            raise _damaged(folder, f"it is of schema {version}, this release reads {SCHEMA}")
        manifest = _Manifest.model_validate_json(text)
    except FileNotFoundError as error:
        raise _damaged(folder, f"there is no {_MANIFEST}") from error
    except OSError as error:
        raise _damaged(folder, f"{_MANIFEST}: {error.strerror}") from error
    except (ValidationError, ValueError, AttributeError) as error:
        raise _damaged(folder, f"{_MANIFEST} is not the manifest of an index") from error
    own_key = index_key(manifest.content, manifest.parameters)
    if manifest.seal != manifest.digest() or manifest.key != own_key:
        raise _damaged(folder, f"{_MANIFEST} was changed after it was written")
    return manifest


def _read_array(folder: Path, entry: _ArrayEntry, dtype: np.dtype[Any]) -> NDArray[Any]:
    path = folder / entry.file
    try:
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != entry.sha256:
            raise _damaged(folder, f"{entry.file} was changed after it was written")
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise _damaged(folder, f"{entry.file} is missing") from error
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{entry.file} cannot be read") from error
    if array.dtype != dtype or array.ndim != 2:
        raise _damaged(folder, f"{entry.file} holds {array.dtype}{list(array.shape)}")
    return array


def _write_array(folder: Path, name: str, array: NDArray[Any]) -> _ArrayEntry:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    _write_file(folder / f"{name}.npy", buffer.getbuffer())
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    return _ArrayEntry(file=f"{name}.npy", sha256=digest)


def _write_file(path: Path, content: bytes | memoryview) -> None:
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(folder: Path, reason: str) -> IndexDamaged:
    return IndexDamaged(f"the index in {folder} cannot be used: {reason}; build it again")


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
