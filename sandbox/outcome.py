"""What a cell came to, and every error of the package.

::

    SandboxError                 the sandbox was used wrongly or cannot do what was asked
    └── SandboxUnavailable       no jail of the wanted level starts here: cause and remedy
    StopCell                     (BaseException) raised by a host function to end the cell quietly
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["bubblewrap", "landlock", "none"]


class SandboxError(Exception):
    """The sandbox was used wrongly or cannot do what was asked."""


class SandboxUnavailable(SandboxError):
    """No jail of the wanted level can be had on this machine.

    Attributes:
        cause: what failed, in one line.
        remedy: what to do about it, in one line.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"no jail for model-written code: {cause}. Remedy: {remedy}")
        self.cause = cause
        self.remedy = remedy


class StopCell(BaseException):  # no Exception: a tool's own `except Exception` must let it pass
    """Raised by a host function to end the calling cell at once and without an error."""


@dataclass(frozen=True)
class CellError:
    """Why a cell failed.

    Attributes:
        type: name of the exception's class, such as ``"ValueError"``; ``"Timeout"``,
            ``"KeyboardInterrupt"`` and ``"SessionLost"`` are the sandbox's own.
        message: the exception's text, or plain words about what happened and what was lost.
        traceback: as Python prints it, with the lines of the cells and no frames beneath them.
        line: line of the cell (from 1) that failed, where it is known.
    """

    type: str
    message: str
    traceback: str
    line: int | None = None

    def __str__(self) -> str:
        return self.traceback or f"{self.type}: {self.message}"


@dataclass(frozen=True)
class Outcome:
    """Result of one cell.

    Attributes:
        stdout: what the cell printed, the value of a last bare expression included; the middle
            is cut beyond ``Limits.output_bytes``, with the number of bytes cut in its place.
        stderr: likewise.
        error: None when the cell ran to its end or was stopped by ``StopCell``.
        timed_out: the cell passed its time limit.
        interrupted: the cell was ended by ``Sandbox.interrupt()``.
        stopped: a host function ended the cell by ``StopCell``.
        restarted: the process was replaced, so all variables are lost; ``error.message`` says why.
        seconds: wall-clock time of the cell, host calls included.
        host_seconds: the part of it during which host functions were running.
        truncated: stdout or stderr was cut.
        stdout_bytes: true length of the output before it was cut.
        stderr_bytes: likewise.
        names: the variables the cell's session holds now (empty after a restart).
    """

    stdout: str
    stderr: str
    error: CellError | None
    timed_out: bool
    interrupted: bool
    stopped: bool
    restarted: bool
    seconds: float
    host_seconds: float
    truncated: bool
    stdout_bytes: int
    stderr_bytes: int
    names: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the cell ended without an error."""
        return self.error is None
