"""What of a stream is lost: packets that never became a picture, and packets that never came."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from rlm.spans import Span
from rlm.video.timing import Timing

if TYPE_CHECKING:
    from av.packet import Packet

# The steps between so many pictures in a row tell the spacing of a stream at that place.
_RECENT = 32

# Nothing is missing below such a share of the usual step.
_STEP_SHARE = 0.75

# Headers between packets are smaller than this; so many bytes more held packets.
_HEADER_BYTES = 256

# Formats whose packets lie in the file one after another, each at a place that is known.
_LAID_IN_ORDER = frozenset({"matroska", "webm", "flv"})


def counts_bytes(container_format: str) -> bool:
    """Whether lost packets leave a trace only in bytes that belong to no packet of any stream."""
    return not _LAID_IN_ORDER.isdisjoint(container_format.split(","))


class Damage:
    """Sets the packets that went into a decoder against the pictures that came out.

    A packet promises a picture at its tick. What no picture kept is lost when the decoder failed
    while it had the packet, or when a usual step of the stream went by without a picture. A gap in
    time is lost packets only with proof of them: a transport stream says that its count broke
    (``Packet.is_corrupt``), fragments of MP4 name their lengths (``lengths_told``), and elsewhere
    there are bytes between two packets that belong to none. So neither varying steps nor joined
    recordings look like damage.

    Damage lasts until the next sound picture comes on display. After a lost key frame, or a gap,
    that is the next key frame, for what lies between was predicted from what is not there. After
    other losses it is any picture that decodes without complaint, though traces of the loss may
    be seen in it. Ticks are those of ``timing``.
    """

    def __init__(self, timing: Timing, *, lengths_told: bool, bytes_told: bool) -> None:
        self._timing = timing
        self._lengths_told = lengths_told
        self._bytes_told = bytes_told
        self._spans: list[tuple[int, int]] = []
        self._restart(timing.zero)

    def restart(self) -> None:
        """Reading goes on at another place of the file."""
        self._close(self._open)
        self._restart(None)

    def _restart(self, settled: int | None) -> None:
        # Ticks of the packets in the decoder: all, key frames, those it may have failed with.
        self._waiting: set[int] = set()
        self._keys: set[int] = set()
        self._failed: set[int] = set()
        self._holes: list[int] = []
        self._open: int | None = None
        self._needs_key = False
        # From this tick on every packet should give a picture; None until a key frame is sent.
        self._settled = settled
        self._steps: deque[int] = deque(maxlen=_RECENT)
        self._shown: int | None = None
        self._newest: int | None = None
        # The last bad picture before which others are lost, and where they begin.
        self._before: dict[int | None, int] = {}
        self._reach: int | None = None
        self._due: int | None = None
        self._byte: int | None = None
        self._torn = False

    def passed(self, packet: Packet[Any]) -> None:
        """A packet of another stream was read."""
        self._count_bytes(packet)

    def unread(self) -> None:
        """The file could not be understood at the place reached."""
        self._torn = True
        self.failed()

    def sent(self, packet: Packet[Any], *, key: bool, jumped: bool) -> None:
        """``packet`` goes into the decoder, its stamps mended; the clock ``jumped`` before it."""
        skipped = self._count_bytes(packet)
        torn, self._torn = self._torn or packet.is_corrupt, packet.is_corrupt
        stamp = packet.pts if self._timing.stamped else packet.dts
        if jumped:
            self._settled = None
        if packet.is_discard or stamp is None:
            return
        if self._settled is None and key:
            self._settled = stamp
        told = packet.duration or 0
        step = max(told, self._step())
        # By decoding times, which have no gaps where pictures are put in order.
        due, self._due = self._due, None if packet.dts is None else packet.dts + told
        late = due is not None and packet.dts is not None and packet.dts > due + _STEP_SHARE * step
        proof = torn or skipped or (self._lengths_told and late)
        if (
            proof
            and not jumped
            and self._reach is not None
            and stamp > self._reach + _STEP_SHARE * step
        ):
            self._holes.append(self._reach)
        self._waiting.add(stamp)
        if key:
            self._keys.add(stamp)
        if packet.is_corrupt:
            self._failed.add(stamp)
        self._newest = stamp
        self._reach = max(self._reach or stamp, stamp + (told or self._step()))

    def failed(self) -> None:
        """The decoder gave an error; with threads it may be any packet it holds that is bad."""
        if not self._waiting and self._shown is not None and self._open is None:
            self._open = self._shown + self._timing.period
        self._failed |= self._waiting

    def shown(self, tick: int, *, corrupt: bool, key: bool) -> None:
        """A picture came out of the decoder: a ``key`` frame or not, flagged ``corrupt`` or not."""
        self._settle(tick)
        self._waiting.discard(tick)
        if self._settled is None or tick < self._settled:
            return
        if corrupt:
            self._begin_before(tick)
            self._begin(tick, key=key)
        elif key:
            self._needs_key = False
        if self._open is not None and tick >= self._open and not (corrupt or self._needs_key):
            self._close(tick)
        if self._shown is not None and tick > self._shown:
            self._steps.append(tick - self._shown)
        self._shown = tick

    def finish(self) -> None:
        """The stream is at its end; a last packet that was cut in two is no damage."""
        timing = self._timing
        if timing.stamped:
            ragged = {self._newest, self._before.get(self._newest)}
        else:
            # Pictures still in the decoder come out of it without a stamp, in their own order.
            ragged = set(range(timing.end - timing.period - timing.lag, timing.end))
            self._waiting.clear()
        self._waiting.difference_update(ragged)
        self._settle(timing.end)
        self._close(None if self._open in ragged else timing.end)
        self._spans = [span for span in self._spans if span[0] not in ragged]

    def spans(self) -> tuple[Span, ...]:
        """What is lost so far, in seconds, in order; what touches is one span."""
        known = list(self._spans)
        if self._open is not None:
            known.append((self._open, self._open + self._timing.period))
        merged: list[tuple[int, int]] = []
        for start, end in sorted(known):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        whole = Span(0.0, self._timing.seconds(self._timing.end))
        found = (
            Span(self._timing.seconds(start), self._timing.seconds(end)).intersect(whole)
            for start, end in merged
        )
        return tuple(span for span in found if span is not None)

    def _settle(self, tick: int) -> None:
        """No picture before ``tick`` will come any more."""
        step = self._step()
        if self._holes and tick <= self._holes[0] + step / 2:
            self._begin_before(tick)
        for hole in list(self._holes):
            if hole <= tick + step / 2:
                self._holes.remove(hole)
                if hole < tick - step / 2:
                    self._begin(hole, key=True)
        for stamp in sorted(stamp for stamp in self._waiting if stamp < tick):
            late = self._shown is not None and stamp > self._shown + _STEP_SHARE * step
            due = self._settled is not None and stamp >= self._settled
            if due and (late or stamp in self._failed):
                self._begin(stamp, key=stamp in self._keys)
        for known in (self._waiting, self._keys, self._failed):
            known.difference_update([stamp for stamp in known if stamp < tick])

    def _step(self) -> int:
        return min(self._steps, default=self._timing.period)

    def _begin(self, tick: int, *, key: bool) -> None:
        self._needs_key |= key
        self._open = tick if self._open is None else min(self._open, tick)

    def _begin_before(self, tick: int) -> None:
        """Packets are lost hereabouts: so is what a step before ``tick`` went by without."""
        if self._shown is not None:
            follows, step = self._shown + self._step(), self._step()
            if follows + _STEP_SHARE * step < tick:
                self._begin(follows, key=False)
                self._before = {tick: follows}

    def _close(self, tick: int | None) -> None:
        if self._open is not None and tick is not None:
            self._spans.append((self._open, max(tick, self._open + self._timing.period)))
        self._open = None

    def _count_bytes(self, packet: Packet[Any]) -> bool:
        """Whether more than headers lies between ``packet`` and the one before it."""
        if not self._bytes_told or packet.pos is None:
            return False
        before, self._byte = self._byte, packet.pos + packet.size
        return before is not None and packet.pos - before > _HEADER_BYTES
