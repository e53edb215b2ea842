"""Host functions as the cells see them: looked up by exact name, checked, run, answered."""

from __future__ import annotations

import contextvars
import functools
import inspect
import keyword
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sandbox.codec import ValueReader, ValueWriter
from sandbox.frames import Frame, ProtocolError, TransferError
from sandbox.limits import Limits
from sandbox.outcome import SandboxError, StopCell
from sandbox.records import HostRecord, by_name

_log = logging.getLogger(__name__)
_MAX_MESSAGE = 4000
_present: contextvars.ContextVar[Call | None] = contextvars.ContextVar("present", default=None)
F = TypeVar("F", bound=Callable[..., Any])
Done = Callable[["Call", Any, BaseException | None], None]


def concurrent(function: F) -> F:
    """Mark a host function as safe to run on several threads at the same moment."""
    function.__dict__["__sandbox_concurrent__"] = True
    return function


def cancelled() -> bool:
    """Whether the cell that made the present call was interrupted; for long host functions."""
    call = _present.get()
    return call is not None and call.cancelled


class Call:
    """One call that a cell made."""

    def __init__(self, number: int, function: Callable[..., Any]) -> None:
        self.number = number
        self.concurrent = bool(getattr(function, "__sandbox_concurrent__", False))
        self.cancelled = False
        self.weight = 0  # bytes of memory that its arguments may take
        self._function = function
        self._args: tuple[Any, ...] = ()
        self._kwargs: dict[str, Any] = {}

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Set the arguments."""
        self._args, self._kwargs = args, kwargs

    def invoke(self) -> Any:
        """Run the function on this thread."""
        token = _present.set(self)
        try:
            return self._function(*self._args, **self._kwargs)
        finally:
            _present.reset(token)


class Calls:
    """The host functions of a session.

    Args:
        functions: by the name they have in the session.
        records: the record types that may cross.
        limits: the limits of the session.

    Raises:
        SandboxError: a name is no identifier, or a value is not callable.
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]],
        records: Mapping[type, HostRecord],
        limits: Limits,
    ) -> None:
        self._functions = dict(functions)
        self._records = records
        self._by_name = by_name(records)
        self._limits = limits
        # One for all cells: calls that an ended cell left behind go on running, and count.
        self.crew = Crew(limits.parallel_calls)
        self._signatures: dict[str, inspect.Signature | None] = {}
        for name, function in self._functions.items():
            if not name.isidentifier() or keyword.iskeyword(name) or not callable(function):
                raise SandboxError(f"host function {name!r} needs an identifier and a callable")
            try:
                self._signatures[name] = inspect.signature(function)
            except (ValueError, TypeError):  # some builtins have none
                self._signatures[name] = None

    def describe(self) -> list[dict[str, Any]]:
        """Names, signatures and documentation, in plain JSON."""
        return [
            {"name": name, "doc": _doc(function), **_describe(self._signatures[name])}
            for name, function in self._functions.items()
        ]

    def open(self, frame: Frame) -> Call:
        """The call a frame asks for.

        Raises:
            ProtocolError: the frame is malformed.
            TypeError: the arguments do not fit the signature, or an argument is no valid record.
            NameError: there is no such function.
        """
        head = frame.head
        name, number = head.get("name"), head.get("id")
        if not isinstance(name, str) or type(number) is not int:
            raise ProtocolError("malformed call")
        function = self._functions.get(name)
        if function is None:
            raise NameError(f"there is no host function {name[:80]!r}")
        call = Call(number, function)
        call.weight = frame.weight
        reader = ValueReader(frame, self._by_name)
        args, kwargs = head.get("args"), head.get("kwargs")
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise ProtocolError("malformed call")
        bound_args = tuple(reader.read(form) for form in args)
        bound_kwargs = {key: reader.read(form) for key, form in kwargs.items()}
        signature = self._signatures[name]
        if signature is not None:
            try:
                signature.bind(*bound_args, **bound_kwargs)
            except TypeError as error:
                raise TypeError(f"{name}(): {error}; it is {name}{_plain(signature)}") from None
        call.bind(bound_args, bound_kwargs)
        return call

    def reply(self, number: int, value: Any) -> tuple[Frame, list[int]]:
        """The frame that returns a value, and descriptors to close once it was sent."""
        writer = ValueWriter(self._records, self._limits.array_bytes, share=True)
        try:
            form = writer.write(value)
        except (TransferError, RecursionError, ValueError) as error:
            for descriptor in writer.owned:
                os.close(descriptor)
            return refusal(number, error), []
        head = {"type": "reply", "id": number, "value": form}
        return Frame(head, writer.buffers, writer.descriptors), writer.owned


def _plain(signature: inspect.Signature) -> inspect.Signature:
    """A signature without its annotations."""
    empty = inspect.Signature.empty
    parameters = [p.replace(annotation=empty) for p in signature.parameters.values()]
    return inspect.Signature(parameters)


def refusal(number: int, error: BaseException) -> Frame:
    """The frame that raises an exception in the cell."""
    if isinstance(error, StopCell):
        return Frame({"type": "reply", "id": number, "stop": True})
    _log.debug("host function failed", exc_info=error)
    try:
        message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    except Exception as second:  # noqa: BLE001 - an exception of a tool may refuse to be printed
        message = f"(no text: {type(second).__name__})"
    bases = [cls.__name__ for cls in type(error).__mro__]
    kind = type(error).__name__
    form = {"type": kind, "bases": bases, "message": message[:_MAX_MESSAGE]}
    return Frame({"type": "reply", "id": number, "error": form})


def interruption(number: int) -> Frame:
    """The frame that raises ``KeyboardInterrupt`` in the cell."""
    return Frame({"type": "reply", "id": number, "interrupt": True})


class Crew:
    """Threads for concurrent calls: at most so many at once, none kept when idle.

    Args:
        size: calls that run at the same moment.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._waiting: deque[tuple[contextvars.Context, Call, Done]] = deque()
        self._active = 0

    def submit(self, call: Call, done: Done) -> None:
        """Run a call as soon as a thread is free; ``done`` gets its result, on that thread."""
        with self._lock:
            self._waiting.append((contextvars.copy_context(), call, done))
            if self._active == self._size:
                return
            self._active += 1
        # Daemons: a host function that never returns must not hold up the end of the program.
        threading.Thread(target=self._work, name="sandbox-call", daemon=True).start()

    def drop_cancelled(self) -> None:
        """Drop the cancelled calls that have not begun."""
        with self._lock:
            self._waiting = deque(entry for entry in self._waiting if not entry[1].cancelled)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._active -= 1
                    return
                context, call, done = self._waiting.popleft()
            try:
                value, error = context.run(call.invoke), None
            except BaseException as raised:  # noqa: BLE001 - answered or raised by the cell's thread
                value, error = None, raised
            done(call, value, error)
            del context, call, done, value, error  # arguments may be large


def _doc(function: Callable[..., Any]) -> str | None:
    doc = getattr(function, "__doc__", None)
    return _cleaned(doc) if isinstance(doc, str) else inspect.getdoc(function)


_cleaned = functools.lru_cache(maxsize=256)(inspect.cleandoc)  # sandboxes of a run share functions


def _describe(signature: inspect.Signature | None) -> dict[str, Any]:
    if signature is None:
        return {"parameters": [], "returns": None}

    def text(value: Any) -> str | None:
        if value is inspect.Parameter.empty:
            return None
        return value if isinstance(value, str) else inspect.formatannotation(value)

    parameters = [
        {
            "name": parameter.name,
            "kind": int(parameter.kind),
            "default": None
            if parameter.default is inspect.Parameter.empty
            else repr(parameter.default),
            "annotation": text(parameter.annotation),
        }
        for parameter in signature.parameters.values()
    ]
    return {"parameters": parameters, "returns": text(signature.return_annotation)}
