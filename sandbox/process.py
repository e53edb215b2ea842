"""One jailed process as the host sees it: its socket, its output pipes, its life."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from sandbox import levels
from sandbox.frames import MAX_CALL, Frame, FrameReader, ProtocolError
from sandbox.levels import Plan
from sandbox.limits import Limits
from sandbox.outbox import Outbox
from sandbox.outcome import SandboxError
from sandbox.scratch import Scratch

if sys.platform == "linux":
    import fcntl

_START_SECONDS = 60.0
_END_SECONDS = 0.5
_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ
_MOMENT = 0.002
_CREDENTIALS = struct.Struct("iII")


class ProcessLost(Exception):
    """The jailed process ended or had to be ended; ``args[0]`` says why in plain words."""


class LevelFailed(Exception):
    """The level of isolation could not be put up; ``args[0]`` is the cause."""


class Process:
    """A jailed process and all that the host holds of it.

    The constructor only spawns; it must run on a thread that outlives the process, because the
    kernel kills the process when that thread ends. ``await_ready`` completes the handshake.

    Args:
        plan: how to start it.
        limits: its limits.
        bundle: descriptor of what it runs; see ``sandbox.bundle``.
        config: the modules to preload and where they are.
        scratch: its folder on the host, or None; removed when the process is closed.
    """

    def __init__(
        self,
        plan: Plan,
        limits: Limits,
        bundle: int,
        config: dict[str, Any],
        scratch: Scratch | None,
    ) -> None:
        self.plan = plan
        self.limits = limits
        self.scratch = scratch
        self.fate: str | None = None  # why the watchdog killed it
        self.pid = 0
        self.ready = False
        self.cell_seconds: float | None = None  # time limit of the cell that runs now
        self.cell_begun = False
        self.full = False  # while set, nothing more is read from the process
        self.on_fate: Callable[[], None] = lambda: None
        self.on_wait: Callable[[], float | None] = lambda: None
        self.on_output: Callable[[int, bytes], None] = lambda number, data: None
        self._pidfd = -1
        self.socket, theirs = socket.socketpair()
        self._outbox = Outbox(self.socket, limits.array_bytes)
        out_read, out_write = os.pipe2(os.O_CLOEXEC)
        err_read, err_write = os.pipe2(os.O_CLOEXEC)
        self.outputs = {out_read: 1, err_read: 2}
        numbers = {"{socket}": str(theirs.fileno()), "{bundle}": str(bundle)}
        try:
            for pipe in self.outputs:
                os.set_blocking(pipe, False)
                with contextlib.suppress(OSError):
                    fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            self._child = subprocess.Popen(
                [numbers.get(word, word) for word in plan.command],
                stdin=subprocess.DEVNULL,
                stdout=out_write,
                stderr=err_write,
                pass_fds=(theirs.fileno(), bundle),
                env=levels.environment(plan.orders["scratch"]),
                cwd="/",
                start_new_session=True,  # a Ctrl-C at the terminal is the host's to handle
            )
        except BaseException:
            self.socket.close()
            for pipe in self.outputs:
                os.close(pipe)
            raise
        finally:
            theirs.close()
            os.close(out_write)
            os.close(err_write)
        self._waking = threading.RLock()  # a signal handler may wake while a waking is under way
        self.wakeup = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._events = select.POLLIN
        self._output_poll = select.poll()
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self._poll.register(self.wakeup, select.POLLIN)
        for pipe in self.outputs:
            self._poll.register(pipe, select.POLLIN)
            self._output_poll.register(pipe, select.POLLIN)
        self._reader = FrameReader(self._receive, limits.array_bytes, max_header=MAX_CALL)
        with contextlib.suppress(ProcessLost):  # `await_ready` finds out why
            self.send(Frame(config | {"type": "config", "lock": plan.orders}))

    # ---- life

    def await_ready(self) -> None:
        """Wait until the process has locked itself.

        Raises:
            LevelFailed: the level could not be put up.
            SandboxError: a module could not be preloaded, or the preamble failed.
        """
        if self.ready:
            return
        said = bytearray()
        deadline = time.monotonic() + _START_SECONDS

        def wait() -> float:
            if time.monotonic() > deadline:
                raise ProcessLost("it did not start in time")
            return 1.0

        self.on_wait = wait
        self.on_output = lambda number, data: said.extend(data)
        try:
            self._pid_from_credentials()
            head = self._reader.read().head
        except (EOFError, ProcessLost, ProtocolError, OSError) as error:
            self.kill()
            self.drain()
            text = bytes(said[-2000:]).decode("utf-8", "replace").strip()
            cause = text.splitlines()[-1] if text else f"{error} (status {self.wait_status()})"
            raise LevelFailed(cause) from None
        if head.get("type") == "failed":
            cause = str(head.get("cause"))[:500]
            if head.get("stage") == "preload":
                raise SandboxError(f"cannot preload a module in the sandbox: {cause}")
            if head.get("stage") == "preamble":
                raise SandboxError(f"the preamble of the sandbox failed: {cause}")
            raise LevelFailed(cause)
        if head.get("type") != "ready":
            raise LevelFailed("it broke the protocol before it was ready")
        self.ready = True

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._child.poll() is None

    def cpu_seconds(self) -> float:
        """CPU time of the Python process and its threads so far; 0 when it is gone."""
        try:
            return time.clock_gettime(~self.pid << 3 | 2)  # as clock_getcpuclockid(3) has it
        except OSError:
            return 0.0

    def signal_interrupt(self) -> None:
        """Send SIGINT to the Python process itself, wherever its process namespace is."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGINT)

    def kill(self) -> None:
        """End the process and all of its jail."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self._child.kill()

    def end(self, fate: str) -> None:
        """Kill it for a reason that its session shall be told; from any thread."""
        self.fate = fate
        self.kill()
        self.on_fate()

    def wait_status(self) -> int | None:
        """Reap the process; its signal as a negative number, its exit status, or None if it
        did not end by itself and had to be killed.
        """
        try:
            status = self._child.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._child.wait()
            return None
        return 128 - status if status > 128 else status  # bubblewrap reports 128 + signal

    def close(self) -> None:
        """End the process and release everything of it; harmless when repeated."""
        if self.wakeup < 0:
            return
        if not self.ready:
            self._let_it_start()
        self.kill()
        self.wait_status()
        self.socket.close()
        for pipe in self.outputs:
            os.close(pipe)
        with self._waking:
            os.close(self.wakeup)
            self.wakeup = -1
        if self._pidfd >= 0:
            os.close(self._pidfd)
        self._pidfd = -1
        self._outbox.close()
        if self.scratch is not None:
            self.scratch.remove()

    def _let_it_start(self) -> None:
        """Wait for the first sign of life, or the end, of a process that is still starting.

        Killed while it builds the jail, bubblewrap would leave a child behind that waits for it
        for ever. Once Python runs in it, the jail goes down as a whole.
        """
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)  # Python will find its orders missing, and end
        first = select.poll()
        first.register(self.socket, select.POLLIN)
        first.poll(_START_SECONDS * 1e3)

    # ---- traffic

    def send(self, frame: Frame) -> None:
        """Queue a frame; whatever the socket does not take at once goes during ``receive``.

        Raises:
            TransferError: it is too large; nothing of it has been queued.
            ProcessLost: the process is gone.
        """
        try:
            self._outbox.put(frame)
        except ConnectionError as error:
            raise ProcessLost(self.fate or "it ended") from error

    def receive(self) -> Frame:
        """The next frame.

        While it waits, output is passed to ``on_output``, the outbox is sent, and ``on_wait`` is
        called; that returns the seconds after which to call it again (None: when something
        happens) and may raise to give up.

        Raises:
            ProcessLost: the process is gone.
            ProtocolError: the process sent what no honest one sends.
        """
        try:
            # Calls are answered no faster than the answers are taken: what is on its way is memory.
            while self._outbox.shared_is_full():
                self._wait(listen=False)
            return self._reader.read()
        except (EOFError, ConnectionError):
            raise ProcessLost(self.fate or "it ended") from None

    def drain(self) -> None:
        """Pass on what is in the output pipes now; what still arrives meanwhile stays in them."""
        for pipe, _ in self._output_poll.poll(0):
            left = _PIPE_BYTES
            while left > 0 and (got := self._read_output(pipe)):
                left -= got
            if left == _PIPE_BYTES:
                self._output_poll.unregister(pipe)  # closed by the other side

    def wake(self) -> None:
        """Make a ``receive`` on another thread call ``on_wait``."""
        with self._waking:
            if self.wakeup >= 0:
                os.eventfd_write(self.wakeup, 1)

    def _receive(self, view: memoryview) -> int:
        while True:
            self._wait()
            try:
                return self.socket.recv_into(view, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue

    def _wait(self, listen: bool = True) -> None:
        """Return when the socket is readable; without ``listen``, after a moment."""
        while True:
            seconds = self.on_wait()
            if not listen:
                seconds = _MOMENT if seconds is None else min(seconds, _MOMENT)
            hold = self.full or self._outbox.full or not listen
            events = 0 if hold else select.POLLIN
            if self._outbox:
                events |= select.POLLOUT
            if events != self._events:
                self._events = events
                self._poll.modify(self.socket, events)
            readable = False
            for descriptor, event in self._poll.poll(None if seconds is None else seconds * 1e3):
                if descriptor == self.wakeup:
                    with contextlib.suppress(BlockingIOError):
                        os.eventfd_read(self.wakeup)
                elif descriptor in self.outputs:
                    if not self._read_output(descriptor) and not event & select.POLLIN:
                        self._poll.unregister(descriptor)  # closed by the other side
                else:
                    if event & select.POLLOUT:
                        self._flush()
                    readable = bool(event & ~select.POLLOUT)
            if readable or not listen:
                return

    def _read_output(self, pipe: int) -> int:
        try:
            data = os.read(pipe, _READ_BYTES)
        except BlockingIOError:
            return 0
        if data:
            self.on_output(self.outputs[pipe], data)
        return len(data)

    def _flush(self) -> None:
        try:
            self._outbox.flush()
        except ConnectionError as error:
            raise ProcessLost(self.fate or "it ended") from error

    def _pid_from_credentials(self) -> None:
        """Learn the real process id: the kernel translates it across process namespaces."""
        self._wait()
        size = socket.CMSG_SPACE(_CREDENTIALS.size)
        _, ancillary, _, _ = self.socket.recvmsg(1, size, socket.MSG_PEEK)
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                self.pid = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if not self.pid:
            raise ProcessLost("it ended")
        self._pidfd = os.pidfd_open(self.pid)
