"""One cell from the first byte to the last: its clock, its calls, its output, its end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from typing import Any

from sandbox.calls import Call, Calls, interruption, refusal
from sandbox.clock import Clock
from sandbox.frames import Frame, ProtocolError, TransferError
from sandbox.outcome import CellError, Outcome, StopCell
from sandbox.process import Process, ProcessLost

_MAX_TEXT = 50_000
_MAX_OPEN = 256  # concurrent calls a cell may have waiting; its next ones stay in the socket
_LOOK_SECONDS = 0.02
_OWN_TYPES = ("Timeout", "SessionLost")  # errors that only the host may report


class Cell:
    """One run of one cell. All but ``request_interrupt`` belongs to the thread that runs it.

    Args:
        number: of the cell within its sandbox.
        process: where it runs.
        calls: the host functions.
        seconds: its own time limit.
    """

    def __init__(self, number: int, process: Process, calls: Calls, seconds: float) -> None:
        self.timed_out = False
        self.interrupted = False
        self.in_function = False
        self.stopped = False
        self.raised: BaseException | None = None
        self._number = number
        self._process = process
        self._limits = process.limits
        self._calls = calls
        self._allowed = seconds
        self._finished: deque[tuple[Call, Any, BaseException | None]] = deque()
        self._open: dict[int, Call] = {}  # concurrent calls without an answer yet
        self._current: Call | None = None  # the call that runs on this thread
        self._asked = False
        self._begun = False  # whether an interrupt would find the cell
        self._signal_due = False
        self._lock = threading.Lock()
        self._clock = Clock(process.cpu_seconds)
        self._seconds = 0.0
        self._kill_at: float | None = None
        self._stop_by: float | None = None  # by when a stopped cell has to end by itself
        self._outputs = (Output(self._limits.output_bytes), Output(self._limits.output_bytes))

    # ---- the run

    def run(self, code: str) -> dict[str, Any]:
        """Run to the end; returns the head of the last frame.

        Raises:
            ProcessLost: the process is gone or was killed.
            ProtocolError: it sent what no honest process sends.
        """
        process = self._process
        process.on_output = lambda number, data: None
        process.drain()  # what threads of earlier cells wrote in between belongs to no cell
        process.on_output = lambda number, data: self._outputs[number - 1].add(data)
        process.on_wait = self._on_wait
        process.full = False
        process.on_fate = self._cancel
        process.cell_seconds = self._allowed
        process.cell_begun = True
        self._clock = Clock(process.cpu_seconds)
        began = time.monotonic()
        try:
            process.send(Frame({"type": "cell", "id": self._number, "code": code}))
            while True:
                frame = process.receive()
                kind = frame.head.get("type")
                if kind == "call":
                    self._serve(frame)
                elif kind == "begun":
                    self._begin()
                elif kind != "done":
                    raise ProtocolError(f"unexpected message {kind!r:.40}")
                elif frame.head.get("id") == self._number:
                    process.drain()
                    return frame.head
        finally:
            self._seconds = time.monotonic() - began
            process.cell_seconds = None
            process.cell_begun = True
            self._cancel()
            self._clock.go_on()

    def request_interrupt(self) -> None:
        """End the cell; from any thread or a signal handler."""
        self._asked = True
        current = self._current
        if current is not None:  # concurrent ones are cancelled when the cell's thread wakes
            current.cancelled = True
        self._process.wake()

    # ---- time

    def _on_wait(self) -> float | None:
        """Act on whatever is due; returns the seconds until something else may be."""
        if self._finished:
            self._answer_finished()
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                raise ProcessLost("it did not stop")
            return self._kill_at - now
        if self._asked:
            self.interrupted = True
            return self._interrupt(now)
        if self._stop_by is not None:
            return self._stop_by - now if now < self._stop_by else self._interrupt(now)
        left = self._allowed - self._clock.own_seconds()
        if left > 0:
            return max(left, _LOOK_SECONDS) if self._open else left
        self.timed_out = True
        return self._interrupt(now)

    def _interrupt(self, now: float) -> float:
        self._kill_at = now + self._limits.grace_seconds
        if self._open:
            for number in list(self._open):
                self._process.send(interruption(number))
            self._cancel()
            self._forget_open()
        elif self._begun:
            self._process.signal_interrupt()
        else:
            self._signal_due = True
        return self._limits.grace_seconds

    def _begin(self) -> None:
        self._begun = True
        if self._signal_due:
            self._signal_due = False
            self._process.signal_interrupt()

    def _cancel(self) -> None:
        for call in (*self._open.values(), self._current):
            if call is not None:
                call.cancelled = True
        self._calls.crew.drop_cancelled()

    def _forget_open(self) -> None:
        self._open.clear()
        self._clock.go_on()
        self._process.full = False

    # ---- calls

    def _serve(self, frame: Frame) -> None:
        number = frame.head.get("id")
        if frame.head.get("cell") != self._number:
            return  # a thread of an earlier cell; nobody answers it any more
        try:
            call = self._calls.open(frame)
        except ProtocolError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a call, its maker hears it
            self._process.send(refusal(number if isinstance(number, int) else 0, error))
            return
        if self._kill_at is not None:
            self._process.send(interruption(call.number))
        elif self.stopped:
            self._process.send(refusal(call.number, StopCell()))
        elif call.number in self._open:
            raise ProtocolError("two calls of one number")
        elif call.concurrent:
            self._clock.pause()
            self._open[call.number] = call
            self._process.full = self._has_enough()
            self._calls.crew.submit(call, self._done)
        else:
            self._call_here(call)

    def _has_enough(self) -> bool:
        """Whether the open calls are all that the host should hold at once."""
        weight = sum(call.weight for call in self._open.values())
        return len(self._open) >= _MAX_OPEN or weight > self._limits.array_bytes

    def _done(self, call: Call, value: Any, error: BaseException | None) -> None:
        self._finished.append((call, value, error))
        self._process.wake()

    def _call_here(self, call: Call) -> None:
        self._clock.pause()
        value, error = None, None
        self._current = call
        try:
            if self._asked:
                call.cancelled = True
            self.in_function = True
            value = call.invoke()
            self.in_function = False
        except BaseException as raised:  # noqa: BLE001 - answered, and raised again after the cell
            self.in_function = False
            error = raised
        self._current = None
        if not self._open:
            self._clock.go_on()
        self._answer(call, value, error)

    def _answer(self, call: Call, value: Any, error: BaseException | None) -> None:
        if isinstance(error, StopCell):
            self._stop()
            self._process.send(refusal(call.number, error))
        elif isinstance(error, Exception) and not self._asked:
            self._process.send(refusal(call.number, error))
        elif error is not None or self._asked:
            if error is not None and not isinstance(error, Exception):
                self.raised = error
            self.interrupted = True
            self._kill_at = self._kill_at or time.monotonic() + self._limits.grace_seconds
            self._process.send(interruption(call.number))
        else:
            frame, owned = self._calls.reply(call.number, value)
            try:
                self._process.send(frame)
            except TransferError as raised:
                # Nothing of it has been sent. The code that asked for it can ask for less.
                self._process.send(refusal(call.number, raised))
            finally:
                for descriptor in owned:
                    os.close(descriptor)

    def _stop(self) -> None:
        """A host function ended the cell: no further call is run, and it has to end soon."""
        self.stopped = True
        self._stop_by = time.monotonic() + self._limits.grace_seconds
        for number in list(self._open):
            self._process.send(refusal(number, StopCell()))
        self._cancel()
        self._forget_open()

    def _answer_finished(self) -> None:
        while self._finished:
            call, value, error = self._finished.popleft()
            if self._open.pop(call.number, None) is None:
                continue  # interrupted meanwhile
            if not self._open:
                self._clock.go_on()
            self._answer(call, value, error)
        self._process.full = self._has_enough()

    # ---- the end

    def explain(self, form: Any) -> CellError | None:
        """The error of a cell that ended by itself, from what the jail says of it."""
        if form is None:
            return None
        if not isinstance(form, dict):
            form = {}
        kind, message, trace = (
            printable(str(form.get(key, ""))[:_MAX_TEXT])
            for key in ("type", "message", "traceback")
        )
        line = form.get("line") if type(form.get("line")) is int else None
        if kind in _OWN_TYPES:  # an exception of the cell's, or forged
            kind = f"__main__.{kind}"
        if kind == "KeyboardInterrupt" and self.timed_out:
            kind = "Timeout"
            message = (
                f"the cell ran longer than {self._allowed:g} s and was interrupted; "
                f"variables assigned so far are kept"
            )
            trace = f"{trace.rstrip().removesuffix('KeyboardInterrupt')}{kind}: {message}\n"
        return CellError(kind, message, trace, line)

    def post_mortem(self, lost: Exception) -> str:
        """End the process, take its last output; why it is gone, in plain words, no full stop."""
        stubborn = str(lost) == "it did not stop"
        if stubborn or isinstance(lost, ProtocolError):
            self._process.kill()
        status = self._process.wait_status()
        self._process.drain()
        if isinstance(lost, ProtocolError):
            return f"The Python process broke the protocol ({lost}) and was ended"
        limit = f"{self._limits.grace_seconds:g} s"
        if self._process.fate is not None:
            return f"The Python process was ended because {self._process.fate}"
        if stubborn:
            if self.timed_out:
                return (
                    f"The cell ran longer than {self._allowed:g} s and did not stop within "
                    f"{limit} of being interrupted"
                )
            return f"The cell did not stop within {limit} of being interrupted"
        if status is None:
            return "The cell closed the connection to its host"
        if status == -signal.SIGSYS:
            return "The cell made a system call that is forbidden here, and its process was killed"
        if status < 0:
            return f"The Python process died of {_signal_name(-status)}"
        return f"The Python process ended by itself with status {status}"

    def outcome(self, error: CellError | None, restarted: bool, names: tuple[str, ...]) -> Outcome:
        """Everything about the cell, once it is over."""
        out, err = self._outputs
        return Outcome(
            stdout=out.text(),
            stderr=err.text(),
            error=None if self.stopped and not restarted else error,
            timed_out=self.timed_out,
            interrupted=self.interrupted,
            stopped=self.stopped,
            restarted=restarted,
            seconds=self._seconds,
            host_seconds=self._clock.host_seconds(),
            truncated=out.cut or err.cut,
            stdout_bytes=out.size,
            stderr_bytes=err.size,
            names=names,
        )


class Output:
    """The head and the tail of a stream of bytes.

    Args:
        keep: bytes to keep in all.
    """

    def __init__(self, keep: int) -> None:
        self.size = 0
        self._half = max(1, keep // 2)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    @property
    def cut(self) -> bool:
        """Whether anything was left out."""
        return self.size > 2 * self._half

    def add(self, data: bytes) -> None:
        """Take in the next bytes."""
        self.size += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail.append(data[-self._half :])
            self._tail_size += len(self._tail[-1])
            while self._tail_size - len(self._tail[0]) >= self._half:
                self._tail_size -= len(self._tail.popleft())

    def text(self) -> str:
        """The text, with a line in the place of what was left out."""
        tail = b"".join(self._tail)
        if not self.cut:
            return (bytes(self._head) + tail).decode("utf-8", "replace")
        missing = self.size - 2 * self._half
        head = bytes(self._head).decode("utf-8", "ignore")
        end = tail[-self._half :].decode("utf-8", "ignore")
        return f"{head}\n... [{missing} of {self.size} bytes cut] ...\n{end}"


def printable(text: str) -> str:
    """Text from the jail without lone surrogates, which no file could take."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _signal_name(number: int) -> str:
    names = {
        signal.SIGSEGV: "a segmentation fault (stack overflow or a fault in native code)",
        signal.SIGKILL: "SIGKILL (out of memory, or killed from outside)",
        signal.SIGABRT: "an abort in native code",
    }
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"signal {number}"
    return names.get(known, known.name)
