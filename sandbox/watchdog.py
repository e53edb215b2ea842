"""What resource limits of the kernel do not count: looked at from outside, ten times a second.

Resident memory, threads, the scratch folder's bytes and entries, and the processor time of a cell
that hides behind a host call. A process that passes a limit is killed, and told why.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from sandbox.process import Process

_TICK = 0.1
_UNKNOWN_BYTES = 1 << 62


@dataclass
class _Watched:
    process: Process
    folder: int  # descriptor of a scratch folder in the jail's own memory, or -1
    processor_limit: float | None = None  # absolute processor seconds, None: not yet known


class Watchdog:
    """Kills processes that pass a limit; ``look`` is called by the pool's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, _Watched] = {}

    def add(self, process: Process) -> None:
        """Watch a process."""
        folder = -1
        if process.scratch is None:
            # Its own mount namespace is reached through the process; statvfs is all we ask of it.
            with contextlib.suppress(OSError):
                path = f"/proc/{process.pid}/root{process.plan.orders['scratch']}"
                folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        with self._lock:
            self._watched[id(process)] = _Watched(process, folder)

    def remove(self, process: Process) -> None:
        """Watch it no longer."""
        with self._lock:
            watched = self._watched.pop(id(process), None)
        if watched is not None and watched.folder >= 0:
            os.close(watched.folder)

    def processes(self) -> list[Process]:
        """All that are watched."""
        with self._lock:
            return [watched.process for watched in self._watched.values()]

    def kill(self) -> None:
        """Kill all that are watched; none of them is closed meanwhile."""
        with self._lock:
            for watched in self._watched.values():
                watched.process.kill()

    def interval(self) -> float | None:
        """Seconds until the next look; None while there is nothing to watch."""
        return _TICK if self._watched else None

    def look(self) -> None:
        """Look at every process; one that cannot be watched is ended like one that misbehaves."""
        with self._lock:
            for watched in self._watched.values():
                if watched.process.fate is not None:
                    continue
                try:
                    fate = _judge(watched)
                except (FileNotFoundError, ProcessLookupError):
                    continue  # it ended while we looked
                except (OSError, LookupError, ValueError):
                    fate = "it could not be watched"
                if fate is not None:
                    watched.process.end(fate)


def _judge(watched: _Watched) -> str | None:
    process, limits = watched.process, watched.process.limits
    # Bytes and line feeds only: names in these files are the jail's choice, and may hold anything
    # that Python takes for the end of a line.
    lines = Path(f"/proc/{process.pid}/status").read_bytes().split(b"\n")
    numbers = {name: value.split() for name, _, value in (line.partition(b":") for line in lines)}
    if b"VmRSS" not in numbers:
        return None  # its memory is gone already: it is ending
    unlinked, in_scratch = _unlinked_bytes(watched)
    resident = int(numbers[b"VmRSS"][0]) * 1024
    if resident + unlinked - in_scratch > limits.memory_bytes + limits.array_bytes:
        return f"it used more than {limits.memory_bytes} bytes of memory"
    if int(numbers[b"Threads"][0]) > limits.processes + 1:
        return f"it started more than {limits.processes} threads"
    size, count = _scratch_usage(watched)
    if process.scratch is not None:
        size += in_scratch
    if size > limits.scratch_bytes:
        return f"its files passed {limits.scratch_bytes} bytes"
    if count > limits.scratch_files:
        return f"it made more than {limits.scratch_files} files"
    return _judge_processor(watched)


def _scratch_usage(watched: _Watched) -> tuple[int, int]:
    scratch, limits = watched.process.scratch, watched.process.limits
    if scratch is not None:
        try:
            size, count = scratch.usage(limits.scratch_files)
        except OSError:  # a name too long to follow, a folder without the right to list it
            return 0, limits.scratch_files + 1
        if _has_deleted_mapping(watched.process.pid, os.fsencode(scratch.path)):
            size += _UNKNOWN_BYTES  # nothing tells the size of a file that is only mapped
        return size, count
    if watched.folder < 0:
        return 0, 0
    state = os.statvfs(watched.folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize, state.f_files - state.f_ffree


def _unlinked_bytes(watched: _Watched) -> tuple[int, int]:
    """Bytes of open files without a name: of all, and of those in the scratch folder.

    Deleted files stay on the disk while they are open. The others are arrays of the host's that
    are kept open: memory that no mapping shows. (An honest session maps them and closes them.)
    """
    process = watched.process
    device = os.fstat(watched.folder).st_dev if watched.folder >= 0 else None
    if process.scratch is not None:
        device = process.scratch.path.stat().st_dev
    sizes: dict[tuple[int, int], int] = {}
    try:
        descriptors = list(Path(f"/proc/{process.pid}/fd").iterdir())
    except PermissionError:
        if process.scratch is not None:
            raise
        return 0, 0  # another user namespace's: its scratch folder is limited by its own size
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            state = descriptor.stat()
            if state.st_nlink == 0 and stat.S_ISREG(state.st_mode):
                sizes[state.st_dev, state.st_ino] = state.st_blocks * 512
    return sum(sizes.values()), sum(n for (dev, _), n in sizes.items() if dev == device)


def _has_deleted_mapping(pid: int, scratch: bytes) -> bool:
    """Whether a file of the scratch folder was deleted and is still mapped."""
    lines = Path(f"/proc/{pid}/maps").read_bytes().split(b"\n")
    return any(b" " + scratch + b"/" in line and line.endswith(b" (deleted)") for line in lines)


def _judge_processor(watched: _Watched) -> str | None:
    """A cell's processor time may not pass its time limit by more than the grace period.

    This is no second clock: it holds the cell whose main part waits for a host call, which stops
    the clock, while its threads go on, and the threads a finished cell left running.
    """
    process = watched.process
    seconds = process.cell_seconds
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    if process.cell_begun:
        process.cell_begun = False
        watched.processor_limit = None
    if watched.processor_limit is None:
        allowed = seconds or process.limits.cell_seconds
        watched.processor_limit = used + allowed + process.limits.grace_seconds + 2 * _TICK
    if used > watched.processor_limit:
        return "its threads used more processor time than the cell's limit"
    return None
