"""Subtitles stored in the file, gathered in passing."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rlm.video.subtitles import Cue, Subtitles, parse_packet
from rlm.video.timing import Timing

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

# The codecs of which ``parse_packet`` knows the text, by their names in FFmpeg.
_TEXT_CODECS = frozenset({"subrip", "srt", "text", "mov_text", "webvtt", "ass", "ssa"})

_NO_LANGUAGE = frozenset({None, "", "und"})


def holds_text(stream: Stream) -> bool:
    """Whether ``stream`` holds subtitles as text, not as pictures."""
    codec = stream.codec_context
    return stream.type == "subtitle" and codec is not None and codec.name in _TEXT_CODECS


class EmbeddedText:
    """The cues of some subtitle streams, on the clock of the video with this ``timing``."""

    def __init__(self, streams: Iterable[Stream], timing: Timing) -> None:
        self._streams = {stream.index: stream for stream in streams}
        self._cues: dict[int, list[Cue]] = {index: [] for index in self._streams}
        self._tick = timing.time_base
        # Where only decoding times are stored, the first picture is late by what it waits for.
        self._origin = timing.zero * timing.time_base if timing.stamped else Fraction(0)

    def add(self, packet: Packet[Any], shift: int) -> None:
        """Take a packet of any stream; the video's clock is mended by ``shift`` ticks there."""
        stream = self._streams.get(packet.stream_index)
        if stream is None or packet.pts is None or packet.is_discard:
            return
        text = parse_packet(stream.codec_context.name, bytes(packet))
        if not text:
            return
        time_base = stream.time_base or Fraction(1, 1000)
        start = packet.pts * time_base + shift * self._tick - self._origin
        end = start + (packet.duration or 0) * time_base
        self._cues[stream.index].append(Cue(float(start), float(end), text))

    def gathered(self) -> tuple[Subtitles, ...]:
        """The streams that have any text, in the order of the file."""
        # A shift by nothing leaves out what ends before the first picture.
        return tuple(
            Subtitles.gather(
                f"stream {index}",
                None if (language := self._streams[index].language) in _NO_LANGUAGE else language,
                cues,
            ).shifted(0.0)
            for index, cues in sorted(self._cues.items())
            if cues
        )
