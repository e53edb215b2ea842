"""The jail's end of the socket: calls of host functions, from any thread of the cell."""

from __future__ import annotations

import _socket
import array
import inspect
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.codec import ValueReader, ValueWriter
from sandbox.frames import MAX_DESCRIPTORS, Frame, FrameReader, pack
from sandbox.records import JailRecord, by_name

_UNLIMITED = 1 << 62  # the host states the limits that matter
_WINDOW = 64  # calls of one `map` on their way at the same moment
_ANCILLARY = _socket.CMSG_SPACE(4 * MAX_DESCRIPTORS)
# Classes whose instances can be made from a message alone.
_BUILTIN = {
    cls.__name__: cls
    for cls in (ArithmeticError, AssertionError, AttributeError, EOFError, FileExistsError,
                FileNotFoundError, ImportError, IndexError, IsADirectoryError, KeyError,
                LookupError, MemoryError, NotADirectoryError, NotImplementedError, OSError,
                OverflowError, PermissionError, RecursionError, RuntimeError, TimeoutError,
                TypeError, ValueError, ZeroDivisionError)
}  # fmt: skip


class HostError(Exception):
    """A host function raised an exception.

    What arrives is a subclass with the name of the exception's own class; where that is a builtin
    such as ``ValueError``, it is a subclass of the builtin too, so ``except ValueError`` works.
    """

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class StopCell(BaseException):
    """A host function ended the cell; no ``except Exception`` holds it."""


class Channel:
    """Sends calls and receives replies; replies may come in any order.

    Args:
        connection: a stream socket, blocking.
    """

    def __init__(self, connection: _socket.socket) -> None:
        self.cell = 0
        self._connection = connection
        self._descriptors: deque[int] = deque()
        self._reader = FrameReader(self._receive, _UNLIMITED, self._descriptors)
        self._records: Mapping[type, JailRecord] = {}
        self._by_name: dict[str, Any] = {}
        self._calls = 0
        self._sending = threading.Lock()
        self._state = threading.Condition()
        self._reading = False
        self._replies: dict[int, Frame] = {}
        self._requests: deque[Frame] = deque()

    def use_records(self, records: Mapping[type, JailRecord]) -> None:
        """Set the record types of the session."""
        self._records = records
        self._by_name = by_name(records)

    def read(self) -> Frame:
        """The next request of the host, between cells; late replies are dropped."""
        with self._state:
            for late in self._replies.values():
                _close(late)
            self._replies.clear()
        return self._next(lambda: self._requests.popleft() if self._requests else None)

    def send(self, frame: Frame) -> None:
        """Send one frame whole."""
        with self._sending:
            for piece in pack(frame):
                self._connection.sendall(piece)

    def start(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Send a call; returns its number."""
        writer = ValueWriter(self._records, _UNLIMITED)
        head: dict[str, Any] = {"type": "call", "cell": self.cell, "name": name}
        head["args"] = [writer.write(value) for value in args]
        head["kwargs"] = {key: writer.write(value) for key, value in kwargs.items()}
        with self._state:
            self._calls += 1
            number = head["id"] = self._calls
        self.send(Frame(head, writer.buffers))
        return number

    def finish(self, number: int) -> Any:
        """Wait for a reply; returns the value or raises what the host function raised."""
        frame = self._next(lambda: self._replies.pop(number, None))
        try:
            return self._open(frame)
        finally:
            _close(frame)

    def _next(self, take: Callable[[], Frame | None]) -> Frame:
        """Wait for the frame that ``take`` finds among those that came."""
        # Whichever thread finds nobody reading reads for all: a thread that an ended cell left
        # waiting may be the one to receive the next cell.
        with self._state:
            while (wanted := take()) is None:
                if self._reading:
                    self._state.wait()
                    continue
                self._reading = True
                self._state.release()
                try:
                    frame = self._reader.read()
                except EOFError:
                    os._exit(0)  # the host is gone
                finally:
                    self._state.acquire()
                    self._reading = False
                    self._state.notify_all()
                if frame.head["type"] == "reply":
                    self._replies[frame.head["id"]] = frame
                else:
                    self._requests.append(frame)
            return wanted

    def _open(self, frame: Frame) -> Any:
        head = frame.head
        if "value" in head:
            return ValueReader(frame, self._by_name).read(head["value"])
        if head.get("stop"):
            raise StopCell
        if head.get("interrupt"):
            if threading.current_thread() is not threading.main_thread():
                signal.raise_signal(signal.SIGINT)
            raise KeyboardInterrupt
        raise _error(head["error"])

    def _receive(self, view: memoryview) -> int:
        got, ancillary, _, _ = self._connection.recvmsg_into(
            [view], _ANCILLARY, _socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, data in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
                self._descriptors.extend(numbers)
        return got


def bind_functions(channel: Channel, described: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The functions of the host as functions of the session, with signature and documentation."""
    return {form["name"]: _bind(channel, form) for form in described}


def _bind(channel: Channel, form: dict[str, Any]) -> Callable[..., Any]:
    name = form["name"]

    def function(*args: Any, **kwargs: Any) -> Any:
        return channel.finish(channel.start(name, args, kwargs))

    def map_calls(*iterables: Iterable[Any], return_exceptions: bool = False) -> list[Any]:
        """Call the function for each item and return the results in order.

        The calls run side by side where the host allows it. With ``return_exceptions`` a failed
        call leaves its exception in the list; otherwise the first one is raised at the end.
        """
        results: list[Any] = []
        waiting: deque[int] = deque()

        def collect() -> None:
            try:
                results.append(channel.finish(waiting.popleft()))
            except Exception as error:  # noqa: BLE001 - handed on, in the list or at the end
                results.append(error)
                failures.append(error)

        failures: list[Exception] = []
        for arguments in zip(*iterables, strict=False):
            if len(waiting) == _WINDOW:
                collect()
            waiting.append(channel.start(name, arguments, {}))
        while waiting:
            collect()
        if failures and not return_exceptions:
            raise failures[0]
        return results

    map_calls.__name__ = "map"
    map_calls.__qualname__ = f"{name}.map"
    function.__name__ = function.__qualname__ = name
    function.__module__ = "__main__"
    function.__doc__ = form["doc"]
    function.__signature__ = _signature(form)  # type: ignore[attr-defined]
    function.map = map_calls  # type: ignore[attr-defined]
    return function


class _Text:
    """Stands in a signature for a value of the host's, and prints as it does."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _signature(form: dict[str, Any]) -> inspect.Signature:
    def text(value: str | None) -> Any:
        return inspect.Parameter.empty if value is None else _Text(value)

    parameters = [
        inspect.Parameter(
            parameter["name"],
            inspect._ParameterKind(parameter["kind"]),
            default=text(parameter["default"]),
            annotation=text(parameter["annotation"]),
        )
        for parameter in form["parameters"]
    ]
    return inspect.Signature(parameters, return_annotation=text(form["returns"]))


def _error(form: dict[str, Any]) -> HostError:
    name = form["type"]
    base = next((_BUILTIN[known] for known in form["bases"] if known in _BUILTIN), None)
    bases = (HostError,) if base is None else (HostError, base)
    kind: type[HostError] = type(name, bases, {"__module__": "builtins"})
    return kind(form["message"])


def _close(frame: Frame) -> None:
    for descriptor in frame.descriptors:
        os.close(descriptor)
