"""A look at a file: where its video begins and ends, how fast it runs, which way is up."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rlm.errors import VideoDamaged
from rlm.video.container import (
    Stream,
    candidates,
    describe_stream,
    is_cover,
    open_container,
    pick_stream,
    read_packets,
)
from rlm.video.timing import Timeline, Timing

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# The demuxers of these formats invent presentation times where the file stores none.
_DECODE_TIMES_ONLY = frozenset({"avi"})

# AVFMT_TS_DISCONT: timestamps of the format may jump in the middle of a file.
_MAY_JUMP = 0x0200

_FALLBACK_RATE = Fraction(25)

# By so many seconds, or such a share of the whole, headers and packets disagree in sound files.
_USUAL_GAP = Fraction(1, 2)
_USUAL_SHARE = Fraction(1, 50)

# From this length on (seconds) an end is doubted: a damaged length of one picture may have made it.
_LONG, _VERY_LONG = 3600, 86400

_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at the file tells: see ``probe``."""

    index: int
    streams: tuple[Stream, ...]
    timing: Timing
    frame_rate: Fraction
    size: tuple[int, int]
    rotation: int
    mirrored: bool
    missing: float


def probe(path: Path) -> Probe:
    """Look at the file: read its header, decode one picture, read the packets at its end.

    The end comes from the packets themselves because headers are often wrong, count the audio
    too, or are missing. Files whose end cannot be found by a seek are read once, undecoded.

    Raises ``VideoNotFound``, ``NotAVideo`` (no video stream) or ``VideoDamaged`` (no picture of
    any video stream can be decoded).
    """
    with open_container(path) as container:
        found = candidates(container, path)
    for index in found:
        with open_container(path) as container:
            stream = pick_stream(container, index)
            # One picture does not pay for starting the threads.
            stream.thread_type = "SLICE"
            first = _first_picture(container, stream)
            if first is not None:
                return _describe(path, container, stream, first)
    raise VideoDamaged(
        f"no picture in {path} can be decoded; copy or download it again, or convert it"
    )


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    import av

    for packet in read_packets(container, stream):
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError:
            continue
        if frames:
            return frames[0]
    return None


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, first: VideoFrame
) -> Probe:
    time_base = stream.time_base or Fraction(1, 90000)
    rate = _frame_rate(stream)
    if first.pts is None and first.duration:
        # A bare stream: its header has no rate, only the pictures know theirs.
        rate = 1 / (first.duration * time_base)
    period = max(1, round(1 / (rate * time_base)))
    stamped = first.pts is not None and container.format.name not in _DECODE_TIMES_ONLY
    may_jump = bool(container.format.flags & _MAY_JUMP)

    promised = None if may_jump or not stamped else _promised_end(container, stream)
    listed = _listed_end(container, stream, period)

    def timeline() -> Timeline:
        return Timeline(time_base, period, stamped, may_jump)

    tail = None if may_jump or not stamped else _tail(container, stream, timeline())
    if tail is None or tail.end is None or _doubtful(tail.end - (first.pts or 0), time_base, rate):
        with open_container(path) as again:
            other = pick_stream(again, stream.index)
            tail = timeline()
            for packet in read_packets(again, other):
                if packet.size:
                    tail.follow(packet)
    zero = first.pts if stamped else first.dts
    if zero is None:
        zero = 0
    lag = 0 if stamped or tail.first is None else max(0, zero - tail.first)
    if tail.jumped and not may_jump and tail.end is not None and tail.first is not None:
        # The mean of the header counts the hours that were never there.
        rate = tail.count / ((tail.end - tail.first) * time_base)
        period = max(1, round(1 / (rate * time_base)))
    end = (
        zero + period if tail.end is None else max(_end(tail, promised, time_base) + lag, zero + 1)
    )
    # A list of all packets that ends with the last one there proves the rest of the header wrong.
    lacking = 0 if promised is None else promised - end
    if listed is not None and abs(end - listed) * time_base < _USUAL_GAP:
        lacking = 0
    usual = max(_USUAL_GAP, (end + lacking - zero) * time_base * _USUAL_SHARE)
    rotation, mirrored = orientation(first)
    return Probe(
        index=stream.index,
        streams=tuple(describe_stream(each) for each in container.streams),
        timing=Timing(
            time_base=time_base,
            period=period,
            zero=zero,
            end=end,
            lag=lag,
            stamped=stamped,
            may_jump=may_jump,
            seekable=stamped and not tail.jumped,
        ),
        frame_rate=rate,
        size=_displayed_size(stream, first, turned=rotation in (90, 270)),
        rotation=rotation,
        mirrored=mirrored,
        missing=float(lacking * time_base) if lacking * time_base > usual else 0.0,
    )


def _doubtful(ticks: int, time_base: Fraction, rate: Fraction) -> bool:
    """Whether an end so far off has to be proved by reading all packets up to it."""
    return ticks * time_base > (_LONG if rate < 1 else _VERY_LONG)


def _end(tail: Timeline, promised: int | None, time_base: Fraction) -> int:
    """Where the last picture ends: as the header says if only its own length goes far beyond."""
    assert tail.end is not None and tail.last is not None
    if promised is None or not tail.last < promised < tail.end - int(_USUAL_GAP / time_base):
        return tail.end
    return promised


def _tail(container: InputContainer, stream: VideoStream, timeline: Timeline) -> Timeline | None:
    """The packets from the last key frame on, or ``None`` when they cannot be sought."""
    import av

    time_base = stream.time_base or Fraction(1, 90000)
    if stream.duration is not None:
        length = stream.duration
    elif container.duration is not None:
        length = int(Fraction(container.duration, 1_000_000) / time_base)
    else:
        return None
    try:
        container.seek((stream.start_time or 0) + length, stream=stream)
    except av.error.FFmpegError:
        return None
    for packet in read_packets(container, stream):
        if packet.size:
            timeline.follow(packet)
    return timeline


def _promised_end(container: InputContainer, stream: VideoStream) -> int | None:
    """The tick at which the stream ends by its header, or ``None`` where that is not told."""
    time_base = stream.time_base or Fraction(1, 90000)
    if stream.duration is not None:
        return (stream.start_time or 0) + stream.duration
    # Matroska counts from zero wherever the stream starts, and has its length in a tag, if at all.
    for key, value in stream.metadata.items():
        if key.startswith("DURATION") and (told := _CLOCK.fullmatch(value)):
            hours, minutes, seconds = map(Fraction, told.groups())
            return int((hours * 3600 + minutes * 60 + seconds) / time_base)
    # The length of the whole is that of the longest stream.
    alone = all(each is stream or is_cover(each) for each in container.streams)
    if alone and container.duration is not None:
        return int(Fraction(container.duration, 1_000_000) / time_base)
    return None


def _listed_end(container: InputContainer, stream: VideoStream, period: int) -> int | None:
    """The tick at which the last packet in the header's list of packets ends, if it has one.

    In other formats than MP4 the list grows with what has been read.
    """
    entries = stream.index_entries
    if "mp4" not in container.format.name.split(",") or not len(entries):
        return None
    return entries[-1].timestamp + period


def _frame_rate(stream: VideoStream) -> Fraction:
    rates = [stream.average_rate, stream.guessed_rate, stream.base_rate]
    if stream.frames and stream.duration and stream.time_base:
        # One absurd length of a picture spoils the mean of all, but not the header's own length.
        told = stream.frames / (stream.duration * stream.time_base)
        if rates[0] is None or told > 2 * rates[0]:
            rates.insert(0, told)
    for rate in rates:
        if rate and 0 < rate <= 1000:
            return rate
    return _FALLBACK_RATE


def _displayed_size(stream: VideoStream, first: VideoFrame, *, turned: bool) -> tuple[int, int]:
    ratio = stream.sample_aspect_ratio
    # Ratios beyond this are nonsense written by broken tools.
    if not ratio or not Fraction(1, 16) <= ratio <= 16:
        ratio = Fraction(1)
    width, height = max(1, round(first.width * ratio)), first.height
    return (height, width) if turned else (width, height)


def orientation(frame: VideoFrame) -> tuple[int, bool]:
    """How a coded picture is turned for display, from its display matrix.

    Gives the clockwise rotation in degrees (0, 90, 180 or 270) and whether the picture is
    mirrored left to right before it is turned. Angles between are rounded to the nearest of the
    four. Matrix layout: ISO/IEC 14496-12, 8.2.2 (track header box).
    """
    data = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    if data is None:
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(memoryview(data)))
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return round(math.degrees(math.atan2(b, a)) / 90) % 4 * 90, mirrored
