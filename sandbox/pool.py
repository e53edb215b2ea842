"""Ready processes in reserve: the spare of one sandbox, or a pool that many share."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, cast

from sandbox import levels
from sandbox.bundle import make_bundle
from sandbox.limits import Limits
from sandbox.outcome import Level, SandboxError, SandboxUnavailable
from sandbox.process import LevelFailed, Process
from sandbox.scratch import Scratch, sweep
from sandbox.watchdog import Watchdog

if TYPE_CHECKING:
    from sandbox.host import Sandbox

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2
_CLOSED = "the sandbox is closed; open another one"
_ORDER: tuple[Level, ...] = ("bubblewrap", "landlock")


class Pool:
    """Starts jailed processes, keeps some in reserve, and watches those in use.

    All processes are started from one thread of the pool, which lives as long as the pool: the
    kernel kills a jailed process when the thread that started it ends.

    Args:
        limits: limits of every process.
        preload: modules every process imports before it locks itself.
        level: ``"auto"`` for the strongest that starts here, or one by name; ``"none"`` is no
            jail at all and never chosen by itself.
        spares: how many ready processes to keep in reserve.
        preamble: source text of further modules by name, run in this order in every process
            before it locks itself, with the rights of the host. Each can be imported by its
            name, and what its ``__all__`` names is a builtin of the session: a variable of a
            cell may hide it, and ``del`` brings it back.

    Raises:
        SandboxUnavailable: this system has no level at all.
        SandboxError: a module to preload is not installed.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        preload: Sequence[str] = ("numpy",),
        level: Level | Literal["auto"] = "auto",
        spares: int = 1,
        preamble: Mapping[str, str] | None = None,
    ) -> None:
        if level not in ("auto", "none", *_ORDER):
            raise SandboxError(
                f"unknown sandbox level {level!r}; levels are auto, {', '.join(_ORDER)} and none"
            )
        levels.require_linux()
        self.limits = limits or Limits()
        self.preload = tuple(preload)
        self.wanted = level
        self._level: Level | None = None if level == "auto" else level
        self.notice: str | None = None
        self._interpreter = levels.find_interpreter(self.preload)
        self._config = {
            "preload": list(self.preload),
            "paths": list(self._interpreter.paths),
        }
        self._preamble = dict(preamble or {})
        self._bundle = -1
        self._size = spares
        self._spares: deque[Process] = deque()
        self._starting = 0
        self._lock = threading.Lock()
        self._choosing = threading.Lock()
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._watchdog = Watchdog()
        self._busy: dict[int, Callable[[], bool]] = {}  # of the processes that were taken
        self._keeper: threading.Thread | None = None
        self._clearing: list[threading.Thread] = []
        self._ending = False
        self._closed = False

    @property
    def level(self) -> str:
        """The level in force, or the one asked for while no process was started yet."""
        return self._level or self.wanted

    def __enter__(self) -> Pool:
        try:
            self.warm()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sandbox(
        self, functions: Mapping[str, Callable[..., Any]], records: Sequence[type] = ()
    ) -> Sandbox:
        """A sandbox that takes its processes from this pool."""
        from sandbox.host import Sandbox

        return Sandbox(functions, records=records, pool=self)

    def warm(self) -> None:
        """Start the reserve and wait until one process of it is ready.

        Raises:
            SandboxUnavailable: no jail of the wanted level starts here.
        """
        if not self._size:
            return
        process = self.take()
        with self._lock:
            if len(self._spares) < self._size:
                self._spares.append(process)
                return
        process.close()

    def take(self) -> Process:
        """A ready process: from the reserve, or a new one.

        Raises:
            SandboxUnavailable: no jail of the wanted level starts here.
            SandboxError: a module to preload cannot be imported, or the preamble fails.
        """
        while True:
            with self._lock:
                if self._ending:
                    raise SandboxError(_CLOSED)
                process = self._spares.popleft() if self._spares else None
            if process is None:
                break
            try:
                process.await_ready()
                if process.alive():
                    return process
            except LevelFailed:
                pass
            except BaseException:
                process.close()
                raise
            process.close()
        if self._level is not None:
            return self._start()
        with self._choosing:  # one tries which level starts here, the others wait for what it finds
            return self._start()

    def prepare(self, number: int) -> None:
        """Have ``number`` processes in reserve, or its size, started in the background.

        For sessions that are about to begin at the same moment: each takes one. Those that are
        not taken count the next time.
        """
        self._bring_to(max(self._size, number))

    def refill(self) -> None:
        """Bring the reserve up to its size, in the background."""
        self._bring_to(self._size)

    def watch(self, process: Process, busy: Callable[[], bool]) -> None:
        """Watch a process that was taken, until ``release``; ``busy`` is whether a cell uses it.

        Raises:
            SandboxError: the pool is closed.
        """
        with self._lock:
            self._busy[id(process)] = busy
        self._watchdog.add(process)
        if self._ending:
            raise SandboxError(_CLOSED)
        self._submit(lambda: None)  # the keeper may be asleep for want of anything to watch

    def release(self, process: Process) -> None:
        """End a process that was taken; again, from any thread, does nothing.

        It runs no more from now on; what is left of it is cleared away in the background.
        """
        with self._lock:
            taken = self._busy.pop(id(process), None)
        if taken is None:
            return
        self._watchdog.remove(process)
        process.kill()
        # On a thread of its own: the keeper watches the other processes, and starts new ones.
        thread = threading.Thread(target=process.close, name="sandbox-clearing", daemon=True)
        with self._lock:
            self._clearing = [each for each in self._clearing if each.is_alive()]
            self._clearing.append(thread)
        thread.start()

    def kill(self) -> None:
        """End the processes in use, without waiting; from now on none is to be had."""
        with self._lock:
            self._ending = True
        self._watchdog.kill()

    def close(self) -> None:
        """End the reserve and the pool's thread; processes in use end with it.

        Those in whose cell another thread still is are killed, and released by that thread.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            self._tasks.put(None)
            keeper.join()
        for process in self._spares:
            process.close()
        self._spares.clear()
        if self._bundle >= 0:
            os.close(self._bundle)
            self._bundle = -1
        self.kill()
        for process in self._watchdog.processes():
            with self._lock:
                busy = self._busy.get(id(process))
            if busy is not None and not busy():
                self.release(process)
        with self._lock:
            clearing, self._clearing = self._clearing, []
        for thread in clearing:
            thread.join()

    def _bring_to(self, size: int) -> None:
        with self._lock:
            missing = size - len(self._spares) - self._starting
            if self._ending or self._closed or missing <= 0 or self._level is None:
                return
            self._starting += missing
        for _ in range(missing):
            self._submit(self._add_spare)

    def _start(self) -> Process:
        if self._level is not None:
            try:
                return self._try(self._level)
            except LevelFailed as failure:
                cause = f"the {self._level} level does not start here: {failure}"
                raise SandboxUnavailable(cause, levels.remedy(self._level, str(failure))) from None
        causes = []
        for level in _ORDER:
            try:
                process = self._try(level)
            except LevelFailed as failure:
                causes.append(f"{level}: {failure}")
            except SandboxUnavailable as missing:
                causes.append(f"{level}: {missing.cause}")
            else:
                self._level = level
                self.notice = "; ".join(causes) or None
                return process
        raise SandboxUnavailable(
            "; ".join(causes),
            f"{levels.remedy('bubblewrap', causes[0])}; otherwise "
            f"{levels.remedy('landlock', causes[-1])}; otherwise {levels.CONTAINER}",
        )

    def _try(self, level: Level) -> Process:
        process = self._on_keeper(lambda: self._spawn(level))
        try:
            process.await_ready()
        except BaseException:
            process.close()
            raise
        return process

    def _spawn(self, level: Level) -> Process:
        scratch = None
        try:
            if self._bundle < 0:
                self._bundle = make_bundle(self._preamble)
            plan = levels.plan(level, self._interpreter, self.limits)
            if level != "bubblewrap":
                scratch = Scratch(plan.uid)
                plan = plan.with_scratch(scratch.path)
            return Process(plan, self.limits, self._bundle, self._config, scratch)
        except OSError as error:
            if scratch is not None:
                scratch.remove()
            raise LevelFailed(f"{type(error).__name__}: {error}") from error

    def _add_spare(self) -> None:
        # Only spawned here; whoever takes it completes the handshake, by then long waiting.
        process = None
        try:
            if not self._closed:
                process = self._spawn(cast(Level, self._level))
        except (LevelFailed, SandboxError, OSError):
            pass  # the next session will try itself and report
        finally:
            with self._lock:
                self._starting -= 1
                if process is not None:
                    self._spares.append(process)

    def _on_keeper(self, work: Callable[[], Process]) -> Process:
        future: Future[Process] = Future()

        def task() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                future.set_exception(error)

        self._submit(task)
        return future.result()

    def _submit(self, task: Callable[[], None]) -> None:
        with self._lock:
            if self._closed:
                raise SandboxError(_CLOSED)
            if self._keeper is None:
                self._keeper = threading.Thread(
                    target=self._keep, name="sandbox-keeper", daemon=True
                )
                self._keeper.start()
            self._tasks.put(task)

    def _keep(self) -> None:
        looked = time.monotonic()
        task: Callable[[], None] | None = sweep
        while task is not None:
            try:
                task()
                if time.monotonic() > looked + _LOOK_SECONDS:  # tasks may come without a pause
                    looked = time.monotonic()
                    self._watchdog.look()
            except Exception:  # noqa: BLE001 - if this thread ends, so does every jailed process
                _log.exception("the sandbox keeper stumbled")
            try:
                task = self._tasks.get(timeout=self._watchdog.interval())
            except queue.Empty:
                task = self._watchdog.look
