"""A transcript: a folder with ``events.jsonl`` (append only) and what is filed by its hash.

Pictures are ``media/<sha256>.jpg``. System prompts, which the sessions of a run have in common, are
``media/<sha256>.txt.gz``.

Every event is on disk, as one whole line, before the next step of the session begins. A process
that dies at any moment leaves at most one unfinished last line, which the reader drops.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from rlm.agent.events import (
    READABLE,
    SCHEMA_VERSION,
    AnyEvent,
    Event,
    Prompted,
    SessionStarted,
    event_adapter,
)
from rlm.errors import TranscriptError
from rlm.sources import data_folder

EVENTS = "events.jsonl"
UNSEEN = "events.jsonl.part"
"""The same of a run that is not to be found yet."""
MEDIA = "media"
_NAMED = re.compile(r"\d{8}-\d{6}-\d{6}-")
"""How the names of runs begin: nothing else is ever removed."""
ABANDONED = 60.0
"""Seconds after which an unseen run that nobody writes is removed; younger, it may not be locked
yet."""
LONG = 4096
"""Characters of a system prompt from which on it is filed."""
LONGEST = 1 << 22
"""Bytes that are read of one: a transcript may come from anybody, and unpack without end."""


def default_folder() -> Path:
    """Where transcripts go when nothing else is set: the user's data folder."""
    return data_folder() / "transcripts"


class Filed:
    """Where transcripts of the same run filed what, so that equal files take their room once.

    It remembers the last ``most`` of them. Several threads may use one.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._paths: dict[str, Path] = {}
        self._lock = threading.Lock()

    def write(self, target: Path, data: bytes) -> None:
        """Write ``data`` to ``target``, whose name is its hash; an equal file is linked to.

        Raises ``OSError`` when it cannot be written.
        """
        with self._lock:  # two that write the same at the same moment would each keep a copy
            known = self._paths.get(target.name)
            if known is not None:
                with suppress(OSError):  # gone since, or there are no links in this file system
                    os.link(known, target)
                    return
            partial = target.with_suffix(".part")
            partial.write_bytes(data)
            partial.replace(target)
            self._paths[target.name] = target
            if len(self._paths) > self._most:
                del self._paths[next(iter(self._paths))]


class TranscriptWriter:
    """A sink that writes a session down. Use it as a context manager.

    Files that ``filed`` knows from other transcripts are linked. One that begins ``unseen`` is no
    run that anybody finds until :meth:`publish`: a copy that is not whole must not be the last run,
    whatever ends this process. Raises ``TranscriptError`` when the folder cannot be made or
    written.
    """

    def __init__(
        self, parent: Path, question: str, filed: Filed | None = None, *, unseen: bool = False
    ) -> None:
        self._files = filed or Filed(0)
        self._unseen = unseen
        slug = "-".join(re.findall(r"\w+", question.lower())[:6])[:40].strip("-") or "run"
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        self.path = parent / f"{stamp}-{slug}"
        try:
            (self.path / MEDIA).mkdir(parents=True)
            self._file = (self.path / (UNSEEN if unseen else EVENTS)).open("ab", buffering=0)
            if unseen:
                with suppress(OSError):  # where files cannot be locked, nothing is removed either
                    fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            raise TranscriptError(
                f"cannot write a transcript under {parent}: {error.strerror}; "
                "choose another folder with --transcripts"
            ) from error
        if unseen:
            _remove_abandoned(parent)

    def __call__(self, event: Event) -> None:
        """Append one event, unless it is transient."""
        if event.transient:
            return
        # What is as it is by default goes without saying, except what kind of event it is.
        usual = {
            name
            for name, field in type(event).model_fields.items()
            if name not in ("kind", "schema_version") and getattr(event, name) == field.default
        }
        if isinstance(event, Prompted) and event.role == "system":
            row = event.model_dump(mode="json", exclude=usual)
            row["parts"] = [self._filed(part) for part in row["parts"]]
            line = json.dumps(row) + "\n"
        else:
            line = event.model_dump_json(exclude=usual) + "\n"
        try:
            self._write(line.encode())
        except OSError as error:
            raise TranscriptError(f"cannot write {self.path}: {error.strerror}") from error

    def publish(self) -> None:
        """Let the run be found, with all that has been written, at once."""
        if not self._unseen:
            return
        try:
            (self.path / UNSEEN).rename(self.path / EVENTS)
        except OSError as error:
            raise TranscriptError(f"cannot write {self.path}: {error.strerror}") from error
        self._unseen = False

    def media(self, sha256: str, jpeg: bytes) -> None:
        """File a picture under its hash, once."""
        self._file_away(f"{sha256}.jpg", jpeg)

    def _filed(self, part: Any) -> Any:
        """A part of a system prompt as it is written down: long words as the name of their file."""
        if not isinstance(part, str) or len(part) < LONG:
            return part
        name, packed = _packed(part)
        self._file_away(f"{name}.txt.gz", packed)
        return {"kind": "filed", "sha256": name}

    def _file_away(self, name: str, data: bytes) -> None:
        target = self.path / MEDIA / name
        if target.exists():
            return
        try:
            self._files.write(target, data)
        except OSError as error:
            raise TranscriptError(f"cannot write {target}: {error.strerror}") from error

    def discard(self) -> None:
        """Remove the folder: the session failed before it had anything to tell."""
        self._file.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> TranscriptWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _write(self, line: bytes) -> None:
        done = 0
        while done < len(line):  # an unbuffered write may be short on a full disk
            done += self._file.write(line[done:]) or 0


def _remove_abandoned(parent: Path) -> None:
    """Remove what a process that was killed left unseen: nobody holds its lock."""
    for part in parent.glob(f"*/{UNSEEN}"):
        if not _NAMED.match(part.parent.name):
            continue
        with suppress(OSError), part.open("rb") as file:
            status = os.fstat(file.fileno())
            if time.time() - status.st_mtime > ABANDONED:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while it is under way
                if part.stat().st_ino == status.st_ino:  # or it was published in between
                    shutil.rmtree(part.parent / MEDIA, ignore_errors=True)
                    part.unlink()
                    part.parent.rmdir()


@lru_cache(maxsize=8)
def _packed(words: str) -> tuple[str, bytes]:
    """The hash of a text, and the text as it is filed; many sessions have it in common."""
    data = words.encode()
    return hashlib.sha256(data).hexdigest(), gzip.compress(data, mtime=0)


class Transcript:
    """A saved run, read back.

    ``complete`` is whether it ends as a session ends; a run that was killed is still readable up
    to its last whole event.
    """

    def __init__(self, path: Path, events: tuple[AnyEvent, ...], complete: bool) -> None:
        self.path = path
        self.events = events
        self.complete = complete

    @property
    def header(self) -> SessionStarted:
        """The first event."""
        first = self.events[0]
        assert isinstance(first, SessionStarted)
        return first

    def media(self, sha256: str) -> Path:
        """The file of a picture.

        Raises ``TranscriptError`` for a hash that is none: it may not lead to another folder.
        """
        return self.path / MEDIA / f"{_hash(sha256)}.jpg"

    @classmethod
    def load(cls, path: Path) -> Transcript:
        """Read the folder ``path`` (or its ``events.jsonl``).

        Raises ``TranscriptError`` when there is none, a line is not an event of a known schema,
        or the file does not begin with a header.
        """
        folder = path.parent if path.name == EVENTS else path
        file = folder / EVENTS
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise TranscriptError(
                f"no transcript at {path}: {error.strerror}; give a folder that holds {EVENTS}"
            ) from error
        events = tuple(_events(file, raw))
        if not events:
            raise TranscriptError(f"{file} holds no whole event: the run died before it began")
        if not isinstance(events[0], SessionStarted):
            raise TranscriptError(f"{file} does not begin with a session_started event")
        last = events[-1]
        return cls(folder, events, complete=last.kind == "session_ended" and not last.session)


def _events(file: Path, raw: bytes) -> Iterator[AnyEvent]:
    *lines, rest = raw.split(b"\n")  # what follows the last newline was cut short, or is empty
    del rest
    _check_schema(file, lines[0] if lines else b"")
    for number, line in enumerate(lines, start=1):
        if b'"kind": "filed"' in line:
            line = _whole(file.parent / MEDIA, line)
        try:
            event = event_adapter.validate_json(line)
        except ValidationError as error:
            what = error.errors()[0]
            raise TranscriptError(
                f"{file} line {number} is not an event of schema {SCHEMA_VERSION}: {what['msg']}"
            ) from error
        yield event


def _hash(name: str) -> str:
    """``name`` if it is a hash; what is none might lead to another folder."""
    if not re.fullmatch(r"[0-9a-f]+", name):
        raise TranscriptError(f"a transcript names a file by what is no hash: {name!r}")
    return name


def _whole(media: Path, line: bytes) -> bytes:
    """A line with the words whose files it names; as it is where it is none that could."""
    try:
        row = json.loads(line)
        parts = list(row["parts"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return line  # the reader says what is wrong
    for place, part in enumerate(parts):
        if isinstance(part, dict) and part.get("kind") == "filed":
            name = f"{_hash(str(part.get('sha256')))}.txt.gz"
            try:
                with gzip.open(media / name) as file:
                    words = file.read(LONGEST + 1)
                if len(words) > LONGEST:
                    raise TranscriptError(f"{media / name} is too long for a system prompt")
                parts[place] = words.decode()
            except (OSError, EOFError, ValueError, zlib.error) as error:
                raise TranscriptError(f"{media / name} cannot be read: {error}") from error
    return json.dumps(row | {"parts": parts}).encode()


def _check_schema(file: Path, header: bytes) -> None:
    """Refuse another schema before its events are found to be strange."""
    try:
        found = json.loads(header).get("schema_version", SCHEMA_VERSION)
    except (ValueError, AttributeError):
        return  # no header at all; the reader says so
    if found not in READABLE:
        known = ", ".join(map(str, sorted(READABLE)))
        raise TranscriptError(f"{file} has schema {found}, this version reads {known}")


def _has_begun(file: Path) -> bool:
    """Whether there is a whole event: a run that was killed at once has none."""
    try:
        with file.open("rb") as stream:
            return stream.readline().endswith(b"\n")
    except OSError:
        return False


def runs_under(parent: Path) -> list[Path]:
    """The folders of the runs in ``parent`` that have begun, the newest last."""
    # Names begin with the time in UTC.
    return sorted(path for path in parent.glob("*") if _has_begun(path / EVENTS))


def link(run: Path, parent: Path | None = None) -> None:
    """Have a run that lies elsewhere be found under ``parent`` for as long as it is there.

    Where it cannot be linked to, it is found by its path alone.
    """
    parent = parent or default_folder()
    with suppress(OSError):
        parent.mkdir(parents=True, exist_ok=True)
        for other in parent.glob("*"):
            if _NAMED.match(other.name) and other.is_symlink() and not other.exists():
                other.unlink()  # to what was removed since
        (parent / run.name).symlink_to(run.resolve())


def find(name: str, parent: Path | None = None) -> Path:
    """The folder of a transcript by path, by name under ``parent``, or ``last``.

    Raises ``TranscriptError`` when there is none.
    """
    parent = parent or default_folder()
    if name == "last":
        runs = runs_under(parent)
        if not runs:
            raise TranscriptError(f"no transcript yet under {parent}; videorlm ask makes one")
        return runs[-1]
    for candidate in (Path(name), parent / name) if name else ():
        with suppress(OSError):  # a folder that may not be entered holds nothing for us
            if candidate.exists():
                return candidate
    raise TranscriptError(f"no transcript {name!r}, neither here nor under {parent}")
