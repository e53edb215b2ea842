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
_IDLE_TICKS = 10  # a process without a cell is looked at this much less often
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
        self._ticks = 0

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

    def interval(self) -> float | None:
        """Seconds until the next look; None while there is nothing to watch."""
        return _TICK if self._watched else None

    def look(self) -> None:
        """Look at every process that runs a cell; now and then at the others as well."""
        self._ticks += 1
        everyone = self._ticks % _IDLE_TICKS == 0
        with self._lock:
            for watched in self._watched.values():
                process = watched.process
                if process.fate is None and (process.cell_seconds is not None or everyone):
                    try:
                        fate = _judge(watched)
                    except (OSError, LookupError, ValueError):
                        continue  # it ended while we looked
                    if fate is not None:
                        process.end(fate)


def _judge(watched: _Watched) -> str | None:
    process, limits = watched.process, watched.process.limits
    status = Path(f"/proc/{process.pid}/status").read_text()
    numbers = dict(line.split(":", 1) for line in status.splitlines())
    resident = int(numbers["VmRSS"].split()[0]) * 1024
    if resident > limits.memory_bytes + limits.array_bytes:
        return f"it used more than {limits.memory_bytes} bytes of memory"
    if int(numbers["Threads"]) > limits.processes + 1:
        return f"it started more than {limits.processes} threads"
    size, count = _scratch_usage(watched)
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
        return size + _deleted_bytes(watched.process.pid, str(scratch.path)), count
    if watched.folder < 0:
        return 0, 0
    state = os.statvfs(watched.folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize, state.f_files - state.f_ffree


def _deleted_bytes(pid: int, scratch: str) -> int:
    """Bytes of files that were deleted but are still open or mapped, and so stay on the disk."""
    size = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            state = descriptor.stat()
            if state.st_nlink == 0 and stat.S_ISREG(state.st_mode):
                size += state.st_blocks * 512
    mapped = Path(f"/proc/{pid}/maps").read_text(errors="replace")
    if any(f" {scratch}/" in line and line.endswith(" (deleted)") for line in mapped.splitlines()):
        size += _UNKNOWN_BYTES  # nothing tells the size of a file that is only mapped
    return size


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
