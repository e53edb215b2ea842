"""The host's side of a session: runs cells, serves their calls, keeps their time."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from sandbox.calls import Calls
from sandbox.cell import Cell, printable
from sandbox.frames import Frame, ProtocolError
from sandbox.limits import Limits
from sandbox.outcome import CellError, Level, Outcome, SandboxError
from sandbox.pool import Pool
from sandbox.process import Process, ProcessLost
from sandbox.records import host_records

_MAX_NAME, _MAX_NAMES = 100, 500
_UNSAFE = (
    "warning: sandbox level 'none': code written by a language model runs with all your rights, "
    "files and keys"
)


class Sandbox:
    """A persistent Python session in a jail.

    Variables, imports and definitions live from cell to cell. Cells call host functions by name;
    everything else of the host is out of their reach.

    Args:
        functions: host functions by the name they have in the session. A call's arguments are
            checked against the signature; an exception arrives in the cell as ``HostError``, in
            a class of its own name. Functions marked with ``concurrent`` may run side by side.
        limits: what the process may use.
        preload: modules imported before the jail is closed.
        level: ``"auto"``, ``"bubblewrap"``, ``"landlock"``, or ``"none"`` for no jail at all.
        records: frozen dataclass types that may cross in both directions. In the jail they have
            the same name and fields and a short repr, but not their methods.
        preamble: source text of modules by name whose functions are defined in the session from
            the start, and again after a restart; see ``Pool``.
        pool: where to take processes from; it then decides limits, preload, level and preamble.

    Raises:
        SandboxUnavailable: no jail of the wanted level can be had here.
        SandboxError: a module to preload is not installed, or a function's name is unusable.
        TypeError: a record type cannot cross.
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]],
        limits: Limits | None = None,
        preload: Sequence[str] = ("numpy",),
        level: Level | Literal["auto"] = "auto",
        records: Sequence[type] = (),
        *,
        preamble: Mapping[str, str] | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._owns_pool = pool is None
        self._pool = pool or Pool(limits, preload, level, preamble=preamble)
        self.limits = self._pool.limits
        self._records = host_records(records)
        self._calls = Calls(functions, self._records, self.limits)
        self._process: Process | None = None
        self._cell: Cell | None = None
        self._running = threading.Lock()
        self._count = 0
        self._names: tuple[str, ...] = ()
        self._closed = False

    @property
    def level(self) -> str:
        """The level of isolation in force: ``"bubblewrap"``, ``"landlock"`` or ``"none"``."""
        return self._pool.level

    @property
    def notice(self) -> str | None:
        """Why a stronger level is not in force, in one line; None if the strongest is."""
        return self._pool.notice

    def __enter__(self) -> Sandbox:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the session; ``run`` does so by itself if need be.

        Raises:
            SandboxUnavailable: no jail of the wanted level can be had here.
            SandboxError: the preamble fails.
        """
        if self._closed:
            raise SandboxError("the sandbox is closed; open another one")
        if self._process is None:
            if self._pool.wanted == "none":
                print(_UNSAFE, file=sys.stderr)
            self._process = self._begin()
            if self._owns_pool:
                self._pool.refill()  # while its first cell is still being thought of

    def sibling(
        self, functions: Mapping[str, Callable[..., Any]], records: Sequence[type] = ()
    ) -> Sandbox:
        """Another session with the same limits, level and preamble, which ends with this one.

        It takes its process from the same reserve, so it begins sooner than a sandbox of its own.
        """
        return Sandbox(functions, records=records, pool=self._pool)

    def prepare(self, siblings: int) -> None:
        """Have processes for so many siblings started, in the background."""
        self._pool.prepare(siblings)

    def close(self) -> None:
        """End the session and everything in it, a running cell included; never waits for one."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        if self._owns_pool:
            self._pool.kill()  # siblings end also while a cell of this one waits for them
        self._dispose()

    def _dispose(self) -> None:
        # A cell still runs, on another thread or below this call: it disposes when it returns.
        if self._running.acquire(blocking=False):
            try:
                process, self._process = self._process, None
                if process is not None:
                    self._pool.release(process)
                if self._owns_pool:
                    self._pool.close()
            finally:
                self._running.release()

    def run(
        self,
        code: str,
        timeout: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Run one cell and wait for its end.

        Args:
            code: Python source. The value of a last bare expression is printed.
            timeout: the cell's own seconds, host calls not counted; None for the limit's.
            cancelled: asked once, when ``interrupt`` can reach the cell; whether it is to be
                interrupted at once, because of what happened before.

        Returns:
            What it came to. A cell that passes its time is interrupted, and keeps its variables;
            if it does not stop, the process is replaced and ``restarted`` is set.

        Raises:
            SandboxError: a cell is running already, or the sandbox is closed.
            ValueError: the timeout is not a positive number.
            KeyboardInterrupt: Ctrl-C; the cell was interrupted first and the session lives on.
        """
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout is {timeout!r}; give a positive number of seconds")
        if not self._running.acquire(blocking=False):
            raise SandboxError("a cell is running already; one sandbox runs one cell at a time")
        try:
            self.start()
            assert self._process is not None
            self._count += 1
            seconds = self.limits.cell_seconds if timeout is None else float(timeout)
            cell = Cell(self._count, self._process, self._calls, seconds)
            with _DeferredInterrupt(cell):
                self._cell = cell
                try:
                    if cancelled():
                        cell.request_interrupt()
                    return self._finish(cell, code)
                finally:
                    self._cell = None
        finally:
            self._running.release()
            if self._closed:
                self._dispose()

    def interrupt(self) -> None:
        """Interrupt the running cell, from any thread; without one, nothing happens."""
        cell = self._cell
        if cell is not None:
            cell.request_interrupt()

    def kill(self, why: str = "it was killed") -> bool:
        """End the process, from any thread; the next cell has a fresh one, without variables.

        A cell that runs fails, and says ``why``. Returns whether there was anything to lose.
        """
        if self._running.acquire(blocking=False):
            try:
                lost, self._process = self._process, None
                names, self._names = self._names, ()
            finally:
                self._running.release()
            if lost is not None:  # takes a while, and the next cell does not wait for it
                self._pool.release(lost)
            return bool(names)
        if (process := self._process) is not None:
            process.end(why)
        return True

    def _finish(self, cell: Cell, code: str) -> Outcome:
        error: CellError | None
        restarted = False
        names: list[str] | None = None
        try:
            head = cell.run(code)
        except (ProcessLost, ProtocolError) as lost:
            error = self._replace(cell, lost)
            restarted, names = True, []
            head = {}
        else:
            error = cell.explain(head.get("error"))
            if isinstance(listed := head.get("names"), list):
                names = [
                    printable(name[:_MAX_NAME])
                    for name in listed[:_MAX_NAMES]
                    if isinstance(name, str)
                ]
        if names is not None:
            self._names = tuple(names)
        if cell.raised is not None:
            raise cell.raised
        self._pool.refill()
        return cell.outcome(error, restarted, self._names)

    def _replace(self, cell: Cell, lost: Exception) -> CellError:
        """Put a fresh process in place of a lost one and say in plain words what that means."""
        assert self._process is not None
        process, self._process = self._process, None
        why = cell.post_mortem(lost)
        self._pool.release(process)
        gone = ""
        if self._names:
            listed = ", ".join(self._names[:20]) + (", ..." if len(self._names) > 20 else "")
            gone = f" ({listed})"
        message = (
            f"{why}. The Python process was replaced by a fresh one: all variables{gone}, imports "
            f"and files of earlier cells are gone; the functions are available again."
        )
        if not self._closed:
            self._process = self._begin()
        kind = "Timeout" if cell.timed_out else "SessionLost"
        return CellError(kind, message, f"{kind}: {message}")

    def _begin(self) -> Process:
        records = [record.description for record in self._records.values()]
        functions = self._calls.describe()
        while True:
            process = self._pool.take()
            try:
                self._pool.watch(process, self._running.locked)
                process.send(Frame({"type": "begin", "functions": functions, "records": records}))
            except ProcessLost:  # a spare that died this very moment
                self._pool.release(process)
            except BaseException:
                self._pool.release(process)
                raise
            else:
                return process


class _DeferredInterrupt:
    """Ctrl-C during a cell: raised inside a host function, else after the cell was interrupted.

    Python would raise ``KeyboardInterrupt`` anywhere, also in the middle of a half-sent frame.
    Only Python's own handler is replaced, and only on the main thread, where signals arrive.
    """

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._active = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._handle)
            self._active = before is signal.default_int_handler
            if not self._active:
                signal.signal(signal.SIGINT, before)

    def __exit__(self, *_: object) -> None:
        if self._active:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, *_: object) -> None:
        if self._cell.in_function:
            raise KeyboardInterrupt
        self._cell.raised = KeyboardInterrupt()
        self._cell.request_interrupt()
