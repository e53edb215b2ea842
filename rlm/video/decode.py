"""The linear pass: packets in, pictures with their true times out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span
from rlm.video.container import open_container, pick_stream, read_packets
from rlm.video.damage import Damage, counts_bytes
from rlm.video.embedded import EmbeddedText, holds_text
from rlm.video.timing import Timeline, Timing

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream as AnyStream
    from av.video.frame import VideoFrame

# Skipping less than this many seconds of pictures does not pay for emptying the pipeline.
_WORTH_SEEKING = 1.0

# Without an index it is worth trying to seek when the next picture wanted is this far away.
_WORTH_TRYING = 10.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, not yet converted, and the second at which it comes on display.

    ``pixels`` keeps what it has been converted to, by ``(width, height)``.
    """

    time: float
    frame: VideoFrame
    pixels: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict)


class Decoder:
    """Reads one video stream forward. Iterating yields every picture, times strictly increasing.

    What cannot be decoded is left out, and reading goes on with the next picture that can. A
    picture without a stamp follows the one before it by the frame period; one that comes late
    (its stamp is not after the one before it) is dropped, as players do, and so is one with a
    stamp beyond the end of the stream. ``damage`` keeps account of what is lost, ``count`` how
    many pictures came, ``text`` the subtitles met on the way where they were asked for.

    Raises ``VideoNotFound``, ``NotAVideo`` or ``VideoDamaged`` when the file no longer opens.
    """

    def __init__(self, path: Path, index: int, timing: Timing, *, subtitles: bool = False) -> None:
        self._path = path
        self._index = index
        self._timing = timing
        self._subtitles = subtitles
        self.count = 0
        self._may_try = True
        self._from_start = True
        self._ready: deque[VideoFrame] = deque()
        self._pending: Picture | None = None
        self._last: int | None = None
        self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    @property
    def end(self) -> float:
        """Seconds up to which the packets read so far reach."""
        end = self._timeline.end
        return 0.0 if end is None else self._timing.seconds(end + self._timing.lag)

    @property
    def tolerance(self) -> float:
        """Seconds by which stamps may be rounded."""
        return self._timing.tolerance

    def shows_in(self, span: Span, picture: Picture) -> bool:
        """Whether ``picture`` comes on display in ``span``; neighbouring spans share none."""
        return span.start <= picture.time + self.tolerance < span.end

    def __iter__(self) -> Iterator[Picture]:
        return self

    def __next__(self) -> Picture:
        if self._pending is not None:
            picture, self._pending = self._pending, None
            return picture
        while True:
            while not self._ready:
                self._decode()
            frame = self._ready.popleft()
            self.count += 1
            tick = frame.pts if self._timing.stamped else frame.dts
            if tick is None:
                # Only from the start of the file is the place of a picture without a stamp known.
                if self._last is None and not self._from_start:
                    continue
                period = self._timing.period
                tick = self._timing.zero if self._last is None else self._last + period
            self.damage.shown(tick, corrupt=frame.is_corrupt, key=frame.key_frame)
            if (self._last is None or tick > self._last) and tick < self._timing.end:
                self._last = tick
                return Picture(self._timing.seconds(tick), frame)

    def advance(self, time: float, position: float) -> bool:
        """Jump towards the picture on display at ``time`` if that saves decoding.

        ``position`` is the time of the last picture read. True when the decoder has jumped; the
        next picture then is one at or before ``time`` on which all up to it will follow.
        """
        if not self._timing.seekable or time - position <= _WORTH_SEEKING:
            return False
        entries = self._stream.index_entries
        found = entries.search_timestamp(self._timing.tick(time), backward=True)
        if found >= 0:
            key = self._timing.seconds(entries[found].timestamp)
            if key - position > _WORTH_SEEKING:
                self._seek(time)
                return True
        # Some formats read their index only at the first seek, some have none.
        if self._may_try and time - position > _WORTH_TRYING:
            landed = self._seek(time)
            self._may_try = landed > position
            return True
        return False

    def drain(self, time: float) -> None:
        """Read on without decoding, up to ``time``, for the sake of the subtitles."""
        for packet in self._packets:
            if packet.stream_index != self._index:
                self._pass(packet)
            elif packet.size and self._timing.seconds(self._timeline.follow(packet)) > time:
                return

    def _open(self) -> None:
        self._container = open_container(self._path)
        form = self._container.format.name
        bytes_told = counts_bytes(form)
        also = [
            stream
            for stream in self._container.streams
            if stream.index != self._index and (bytes_told or self._wants(stream))
        ]
        self._stream = pick_stream(
            self._container, self._index, frozenset(stream.index for stream in also)
        )
        self.text = EmbeddedText(filter(self._wants, also), self._timing)
        # Only MP4 in fragments has no list of its packets, and so can miss some.
        in_fragments = "mp4" in form.split(",") and not self._stream.frames
        self.damage = Damage(self._timing, lengths_told=in_fragments, bytes_told=bytes_told)
        self._also = also
        self._begin(from_start=True)

    def _wants(self, stream: AnyStream) -> bool:
        return self._subtitles and holds_text(stream)

    def _begin(self, *, from_start: bool) -> None:
        timing = self._timing
        self._timeline = Timeline(timing.time_base, timing.period, timing.stamped, timing.may_jump)
        self._packets = read_packets(
            self._container, self._stream, self._also, on_damage=self.damage.unread
        )
        self._ready.clear()
        self._pending = None
        self._last = None
        self._from_start = from_start

    def _decode(self) -> None:
        """Feed one packet to the decoder. Raises ``StopIteration`` when there is none left."""
        import av

        packet = next(self._packets, None)
        if packet is None:
            self.damage.finish()
            raise StopIteration
        if packet.size and packet.stream_index != self._index:
            self._pass(packet)
            return
        if packet.size:
            key, shift = self._is_key(packet), self._timeline.shift
            self._timeline.follow(packet)
            self.damage.sent(packet, key=key, jumped=shift != self._timeline.shift)
        try:
            self._ready.extend(self._stream.decode(packet))
        except av.error.FFmpegError:
            self.damage.failed()

    def _is_key(self, packet: Packet[Any]) -> bool:
        """Whether a packet holds a key frame, even if damage has made it look otherwise."""
        if packet.is_keyframe or packet.dts is None:
            return packet.is_keyframe
        entries = self._stream.index_entries
        found = entries.search_timestamp(packet.dts, backward=True)
        return found >= 0 and entries[found].timestamp == packet.dts

    def _pass(self, packet: Packet[Any]) -> None:
        self.damage.passed(packet)
        self.text.add(packet, self._timeline.shift)

    def _seek(self, time: float) -> float:
        """Go where the picture on display at ``time`` can be decoded from; the time there."""
        import av

        timing = self._timing
        target = timing.tick(time)
        # A key frame may be filed under its decoding time, or lead pictures shown before it.
        for margin in (0, 1, 5, 30):
            tick = target - int(margin / timing.time_base)
            if tick <= timing.zero:
                break
            depth = self._stream.codec_context.reorder_depth
            try:
                self._container.seek(tick, stream=self._stream)
            except av.error.FFmpegError:
                break
            # FFmpeg forgets the depth when it seeks, and would lose pictures until it has found
            # it out again.
            self._stream.codec_context.reorder_depth = depth
            self.damage.restart()
            self._begin(from_start=False)
            first = next(self, None)
            if first is not None and first.time <= time + self.tolerance:
                self._pending = first
                return first.time
        self.close()
        self._open()
        return 0.0


def until(decoder: Decoder, span: Span, tap: Callable[[Picture], None] | None) -> Iterator[Picture]:
    """The pictures up to the end of ``span``, those before its start included.

    ``tap`` gets each that comes on display in the span.
    """
    for picture in decoder:
        if picture.time > span.end + decoder.tolerance:
            return
        if tap is not None and decoder.shows_in(span, picture):
            tap(picture)
        yield picture


def on_display(
    decoder: Decoder, pictures: Iterator[Picture], times: Iterable[float], *, skip: bool
) -> Iterator[tuple[float, Picture]]:
    """The picture on display at each of ``times`` (seconds, never decreasing).

    That is the last picture whose own time is not later; before the first picture, the first. It
    ends early where the stream does. With ``skip`` pictures nobody asked for may be jumped over.
    """
    shown: Picture | None = None
    ahead = next(pictures, None)
    for time in times:
        if skip and ahead is not None and decoder.advance(time, ahead.time):
            shown, ahead = None, next(pictures, None)
        while ahead is not None and ahead.time <= time + decoder.tolerance:
            shown, ahead = ahead, next(pictures, None)
        if ahead is None and time >= decoder.end:
            return
        picture = shown or ahead
        if picture is None:
            return
        yield time, picture
