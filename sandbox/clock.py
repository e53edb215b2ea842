"""The clock of a cell, for which host calls do not count."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """The time of a cell: all that passes outside host calls, and its CPU time during them.

    A cell may compute beside its calls, so they do not stop its clock altogether. A session that
    only waits for them uses next to no CPU time.

    Args:
        cpu_seconds: tells the CPU time of the process so far.
    """

    def __init__(self, cpu_seconds: Callable[[], float]) -> None:
        self._cpu_seconds = cpu_seconds
        self._began = time.monotonic()
        self._paused: tuple[float, float] | None = None  # since this wall time and CPU time
        self._host = self._beside = 0.0

    def pause(self) -> None:
        """A host call begins; harmless while another is under way."""
        if self._paused is None:
            self._paused = time.monotonic(), self._cpu_seconds()

    def go_on(self) -> None:
        """No host call is under way any more."""
        self._host, self._beside = self._so_far()
        self._paused = None

    def host_seconds(self) -> float:
        """Time during which host calls were under way."""
        return self._so_far()[0]

    def own_seconds(self) -> float:
        """The cell's own time so far."""
        host, beside = self._so_far()
        return time.monotonic() - self._began - host + beside

    def _so_far(self) -> tuple[float, float]:
        if self._paused is None:
            return self._host, self._beside
        passed = time.monotonic() - self._paused[0]
        used = self._cpu_seconds() - self._paused[1]
        return self._host + passed, self._beside + min(passed, max(0.0, used))
