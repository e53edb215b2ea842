"""Spans of time. Every time in the public API is seconds, as a float."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rlm.errors import UsageError

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)s?")


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """The half-open interval ``[start, end)`` in seconds. It may be empty, never reversed.

    Raises ``UsageError`` when an end is not finite or lies before the start.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise UsageError(f"a span needs finite times, got ({self.start}, {self.end})")
        if self.end < self.start:
            raise UsageError(f"a span ends before it starts: ({self.start}, {self.end})")

    def __iter__(self) -> Iterator[float]:
        yield self.start
        yield self.end

    def __str__(self) -> str:
        return f"{format_time(self.start)}-{format_time(self.end)}"

    def __contains__(self, time: float) -> bool:
        return self.start <= time < self.end

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """The time half way."""
        return (self.start + self.end) / 2

    def intersect(self, other: Span) -> Span | None:
        """The part in common, or ``None`` when there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None

    def overlap(self, other: Span) -> float:
        """Seconds in common."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: Span) -> float:
        """Temporal intersection over union, in ``[0, 1]``; two empty spans give 0."""
        shared = self.overlap(other)
        union = self.duration + other.duration - shared
        return shared / union if union > 0 else 0.0

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read ``"1:04-1:10.5"`` or ``"64-70.5"``.

        Raises ``UsageError`` when the text is not two times with a dash between.
        """
        head, dash, tail = text.partition("-")
        if not dash:
            raise UsageError(f"a span is written START-END, as in 1:04-1:10, not {text!r}")
        return cls(parse_time(head), parse_time(tail))


def parse_time(text: str) -> float:
    """Seconds from ``"67.5"``, ``"1:07.5"`` or ``"1:02:03"``.

    Raises ``UsageError`` for anything else.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"a time is written 67.5, 1:07.5 or 1:02:03, not {text!r}")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def format_time(seconds: float, digits: int = 1) -> str:
    """``67.46`` as ``"1:07.5"``, with ``digits`` decimals and hours only when there are any."""
    unit = 10**digits
    ticks = round(abs(seconds) * unit)
    whole, fraction = divmod(ticks, unit)
    minutes, secs = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if seconds < 0 and ticks else ""
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    tail = f".{fraction:0{digits}d}" if digits else ""
    return f"{sign}{head}:{secs:02d}{tail}"
