"""The folder of a run: its header, its results as they come, its transcripts.

::

    run.json           what the run measures, and who sat at it when
    results.jsonl      a line for each question that was asked, appended when it is done
    transcripts/       the whole of every session

A line is on its way to the disk before the next question of its worker begins, whole or not at all:
a process that is killed loses the questions it was at. What it left of them, a line that was cut
short and transcripts that no line names, is removed when the run goes on.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from rlm.agent.transcript import EVENTS
from rlm.errors import UsageError
from rlm.evaluation.results import SCHEMA_VERSION, ItemResult, Judged, Key, RunHeader, Sitting
from rlm.locks import locked

HEADER, RESULTS, TRANSCRIPTS, LOCK = "run.json", "results.jsonl", "transcripts", ".lock"
SYNC = 1.0
"""Seconds that a power cut may take back, beyond the questions under way."""
NOT_COMPARED = {"sittings", "annotations", "videos"}
"""Fields of a header that may differ when a run goes on: data may have been moved."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def disk_full(error: BaseException) -> OSError | None:
    """The refusal to write any more that is behind ``error``, if one is."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def read_header(path: Path) -> RunHeader:
    """The header of the run in ``path``.

    Raises ``UsageError`` where there is none, or one of another schema.
    """
    file = path / HEADER
    try:
        header = RunHeader.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} holds no run: {file.name}: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"{file} is no header of a run: {error.errors()[0]['msg']}") from error
    if header.schema_version != SCHEMA_VERSION:
        raise UsageError(
            f"{file} has schema {header.schema_version}, this version reads {SCHEMA_VERSION}"
        )
    return header


def read_results(path: Path) -> Iterator[ItemResult]:
    """The results of the run in ``path``, one at a time: the last of each question.

    Raises ``UsageError`` where there is no run, or a line is no result.
    """
    last = {key: number for number, key in enumerate(_rows(path, Key))}
    wanted = set(last.values())
    yield from _rows(path, ItemResult, wanted)


def dollars(path: Path) -> float:
    """What all that was asked and judged in the run in ``path`` took, as far as it is known.

    Raises as :func:`read_results`.
    """
    total, asked = 0.0, set[tuple[str, int, str]]()
    for row in _rows(path, _Cost):
        attempt = (row.id, row.repeat, row.started)
        if attempt not in asked:  # a line with a later verdict has the same attempt again
            total += row.usd or 0.0
            asked.add(attempt)
        total += (row.judged and row.judged.usd) or 0.0
    return total


class _Named(BaseModel):
    transcript: str | None = None


class _Cost(Key):
    started: str = ""
    usd: float | None = 0.0
    judged: Judged | None = None


Row = TypeVar("Row", bound=BaseModel)


def _rows(path: Path, kind: type[Row], wanted: Container[int] | None = None) -> Iterator[Row]:
    """What a ``kind`` has of each line, or of those whose numbers, from 0, are ``wanted``."""
    file = path / RESULTS
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UsageError(f"no results at {file}: {error.strerror}") from error
    with stream:
        for number, line in enumerate(stream):
            if not line.endswith(b"\n"):
                return  # cut short: the run was killed while it wrote it
            if wanted is not None and number not in wanted:
                continue
            try:
                yield kind.model_validate_json(line)
            except ValidationError as error:
                what = error.errors()[0]["msg"]
                raise UsageError(
                    f"{file} line {number + 1} is no result of a run: {what}"
                ) from error


class Difference(NamedTuple):
    """A field of two headers that is not the same, with its values in words."""

    name: str
    first: str
    second: str


def differences(first: RunHeader, second: RunHeader) -> list[Difference]:
    """In what two headers differ, apart from :data:`NOT_COMPARED`."""
    one, other = flattened(first), flattened(second)
    return [
        Difference(name, _told(one.get(name)), _told(other.get(name)))
        for name in dict.fromkeys((*one, *other))
        if one.get(name) != other.get(name)
    ]


def flattened(header: RunHeader) -> dict[str, Any]:
    """All that a header says of what is measured, by name."""
    flat: dict[str, Any] = {}
    # By way of JSON, as the one that was read has come.
    for name, value in header.model_dump(mode="json", exclude=NOT_COMPARED).items():
        if isinstance(value, dict):
            prefix = "" if name == "parameters" else f"{name}: "
            flat |= {f"{prefix}{key}": each for key, each in value.items()}
        else:
            flat[name] = value
    return flat


class RunFolder:
    """The folder of a run that is being worked at; get one from :meth:`opened`.

    Several threads may append.
    """

    def __init__(self, path: Path, header: RunHeader) -> None:
        self.path = path
        self.header = header
        self._lock = threading.Lock()
        self._header_told = False
        self._file = os.open(path / RESULTS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._size = os.fstat(self._file).st_size
        self._synced = time.monotonic()

    @classmethod
    @contextmanager
    def opened(cls, path: Path, header: RunHeader, sitting: Sitting) -> Iterator[RunFolder]:
        """The run in ``path`` for one sitting, begun there if need be; nobody else works at it.

        The sitting is told in the header of a run that is there with its first line.

        Raises ``UsageError`` when somebody else does, when the folder holds another run (what
        differs is named) or files that are none of a run's, and ``OSError`` when it cannot be
        written.
        """
        _check_free(path)
        path.mkdir(parents=True, exist_ok=True)
        try:
            with locked(path / LOCK, wait=False):
                known = _known(path, header)
                header = header.model_copy(update={"sittings": (*known, sitting)})
                folder = cls(path, header)
                try:
                    if not known:
                        folder._tell_header()
                    folder._repair()
                    yield folder
                finally:
                    folder._close()
        except BlockingIOError as error:
            raise UsageError(
                f"another run is at work in {path}: wait for it, or choose another --output"
            ) from error

    @property
    def transcripts(self) -> Path:
        """Where the transcripts go."""
        return self.path / TRANSCRIPTS

    def append(self, result: ItemResult) -> None:
        """Add one line, whole or not at all.

        Raises ``OSError`` when it cannot be written, as on a full disk.
        """
        line = result.model_dump_json().encode() + b"\n"
        with self._lock:
            if not self._header_told:
                self._tell_header()
            done = 0
            try:
                while done < len(line):
                    done += os.pwrite(self._file, line[done:], self._size + done)
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(line)
            if time.monotonic() - self._synced > SYNC:
                self._sync()

    def remove_cut_off(self) -> int:
        """Remove the transcripts of questions that were cut off, which no line names; how many.

        A transcript of a failure is named, also when the question was asked again since.
        """
        named = {row.transcript for row in _rows(self.path, _Named)}
        removed = 0
        for events in self.transcripts.glob(f"*/{EVENTS}"):
            if f"{TRANSCRIPTS}/{events.parent.name}" not in named:
                shutil.rmtree(events.parent, ignore_errors=True)
                removed += 1
        return removed

    def _tell_header(self) -> None:
        _replace(self.path / HEADER, self.header.model_dump_json(indent=1).encode() + b"\n")
        self._header_told = True

    def _repair(self) -> None:
        """Remove what a killed process left of a line."""
        position, block = self._size, 1 << 16
        while position:
            start = max(0, position - block)
            data = os.pread(self._file, position - start, start)
            if (found := data.rfind(b"\n")) >= 0:
                position = start + found + 1
                break
            position = start
        if position < self._size:  # a file that is whole keeps the time it was last written at
            os.ftruncate(self._file, position)
        self._size = position

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced = time.monotonic()

    def _close(self) -> None:
        with self._lock:
            try:
                self._sync()
            finally:
                os.close(self._file)
                self._file = -1  # a worker that comes too late must not write into another file


def _check_free(path: Path) -> None:
    """Refuse a folder that somebody keeps other things in."""
    if path.is_dir() and not (path / HEADER).exists() and any(_foreign(path)):
        raise UsageError(f"{path} holds files but no run: choose another folder with --output")
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is no folder: choose another one with --output")


def _foreign(path: Path) -> Iterator[Path]:
    ours = {LOCK, RESULTS, TRANSCRIPTS}
    return (file for file in path.iterdir() if file.name not in ours and file.suffix != ".part")


def _known(path: Path, header: RunHeader) -> tuple[Sitting, ...]:
    """The sittings so far at the same run."""
    if not (path / HEADER).exists():
        return ()
    known = read_header(path)
    if found := differences(known, header):
        told = "; ".join(f"{each.name} {each.first}, not {each.second}" for each in found)
        raise UsageError(
            f"{path} holds a run with {told}: give the same options to go on "
            "with it, or another --output"
        )
    return known.sittings


def _told(value: object) -> str:
    if isinstance(value, str) and len(value) > 40 and " " not in value and "/" not in value:
        return value[:12] + "..."  # a digest
    return "none" if value in (None, "") else str(value)


def _replace(file: Path, data: bytes) -> None:
    partial = file.with_suffix(".part")
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
