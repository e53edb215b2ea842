"""Tool calls as events: who called what, in short words, for how long, with what outcome."""

from __future__ import annotations

import functools
import reprlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlm.agent.events import ToolCalled
from rlm.agent.record import Record
from rlm.tools import Tool
from sandbox import StopCell


def traced(
    tool: Tool,
    record: Record,
    turn: Callable[[], int],
    video: Path,
    saw: Callable[[Any], None],
) -> Tool:
    """``tool``, with one event for each call; ``turn`` says in which turn it is.

    ``saw`` is told what each tool gave. Where the file ``video`` lies is this
    machine's business: errors name it without its folder.
    """

    @functools.wraps(tool)
    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        result, failed = "interrupted", True
        try:
            value = tool(*args, **kwargs)
            result, failed = "" if value is None else short(value), False
            saw(value)
        except StopCell:
            result, failed = "", False
            raise
        except Exception as error:
            error.args = tuple(
                arg.replace(str(video), video.name) if isinstance(arg, str) else arg
                for arg in error.args
            )
            result = f"{type(error).__name__}: {error}"
            raise
        else:
            return value
        finally:
            shown = [short(a) for a in args] + [f"{k}={short(v)}" for k, v in kwargs.items()]
            record.emit(
                ToolCalled,
                turn=turn(),
                tool=tool.__name__,
                arguments=", ".join(shown),
                result=result,
                seconds=round(time.monotonic() - began, 4),
                failed=failed,
            )

    return call


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80
        self.maxlist = self.maxtuple = 3

    def repr_ndarray(self, array: Any, level: int) -> str:
        return "x".join(map(str, array.shape))

    def repr_float(self, value: float, level: int) -> str:
        return f"{value:.4g}"

    def repr_instance(self, value: Any, level: int) -> str:
        names = getattr(type(value), "__dataclass_fields__", None)
        if names is None:
            return super().repr_instance(value, level)
        shown = (f"{name}={self.repr1(getattr(value, name), level - 1)}" for name in names)
        return f"{type(value).__name__}({', '.join(shown)})"


def short(value: object) -> str:
    """``repr`` in a few words: long texts and lists cut, arrays by type and shape."""
    return _Short().repr(value)
