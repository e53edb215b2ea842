"""Opening a file: which stream is the video, where its time begins and ends, which way is up."""

from __future__ import annotations

import math
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rlm.errors import NotAVideo, VideoDamaged, VideoNotFound
from rlm.video.timing import Timeline, Timing

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.sidedata.sidedata import SideData
    from av.stream import Stream as AnyStream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# A playlist names other files, perhaps on other machines; "tty" draws a text file as pictures.
_NOT_VIDEO = {"hls": "a playlist", "dash": "a playlist", "concat": "a playlist", "tty": "text"}

# The demuxers of these formats invent presentation times where the file stores none.
_DECODE_TIMES_ONLY = frozenset({"avi"})

# AVFMT_TS_DISCONT: timestamps of the format may jump in the middle of a file.
_MAY_JUMP = 0x0200

_FALLBACK_RATE = Fraction(25)

# By so many seconds, or such a share of the whole, headers and packets disagree in sound files.
_USUAL_GAP = Fraction(1, 2)
_USUAL_SHARE = Fraction(1, 50)

_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of the file: ``kind`` is video, audio, subtitle, data or attachment.

    ``codec``, ``language`` (ISO 639, as written) and ``title`` are ``None`` where unknown.
    ``cover`` marks still pictures stored as a video stream.
    """

    index: int
    kind: str
    codec: str | None
    language: str | None
    title: str | None
    cover: bool


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


def open_container(path: Path) -> InputContainer:
    """Open ``path`` for reading; the caller closes it, or uses it in ``with``.

    Raises ``VideoNotFound``, ``NotAVideo`` or ``VideoDamaged`` when it cannot be opened.
    """
    import av

    _check_file(path)
    try:
        # An absolute path can never be read as a protocol ("12:30.mp4" would be), and a file
        # that names other addresses must not make this process fetch them.
        container = av.open(str(path.absolute()), container_options={"protocol_whitelist": "file"})
    except (av.error.PermissionError, PermissionError):
        raise VideoNotFound(_unreadable(path)) from None
    except (av.error.FFmpegError, UnicodeError, ValueError) as error:
        raise _unopened(path, error) from None
    if what := _NOT_VIDEO.get(container.format.name):
        container.close()
        raise NotAVideo(f"{path} is {what}, not a video; give the video file itself")
    return container


def pick_stream(container: InputContainer, index: int) -> VideoStream:
    """The video stream ``index``, set up for a threaded pass in which no other stream is read.

    Raises ``VideoDamaged`` when it is no longer there.
    """
    from av.stream import Discard

    for other in container.streams:
        if other.index != index:
            other.discard = Discard.all
    for stream in container.streams.video:
        if stream.index == index:
            stream.thread_type = "AUTO"
            return stream
    raise VideoDamaged(f"{container.name} has changed since it was opened; open it again")


def probe(path: Path) -> Probe:
    """Look at the file: read its header, decode one picture, read the packets at its end.

    The end comes from the packets themselves because headers are often wrong, count the audio
    too, or are missing. Files whose end cannot be found by a seek are read once, undecoded.

    Raises ``VideoNotFound``, ``NotAVideo`` (no video stream) or ``VideoDamaged`` (no picture of
    any video stream can be decoded).
    """
    with open_container(path) as container:
        candidates = _candidates(container, path)
    for index in candidates:
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


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except PermissionError:
        raise VideoNotFound(_unreadable(path)) from None
    except (OSError, ValueError):
        raise VideoNotFound(f"there is no file {path}; check the path") from None
    if stat.S_ISDIR(status.st_mode):
        raise NotAVideo(f"{path} is a folder; give a video file in it")
    if not stat.S_ISREG(status.st_mode):
        raise NotAVideo(f"{path} is not a regular file; save the video to a file first")
    if status.st_size == 0:
        raise NotAVideo(f"{path} is empty (0 bytes); copy or download it again")


def _unreadable(path: Path) -> str:
    return f"{path} may not be read; change its permissions or copy it to where you may"


def _unopened(path: Path, error: Exception) -> VideoDamaged | NotAVideo | VideoNotFound:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return VideoNotFound(_unreadable(path))
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return VideoDamaged(
            f"{path} is cut short or damaged: its index (moov) cannot be read;"
            " copy or download it again"
        )
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return VideoDamaged(f"{path} is cut short or damaged; copy or download it again")
    reason = (getattr(error, "strerror", None) or "unknown format").lower()
    return NotAVideo(f"{path} is not a video FFmpeg can read ({reason}); give a video file")


def _is_cover(stream: AnyStream) -> bool:
    from av.stream import Disposition

    stills = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return bool(stream.disposition & stills)


def _stream(stream: AnyStream) -> Stream:
    return Stream(
        index=stream.index,
        kind=stream.type,
        codec=stream.codec_context.name if stream.codec_context else None,
        language=stream.metadata.get("language"),
        title=stream.metadata.get("title"),
        cover=_is_cover(stream),
    )


def _candidates(container: InputContainer, path: Path) -> list[int]:
    """Indices of the streams that may be the video, best first."""
    from av.stream import Disposition

    moving = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not moving:
        kinds = sorted(
            {"still pictures" if each.type == "video" else each.type for each in container.streams}
        )
        raise NotAVideo(
            f"{path} holds no video, only {' and '.join(kinds) or 'nothing'}; give a video file"
        )
    known = [stream for stream in moving if stream.codec_context is not None]
    if not known:
        raise VideoDamaged(f"{path} is coded in a way FFmpeg does not know; convert it to H.264")
    known.sort(key=lambda stream: not stream.disposition & Disposition.default)
    return [stream.index for stream in known]


def read_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
    """The packets of ``stream``, going on after damage; the last one is empty and flushes."""
    import av

    damage = 0
    while damage < 100:
        try:
            yield from container.demux(stream)
        except av.error.FFmpegError:
            damage += 1
        except IndexError:
            # PyAV trips at the end of a file in which streams turned up that its header hid.
            break
        else:
            return
    yield av.Packet()


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
    # No sooner than after a day is the end worth doubting.
    if tail is None or tail.end is None or (tail.end - (first.pts or 0)) * time_base > 86400:
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
    end = zero + period if tail.end is None else max(tail.end + lag, zero + 1)
    # A list of all packets that ends with the last one there proves the rest of the header wrong.
    lacking = 0 if promised is None else promised - end
    if listed is not None and abs(end - listed) * time_base < _USUAL_GAP:
        lacking = 0
    usual = max(_USUAL_GAP, (end + lacking - zero) * time_base * _USUAL_SHARE)
    rotation, mirrored = orientation(first)
    return Probe(
        index=stream.index,
        streams=tuple(_stream(each) for each in container.streams),
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
    alone = all(each is stream or _is_cover(each) for each in container.streams)
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
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
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
