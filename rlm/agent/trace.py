"""Tool calls as events: who called what, in short words, for how long, with what outcome, where."""

from __future__ import annotations

import functools
import math
import reprlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rlm.agent.events import ToolCalled, ToolStarted
from rlm.agent.record import Record
from rlm.prediction import SegmentOrder, SurpriseCurve
from rlm.tools import SubAnswer, Tool
from sandbox import StopCell, cancelled

MAX_SPANS = 24
"""Spans of a tool call that are told."""
MAX_HEIGHTS = 400
"""Points of a curve that are told."""
_NOWHERE = frozenset({"get_scenes", "transition_graph", "video_info"})
"""Tools whose results are about all of the video, or are in the header."""


def traced(
    tool: Tool,
    record: Record,
    turn: Callable[[], int],
    video: Path,
    saw: Callable[[Any], None],
) -> Tool:
    """``tool``, with an event before and after each call; ``turn`` says in which turn it is.

    ``saw`` is told what each tool gave, unless its cell has been interrupted. Where the file
    ``video`` lies is this machine's business: errors name it without its folder.
    """

    @functools.wraps(tool)
    def call(*args: Any, **kwargs: Any) -> Any:
        shown = [short(a) for a in args] + [f"{k}={short(v)}" for k, v in kwargs.items()]
        about = {"tool": tool.__name__, "arguments": ", ".join(shown)}
        record.emit(ToolStarted, turn=turn(), **about)
        began = time.monotonic()
        result, failed = "interrupted", True
        where: dict[str, Any] = {}
        try:
            value = tool(*args, **kwargs)
            result, failed = "" if value is None else short(value), False
            if not cancelled():
                saw(value)
            where = places(tool.__name__, value)
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
            record.emit(
                ToolCalled,
                turn=turn(),
                **about,
                result=result,
                seconds=round(time.monotonic() - began, 4),
                failed=failed,
                **where,
            )

    return call


def places(tool: str, value: Any) -> dict[str, Any]:
    """``spans`` and ``curve`` of :class:`ToolCalled` for what ``tool`` gave."""
    if isinstance(value, SurpriseCurve):
        return {"spans": ((round(value.start, 2), round(value.end, 2)),), "curve": heights(value)}
    if tool in _NOWHERE:
        return {}
    found: dict[tuple[float, float], None] = {}  # in order, each once
    for one in value if isinstance(value, list | tuple) else (value,):
        for start, end in _pairs(one):
            if math.isfinite(start) and math.isfinite(end):
                found[round(float(start), 2), round(float(end), 2)] = None
    spans = list(found) if len(found) <= MAX_SPANS else _merged(found)
    return {"spans": tuple(spans[:MAX_SPANS])}


def heights(curve: SurpriseCurve) -> tuple[float, ...]:
    """The scores of a curve at equal steps over its span; of many, the highest in each step."""
    number = min(MAX_HEIGHTS, len(curve.times))
    if number == 0 or not curve.end > curve.start:
        return ()
    steps = ((curve.times - curve.start) / (curve.end - curve.start) * number).astype(int)
    highest = np.full(number, np.nan)
    np.fmax.at(highest, steps.clip(0, number - 1), curve.score)
    known = np.isfinite(highest)
    if not known.any():
        return ()
    places = np.arange(number)
    return tuple(np.interp(places, places[known], highest[known]).round(2).tolist())


def _pairs(one: Any) -> Iterable[tuple[float, float]]:
    """The (start, end) that one result is about."""
    if isinstance(one, SubAnswer):
        return one.evidence
    if isinstance(one, SegmentOrder):
        return one.spans
    start, end = getattr(one, "start", None), getattr(one, "end", None)
    if isinstance(start, int | float) and isinstance(end, int | float):
        return ((start, end),)
    return ()


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same times in as few spans as can be."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


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
