"""The clock of a video stream: ticks, seconds, and where the stream begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.packet import Packet


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock of one video stream, in ticks of the container.

    ``zero`` is the tick of the first picture and ``end`` the tick where the last one ends, both
    after ``Timeline`` has put the stamps in order. ``lag`` is what decoding times run behind
    presentation times where only the former are stored (``stamped`` false), else 0. ``seekable``
    says that a tick means the same picture after a seek.
    """

    time_base: Fraction
    period: int
    zero: int
    end: int
    lag: int
    stamped: bool
    may_jump: bool
    seekable: bool

    @property
    def tolerance(self) -> float:
        """Seconds by which stamps may be rounded: half a tick, between 1 µs and 0.5 ms."""
        return min(max(float(self.time_base) / 2, 1e-6), 5e-4)

    def seconds(self, tick: int) -> float:
        """Seconds from the first picture to ``tick``, correctly rounded."""
        return (tick - self.zero) * self.time_base.numerator / self.time_base.denominator

    def tick(self, seconds: float) -> int:
        """The last tick at or before ``seconds``."""
        return self.zero + int(Fraction(seconds) // self.time_base)


class Timeline:
    """Follows the packets of one stream: mends jumps of the clock, keeps where the stream ends.

    Some formats (MPEG-TS foremost) may set their clock anew in the middle of a file, where
    recordings were joined. Stamps after such a jump are moved to follow on the ones before. In
    all other formats, steps of an hour are damage and mended alike, and so is a picture that
    would stay for an hour. ``first`` is the least start of a packet, ``end`` where the last one
    ends, ``last`` where that one starts, ``count`` how many there were; ``jumped`` says that
    something was mended.
    """

    def __init__(self, time_base: Fraction, period: int, stamped: bool, may_jump: bool) -> None:
        second = int(1 / time_base) or 1
        self._hour = 3600 * second
        self._back, self._forth = (second, 10 * second) if may_jump else (self._hour, self._hour)
        self._period = period
        self._stamped = stamped
        self._last: int | None = None
        self._shift = 0
        self.first: int | None = None
        self.last: int | None = None
        self.end: int | None = None
        self.count = 0
        self.jumped = False

    @property
    def shift(self) -> int:
        """The ticks by which stamps are moved at present."""
        return self._shift

    def follow(self, packet: Packet[Any]) -> int:
        """Take in the next packet, in file order, correcting its stamps in place.

        Gives the tick at which it starts.
        """
        length = packet.duration or self._period
        if length >= self._hour:
            length = self._period
        if packet.dts is not None:
            dts = packet.dts + self._shift
            follows = dts if self._last is None else self._last + length
            if not -self._back <= dts - follows <= self._forth:
                self._shift += follows - dts
                dts = follows
                self.jumped = True
            self._last = dts
        if self._shift:
            packet.dts = None if packet.dts is None else packet.dts + self._shift
            packet.pts = None if packet.pts is None else packet.pts + self._shift
        start = packet.pts if self._stamped and packet.pts is not None else packet.dts
        if start is None:
            start = self.end or 0
        if packet.is_discard:
            return start
        self.count += 1
        if self.end is not None and start > self.end + self._hour:
            return start
        self.first = start if self.first is None else min(self.first, start)
        if self.end is None or start + length >= self.end:
            self.last, self.end = start, start + length
        return start
