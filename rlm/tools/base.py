"""What every tool shares: the context it runs in, the records it may return, how it is described.

A tool is a plain function whose first parameter is the :class:`ToolContext`. The model never sees
that parameter; it reads the rest of the signature and the docstring, so those are written for it.
Values that cross into the jail are numbers, text, lists, tuples, dicts, numpy arrays and the
dataclasses in :data:`RECORDS`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Embedding
from rlm.index import Caption, Detection, Hit, Scene, VideoIndex
from rlm.index.spoken.transcript import TextHit
from rlm.prediction import (
    Anomaly,
    Anticipation,
    Classification,
    Coherence,
    Future,
    Match,
    RankedFuture,
    SegmentOrder,
    SummaryPart,
    SurpriseCurve,
    Transition,
    TransitionGraph,
)
from rlm.spans import Span
from rlm.video import Clip, Cue, Video

Pictures = NDArray[np.uint8]
Tool = Callable[..., Any]


@dataclass(frozen=True)
class Frames:
    """Frames of the video: ``rgb`` is uint8 (T, H, W, 3), ``times`` float64 (T,) in seconds."""

    start: float
    end: float
    times: NDArray[np.float64]
    rgb: Pictures

    @classmethod
    def of(cls, clip: Clip) -> Frames:
        """The frames of a clip."""
        return cls(clip.span.start, clip.span.end, clip.times, clip.rgb)


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: one picture ``rgb`` uint8 (H, W, 3) with a cell for each of ``times``.

    It has been shown when the model gets it: as the value of a cell it is not printed as well.
    """

    __echo__ = False

    start: float
    end: float
    times: NDArray[np.float64]
    rgb: Pictures


@dataclass(frozen=True)
class VideoFacts:
    """What is known about the video without looking at it."""

    name: str
    duration: float
    width: int
    height: int
    frame_rate: float
    scenes: int
    windows: int
    window_seconds: float
    search_fields: tuple[str, ...]
    search_by_text: bool
    transcript: bool
    damage: tuple[tuple[float, float], ...]


Labelled = tuple[str, Pictures, int]
"""What a picture is called, the picture (H, W, 3), and how many frames it holds."""


@dataclass(frozen=True)
class SubAnswer:
    """What a sub-session found. ``answer`` is ``None`` when it found none; ``error`` says why."""

    answer: str | None
    choice: int | None
    evidence: tuple[tuple[float, float], ...]
    confidence: float | None
    error: str | None
    turns: int
    frames: int


@dataclass(frozen=True)
class Asked:
    """One sub-question for a language model: ``images`` come after the words of ``prompt``."""

    prompt: str
    images: Sequence[Labelled] = ()


@dataclass(frozen=True)
class SubQuestion:
    """One question for a sub-session over ``span``."""

    question: str
    span: Span
    options: Sequence[str] = ()


RECORDS: tuple[type, ...] = (
    Frames,
    Sheet,
    VideoFacts,
    Hit,
    Scene,
    Embedding,
    Cue,
    TextHit,
    Detection,
    Caption,
    Future,
    Coherence,
    Classification,
    Anticipation,
    SurpriseCurve,
    Anomaly,
    SummaryPart,
    RankedFuture,
    SegmentOrder,
    Transition,
    TransitionGraph,
    Match,
    SubAnswer,
)


class Host(Protocol):
    """What tools reach of the session they run in."""

    def show(self, pictures: Sequence[Labelled]) -> None:
        """Put pictures into the next observation, all or none of them."""
        ...

    def ask(self, asked: Sequence[Asked], model: str | None) -> list[str | Exception]:
        """Put questions to a language model, side by side; what failed is returned, not raised."""
        ...

    def explore(self, questions: Sequence[SubQuestion]) -> list[SubAnswer]:
        """Have sub-sessions answer questions, side by side."""
        ...

    def note(self, fact: str, span: Span | None) -> None:
        """Keep a fact for the rest of the run."""
        ...

    def history(self, turn: int | None) -> str:
        """What was said and observed, in full."""
        ...

    def submit(
        self, value: object, evidence: Sequence[tuple[float, float]] | None, confidence: object
    ) -> NoReturn:
        """End the cell, and the session, when the answer is valid."""
        ...


@dataclass
class ToolContext:
    """What the tools of one session work on.

    ``index`` may be replaced by a better one of the same video while the session lives. ``part`` is
    what a sub-session may look at, ``None`` for all of the video; times are of the whole video
    either way.
    """

    video: Video
    index: VideoIndex
    host: Host
    part: Span | None = None

    @property
    def span(self) -> Span:
        """What may be looked at."""
        return self.video.span if self.part is None else self.part

    def within(self, span: object) -> Span | None:
        """The ``span`` argument of a tool that looks at all by default, as in :func:`as_span`."""
        return self.part if span is None else as_span(span, self)


def bind(tools: Iterable[Tool], context: ToolContext) -> dict[str, Tool]:
    """The tools by name, as the jail calls them: without their first parameter."""
    bound: dict[str, Tool] = {}
    for tool in tools:
        call = functools.partial(tool, context)
        functools.update_wrapper(call, tool)
        call.__signature__ = _without_context(tool)  # type: ignore[attr-defined]
        bound[tool.__name__] = call
    return bound


@functools.cache  # every session has the same
def _without_context(tool: Tool) -> inspect.Signature:
    signature = inspect.signature(tool)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def describe(tools: Iterable[Tool]) -> str:
    """The tools' signatures and docstrings, as the system prompt shows them."""
    entries = []
    for tool in tools:
        returns = inspect.signature(tool).return_annotation
        returns = returns if isinstance(returns, str) else inspect.formatannotation(returns)
        arrow = "" if returns in ("None", "NoReturn") else f" -> {returns}"
        entries.append(entry(tool, skip=1, arrow=arrow))
    return "\n\n".join(entries)


def entry(function: Callable[..., Any], *, skip: int = 0, arrow: str = "") -> str:
    """A function's signature, without its first ``skip`` parameters, and its docstring."""
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    shown = inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters])
    doc = inspect.getdoc(function) or ""
    body = "\n".join(f"    {line}" if line else "" for line in doc.splitlines())
    return f"{function.__name__}{shown}{arrow}\n{body}"


def told(value: object) -> str:
    """A value from the jail in an error: itself where that is short, else its type."""
    if isinstance(value, int):
        return f"{value!r}" if abs(value) < 10**12 else "int"
    short = isinstance(value, str) and len(value) <= 40
    return repr(value) if short or isinstance(value, float) else type(value).__name__


def as_pair(value: object) -> tuple[float, float]:
    """The two times of ``(start, end)`` or of anything with ``.start`` and ``.end``.

    Raises ``TypeError`` for anything else.
    """
    if isinstance(value, list | tuple) and len(value) == 2:
        start, end = value
    elif hasattr(value, "start") and hasattr(value, "end"):
        start, end = value.start, value.end
    else:
        raise TypeError(f"a span is (start, end) in seconds, not {told(value)}")
    for time in (start, end):
        if isinstance(time, bool) or not isinstance(time, int | float):
            raise TypeError(f"times are numbers, in seconds (1:30 is 90), not {told(time)}")
    return float(start), float(end)


def as_span(value: object, ctx: ToolContext) -> Span:
    """What of a pair, scene, hit or other span may be looked at.

    Raises ``TypeError`` for what is no span and ``ValueError`` when nothing of it may be.
    """
    return cut_to_video(*as_pair(value), ctx)


def as_spans(values: object, ctx: ToolContext) -> list[Span]:
    """A list of spans, each as in :func:`as_span`; raises what that does."""
    if not isinstance(values, list | tuple):
        raise TypeError(f"a list of spans, not {type(values).__name__}")
    return [as_span(value, ctx) for value in values]


def whole_number(name: str, value: object, most: int = 1000) -> int:
    """``value`` if it is a whole number from 1 to ``most``, else ``ValueError`` with its name."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"{name} is a whole number from 1 to {most}, not {value!r}")
    return value


def seconds_of(name: str, value: object) -> float:
    """``value`` as a float if it is a number, else ``TypeError`` with its name."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number of seconds, not {told(value)}")
    return float(value)


def cut_to_video(start: object, end: object, ctx: ToolContext) -> Span:
    """The part of ``start`` to ``end`` that may be looked at.

    ``None`` means as far as that goes; ``start`` alone may be a pair, a scene or a hit. Raises
    ``TypeError`` for a time that is no number, ``ValueError`` when nothing remains.
    """
    if end is None and (isinstance(start, list | tuple) or hasattr(start, "end")):
        return as_span(start, ctx)
    whole = ctx.span
    first, last = as_pair(
        (whole.start if start is None else start, whole.end if end is None else end)
    )
    if last < first:
        raise ValueError(f"start {first:g} is after end {last:g}")
    if last == first:
        raise ValueError(
            f"from {first:g} to {last:g} is no time at all; for one picture take a tenth of a "
            "second and count=1"
        )
    low, high = max(first, whole.start), min(last, whole.end)
    if not low < high:
        which = f"the video, which lasts {whole.end:.2f} s"
        if ctx.part is not None:
            which = f"your part of the video, {whole.start:.2f} to {whole.end:.2f} s"
        raise ValueError(f"{first:g} to {last:g} s holds nothing of {which}")
    return Span(low, high)


def as_box(value: object) -> tuple[float, float, float, float]:
    """The four numbers of a box as it comes from the jail; ``TypeError`` for anything else."""
    box = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(box, list | tuple) or len(box) != 4:
        raise TypeError("a box is four numbers, (x0, y0, x1, y1)")
    for side in box:
        if isinstance(side, bool) or not isinstance(side, int | float):
            raise TypeError(f"a box is four numbers, (x0, y0, x1, y1), not {type(side).__name__}")
    x0, y0, x1, y1 = map(float, box)
    return x0, y0, x1, y1
