"""Index folders on disk: parts, each content-addressed, written whole or not at all.

What is known of a video lies in ``<root>/<content>/``, named by the first half of the SHA-256 of
the file's content. It is made of parts: ``<kind>-<key>/``, each with its arrays as ``.npy`` files
and ``manifest.json``. A part's key is a digest of the video's content, the part's parameters and
the schema, so a part is never right for one build and wrong for the next, and every index that
needs it shares it. A build works in ``<kind>-<key>.building`` beside it, under an advisory lock,
and renames that when it is complete; what a build that was stopped has left there is taken up by
the next.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from rlm.errors import EncoderError, IndexDamaged
from rlm.index.storage.arrays import NOT_THERE, ArrayEntry, damaged, read_array, write_array
from rlm.locks import locked
from rlm.sources import cache_folder

SCHEMA = 4
"""Raised whenever what a build computes or stores changes its meaning."""

MANIFEST = "manifest.json"
BUILDING = ".building"
DISCARDED = ".discarded"
SOURCE = "source"
"""The file in a workplace that says which video it is for."""
LOCK = ".lock"
FEATURES = "features"
VECTORS = (np.float32, np.float16)
"""What the vectors of a track may be."""


@dataclass(frozen=True)
class PartId:
    """Which part: of the video with the SHA-256 ``content``, what kind, made with what."""

    content: str
    kind: str
    parameters: Mapping[str, JsonValue]

    @cached_property
    def key(self) -> str:
        """The digest of all that the part depends on, 32 hexadecimal digits."""
        parts = {"kind": self.kind, "parameters": dict(self.parameters), "content": self.content}
        return _digest({"schema": SCHEMA, **parts})[:32]

    def folder(self, root: Path) -> Path:
        """Where it lies under ``root``, if it is there."""
        return video_folder(root, self.content) / f"{self.kind}-{self.key[:16]}"


@dataclass(frozen=True)
class Track:
    """Vectors [N, D] in ``space``, a row for each span of the time line it names.

    Builds write float32; float16 takes half the room, and is searched as it lies.
    """

    space: str
    timeline: str
    vectors: NDArray[np.float32 | np.float16]


@dataclass(frozen=True)
class Part:
    """What a part holds.

    ``source`` is the name of the video file when the part was made. ``timelines`` are
    float64[N, 2], starts and ends in seconds; ``arrays`` is whatever else is large, ``facts``
    whatever is small. Arrays that were read are read-only, the large ones memory-mapped.
    """

    id: PartId
    source: str
    duration: float
    timelines: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    tracks: Mapping[str, Track] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _TrackEntry(_Model):
    space: str
    timeline: str
    array: ArrayEntry


class Manifest(_Model):
    """The one JSON file of a part; ``seal`` is a digest of all the rest."""

    schema_version: int
    kind: str
    key: str
    content: str
    source: str
    duration: float
    parameters: dict[str, JsonValue]
    facts: dict[str, JsonValue]
    timelines: dict[str, ArrayEntry]
    tracks: dict[str, _TrackEntry]
    arrays: dict[str, ArrayEntry]
    seal: str = ""

    @property
    def id(self) -> PartId:
        """What it is the manifest of."""
        return PartId(self.content, self.kind, self.parameters)

    def digest(self) -> str:
        """The digest of all but ``seal``."""
        return _digest(self.model_dump(mode="json", exclude={"seal"}))


def default_root() -> Path:
    """``videorlm/index`` in the user's cache folder: ``$XDG_CACHE_HOME``, else ``~/.cache``."""
    return cache_folder() / "index"


def video_folder(root: Path, content: str) -> Path:
    """Where the parts of the video with that SHA-256 lie."""
    return root / content[:32]


def read(root: Path, part: PartId) -> Part:
    """Open a part and check every byte of it.

    Raises ``IndexDamaged`` when it is not there, is damaged, or is another than its place says;
    ``EncoderError`` when it may not be read.
    """
    folder = part.folder(root)
    manifest = read_manifest(folder)
    if manifest.id.key != part.key:
        raise damaged(folder, "it is another one than its name says")
    timelines = {
        name: read_array(folder, entry, (np.float64,), 2)
        for name, entry in manifest.timelines.items()
    }
    tracks = {
        name: Track(entry.space, entry.timeline, read_array(folder, entry.array, VECTORS, 2))
        for name, entry in manifest.tracks.items()
    }
    for name, track in tracks.items():
        if len(timelines.get(track.timeline, ())) != len(track.vectors):
            raise damaged(folder, f"track {name} does not fit its time line")
    arrays = {name: read_array(folder, entry) for name, entry in manifest.arrays.items()}
    with suppress(OSError):  # a cache that may only be read is as good
        os.utime(folder)  # tells which parts are in use
    return Part(part, manifest.source, manifest.duration, timelines, tracks, arrays, manifest.facts)


def find(root: Path, part: PartId) -> Part | None:
    """The part, or ``None`` when it is not there or cannot be trusted."""
    try:
        return read(root, part)
    except IndexDamaged:
        return None


def find_kind(root: Path, content: str, kind: str) -> list[Part]:
    """All parts of a kind there are of the video, in the order of their keys."""
    found = []
    for folder in sorted(video_folder(root, content).glob(f"{kind}-*")):
        if folder.suffix in (BUILDING, DISCARDED):
            continue
        with suppress(IndexDamaged):
            found.append(read(root, read_manifest(folder).id))
    return found


def combined_key(parts: Iterable[PartId]) -> str:
    """One digest of many parts, 32 hexadecimal digits, whatever their order."""
    return _digest(sorted(part.key for part in parts))[:32]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the part in ``folder``.

    Raises ``IndexDamaged`` when there is none, or not one this release wrote.
    """
    try:
        text = (folder / MANIFEST).read_text()
        version = json.loads(text).get("schema_version")
        if version != SCHEMA:
            raise damaged(folder, f"it is of schema {version}, this release reads {SCHEMA}")
        manifest = Manifest.model_validate_json(text)
    except NOT_THERE as error:
        raise damaged(folder, f"there is no {MANIFEST}") from error
    except OSError as error:
        path = folder / MANIFEST
        raise EncoderError(f"{path} cannot be read: {error.strerror}; mend that first") from error
    except (ValidationError, ValueError, AttributeError) as error:
        raise damaged(folder, f"{MANIFEST} is not the manifest of an index") from error
    if manifest.seal != manifest.digest() or manifest.key != manifest.id.key:
        raise damaged(folder, f"{MANIFEST} was changed after it was written")
    return manifest


@contextmanager
def exclusive(root: Path, content: str) -> Iterator[None]:
    """Hold the right to build parts of that video, waiting for whoever holds it.

    Raises ``EncoderError`` when ``root`` cannot be written to.
    """
    folder = video_folder(root, content)
    lock = locked(folder.with_name(folder.name + LOCK))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.__enter__()
    except OSError as error:
        raise unwritable(root, error) from error
    try:
        for leftover in folder.glob(f"*{DISCARDED}"):
            remove(leftover)
        yield
    finally:
        with suppress(OSError):  # it holds something, as a rule
            folder.rmdir()
        lock.__exit__(None, None, None)


def workplace(root: Path, part: PartId, source: str) -> Path:
    """The folder in which ``part`` of the video file named ``source`` is being built.

    Use it inside ``exclusive``.

    What lies there was left by a build of the same part that was stopped. Raises ``EncoderError``
    when it cannot be made.
    """
    folder = _building(part.folder(root))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SOURCE).write_text(source, errors="surrogateescape")
    except OSError as error:
        raise unwritable(root, error) from error
    return folder


def write(root: Path, part: Part) -> None:
    """Write a whole part; call it inside ``exclusive``.

    An array that is a memory-mapped file of the part's workplace stays where it is; whatever else
    lies there goes. A whole part that stands there already stays, a damaged one is replaced.

    Raises ``EncoderError`` when it cannot be written (no space, say).
    """
    folder = part.id.folder(root)
    building = workplace(root, part.id, part.source)
    if find(root, part.id) is not None:
        remove(building)
        return
    discarded = folder.with_name(folder.name + DISCARDED)
    try:
        manifest = Manifest(
            schema_version=SCHEMA,
            kind=part.id.kind,
            key=part.id.key,
            content=part.id.content,
            source=part.source,
            duration=part.duration,
            parameters=dict(part.id.parameters),
            facts=dict(part.facts),
            timelines={
                name: write_array(building, f"timeline-{name}", array)
                for name, array in part.timelines.items()
            },
            tracks={
                name: _TrackEntry(
                    space=track.space,
                    timeline=track.timeline,
                    array=write_array(building, f"track-{name}", track.vectors),
                )
                for name, track in part.tracks.items()
            },
            arrays={
                name: write_array(building, f"array-{name}", array)
                for name, array in part.arrays.items()
            },
        )
        sealed = manifest.model_copy(update={"seal": manifest.digest()})
        _write_file(building / MANIFEST, sealed.model_dump_json(indent=1).encode())
        entries = (*sealed.timelines.values(), *sealed.arrays.values())
        entries += tuple(entry.array for entry in sealed.tracks.values())
        whole = {MANIFEST, *(entry.file for entry in entries)}
        for other in building.iterdir():
            if other.name not in whole:
                remove(other)
        _sync_folder(building)
        if folder.exists():
            folder.rename(discarded)
        building.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        raise unwritable(root, error) from error
    finally:
        remove(discarded)


def find_or_make(root: Path, part: PartId, make: Callable[[PartId], Part]) -> Part:
    """The part, or else the one ``make`` makes, which is then kept.

    Two processes that want the same one make it once; other parts of the video can be built
    meanwhile. Raises ``EncoderError`` when it cannot be written, and what ``make`` raises.
    """
    found = find(root, part)
    if found is None:
        with _making(root, part):
            found = find(root, part)
            if found is None:
                found = make(part)
                with exclusive(root, part.content):
                    write(root, found)
    return found


@contextmanager
def _making(root: Path, part: PartId) -> Iterator[None]:
    lock = locked(root / f"{part.content[:32]}-{part.kind}-{part.key[:16]}{LOCK}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.__enter__()
    except OSError as error:
        raise unwritable(root, error) from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and may be removed; never what a link points to."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _building(folder: Path) -> Path:
    return folder.with_name(folder.name + BUILDING)


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


def unwritable(root: Path, error: OSError) -> EncoderError:
    """The error to raise when ``root`` cannot be written to."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "free some space or choose" if full else "choose"
    reason = (error.strerror or str(error)).lower()
    return EncoderError(
        f"the index cannot be written to {root}: {reason}; {remedy} another cache folder "
        "(VIDEORLM_CACHE)"
    )


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
