"""The process inside the jail: a persistent Python session that answers over one socket.

It preloads modules, runs the preamble, locks itself (``sandbox.lockdown``), says ``ready``, and
from then on runs the cells it is sent. Nothing in it is trusted by the host: the code of a cell
shares the process and may forge whatever this module could send.
"""

from __future__ import annotations

import _sitebuiltins
import _socket
import ast
import builtins
import gc
import importlib
import io
import linecache
import os
import signal
import sys
import traceback
import types
from collections.abc import Sequence
from typing import Any

from sandbox import lockdown
from sandbox.channel import Channel, StopCell, bind_functions
from sandbox.frames import Frame
from sandbox.records import jail_records

# Every import here is paid for at each start: pathlib alone would cost as much as ast, and socket,
# for the sake of names of constants, more than _socket by half of that.
_OWN_FILES = frozenset(
    f"{__file__.rpartition('/')[0]}/{name}"
    for name in ("worker.py", "channel.py", "frames.py", "codec.py", "records.py", "arrays.py")
)
_RETRY_SECONDS = 0.002
_MAX_TRACEBACK = 20_000
_MAX_NAMES = 500


def main(descriptor: int, preamble: Sequence[tuple[str, types.CodeType]]) -> None:
    """Run a session on the socket with this descriptor number; never returns.

    ``preamble`` are the further modules of the session by name, compiled.
    """
    gc.disable()  # next to nothing of what is made before the first cell is ever given back
    connection = _socket.socket(fileno=descriptor)
    sys.argv = [""]
    channel = Channel(connection)
    orders = channel.read().head
    stage = "preload"
    try:
        sys.path.extend(orders["paths"])
        for name in orders["preload"]:
            importlib.import_module(name)
        stage = "preamble"
        for name, code in preamble:
            vars(builtins).update(_run_module(name, code))
        gc.freeze()
        gc.enable()
        stage = "lock"
        lockdown.lock(orders["lock"])
    except BaseException as error:  # noqa: BLE001 - whatever it is, the host must hear of it
        cause = f"{type(error).__name__}: {error}"
        channel.send(Frame({"type": "failed", "stage": stage, "cause": cause}))
        os._exit(1)
    channel.send(Frame({"type": "ready"}))
    try:
        Session(channel).serve()
    except EOFError:
        os._exit(0)


def _run_module(name: str, code: types.CodeType) -> dict[str, Any]:
    """Make a module of its code; returns what it exports."""
    module = sys.modules[name] = types.ModuleType(name)
    exec(code, module.__dict__)
    return {export: getattr(module, export) for export in module.__all__}


class Session:
    """One namespace that lives from cell to cell."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._cell = 0  # 0 between cells
        self._postponed = 0  # the cell an interrupt is waiting to reach
        self._functions: dict[str, Any] = {}
        self._module = types.ModuleType("__main__")
        self._module.__dict__["__builtins__"] = builtins
        self._hidden: set[str] = set()
        builtins.help = _sitebuiltins._Helper()  # as `site` would
        self._names: list[str] = []
        self._outputs = (os.dup(1), os.dup(2))
        self._streams = (_text_stream(1), _text_stream(2))
        sys.modules["__main__"] = self._module
        sys.stdin = open(os.devnull)  # noqa: SIM115 - lives as long as the session

    def serve(self) -> None:
        """Answer requests until the host closes the connection."""
        while True:
            head = self._channel.read().head
            if head["type"] == "begin":
                self._begin(head)
            elif head["type"] == "cell":
                self._channel.send(Frame(self._run(head["id"], head["code"])))

    def _begin(self, head: dict[str, Any]) -> None:
        records = jail_records(head["records"])
        self._channel.use_records(records)
        self._functions = bind_functions(self._channel, head["functions"])
        namespace = self._module.__dict__
        namespace.update(self._functions)
        namespace.update({cls.__name__: cls for cls in records})
        self._hidden = {*namespace, "_"}

    def _run(self, number: int, code: str) -> dict[str, Any]:
        """Run one cell; nothing it does, and no interrupt, leaves this method unfinished."""
        answer: dict[str, Any] = {"type": "done", "id": number}
        self._restore_process()
        self._channel.cell = number
        self._cell = number
        self._channel.send(Frame({"type": "begun", "id": number}))  # interrupts find it from now on
        try:
            try:
                self._execute(code, f"<cell {number}>")
            finally:
                self._cell = 0
        except StopCell:
            pass  # the host knows
        except BaseException as error:  # noqa: BLE001 - a cell may raise anything
            self._cell = 0
            answer["error"] = _describe(error, f"<cell {number}>")
            # What the traceback holds must not live on through a reference cycle.
            del error
        if self._postponed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._postponed = 0
        self._channel.cell = 0
        self._restore_functions()
        for stream in (sys.stdout, sys.stderr, *self._streams):
            try:
                stream.flush()
            except BaseException:  # noqa: BLE001 - a cell may have put anything there
                continue
        names = [name for name in self._module.__dict__ if name not in self._hidden]
        if names != self._names:
            self._names = names
            answer["names"] = [name for name in names if isinstance(name, str)][:_MAX_NAMES]
        return answer

    def _execute(self, code: str, name: str) -> None:
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        shown: list[ast.stmt] = []
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            shown.append(tree.body.pop())
        namespace = self._module.__dict__
        if tree.body:
            exec(compile(tree, name, "exec", dont_inherit=True), namespace)
        if shown:
            last = ast.Interactive(shown)
            exec(compile(last, name, "single", dont_inherit=True), namespace)

    def _show(self, value: object) -> None:
        if value is not None:
            self._module.__dict__["_"] = value
            if getattr(type(value), "__echo__", True):
                sys.stdout.write(repr(value) + "\n")

    def _restore_process(self) -> None:
        """Put back what an earlier cell may have taken away."""
        signal.signal(signal.SIGINT, self._interrupted)
        for number, output in enumerate(self._outputs, start=1):
            os.dup2(output, number, inheritable=False)
        if any(stream.closed for stream in self._streams):
            self._streams = (_text_stream(1), _text_stream(2))
        sys.stdout, sys.stderr = self._streams
        sys.displayhook = self._show

    def _restore_functions(self) -> None:
        namespace = self._module.__dict__
        for name, function in self._functions.items():
            if namespace.get(name) is not function:
                namespace[name] = function
                sys.stderr.write(
                    f"note: {name!r} is a function of this session and was restored; "
                    f"give your variable another name\n"
                )

    def _interrupted(self, _number: int, frame: types.FrameType | None) -> None:
        """Raise ``KeyboardInterrupt`` in the cell's own code, never in the session's.

        An exception inside a half-read frame would end the session, so while a frame of this
        package is the innermost known one, the interrupt is tried again a moment later.
        """
        while frame is not None:
            if frame.f_code.co_filename in _OWN_FILES:
                break
            if frame.f_code.co_filename.startswith("<cell "):
                self._postponed = 0
                raise KeyboardInterrupt
            frame = frame.f_back
        if self._cell:
            self._postponed = self._cell
            signal.signal(signal.SIGALRM, self._interrupted)
            signal.setitimer(signal.ITIMER_REAL, _RETRY_SECONDS)


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    raw = open(descriptor, "wb", buffering=8192, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", "\n", line_buffering=True)


def _describe(error: BaseException, cell: str) -> dict[str, Any]:
    """An exception as plain text, with the frames of cells only."""
    kind = type(error).__name__
    try:
        report = traceback.TracebackException(type(error), error, error.__traceback__)
        line = _keep_cells(report, cell)
        text = "".join(report.format())
        message = str(error)
    except BaseException as second:  # noqa: BLE001 - a cell's exception may refuse to be printed
        line, message = None, f"(the exception cannot be printed: {type(second).__name__})"
        text = f"{kind}: {message}\n"
    if len(text) > _MAX_TRACEBACK:
        half = _MAX_TRACEBACK // 2
        text = f"{text[:half]}\n... [{len(text) - 2 * half} characters cut] ...\n{text[-half:]}"
    if isinstance(error, SyntaxError) and error.filename == cell:
        line = error.lineno
    return {"type": kind, "message": message[:_MAX_TRACEBACK], "traceback": text, "line": line}


def _keep_cells(report: traceback.TracebackException, cell: str) -> int | None:
    pending: list[traceback.TracebackException | None] = [report]
    seen: set[int] = set()
    line = None
    while pending:
        part = pending.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        frames = [frame for frame in part.stack if frame.filename.startswith("<cell ")]
        part.stack = traceback.StackSummary.from_list(frames)
        if part is report:
            own = [frame.lineno for frame in frames if frame.filename == cell]
            line = own[-1] if own else None
        nested: Sequence[traceback.TracebackException] = getattr(part, "exceptions", None) or ()
        pending += [part.__cause__, part.__context__, *nested]
    return line
