"""Opening a file, and the packets of its streams."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.errors import NotAVideo, VideoDamaged, VideoNotFound

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream as AnyStream
    from av.video.stream import VideoStream

# A playlist names other files, perhaps on other machines; "tty" draws a text file as pictures.
_NOT_VIDEO = {"hls": "a playlist", "dash": "a playlist", "concat": "a playlist", "tty": "text"}


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


def open_container(path: Path) -> InputContainer:
    """Open ``path`` for reading; the caller closes it, or uses it in ``with``.

    Raises ``VideoNotFound``, ``NotAVideo`` or ``VideoDamaged`` when it cannot be opened.
    """
    import av

    check_file(path)
    try:
        container = _open(path, None)
    except (av.error.PermissionError, PermissionError):
        raise VideoNotFound(_unreadable(path)) from None
    except (av.error.FFmpegError, UnicodeError, ValueError) as error:
        if not _is_transport_stream(path):
            raise _unopened(path, error) from None
        # FFmpeg takes no guess at so few packets.
        try:
            container = _open(path, "mpegts")
        except av.error.FFmpegError:
            raise _unopened(path, error) from None
    if what := _NOT_VIDEO.get(container.format.name):
        container.close()
        raise NotAVideo(f"{path} is {what}, not a video; give the video file itself")
    return container


def _open(path: Path, form: str | None) -> InputContainer:
    import av

    # An absolute path can never be read as a protocol ("12:30.mp4" would be), and a file that
    # names other addresses must not make this process fetch them.
    return av.open(
        str(path.absolute()), format=form, container_options={"protocol_whitelist": "file"}
    )


def _is_transport_stream(path: Path) -> bool:
    """Whether a small file is made of packets of 188 bytes that begin with 0x47."""
    try:
        with path.open("rb") as file:
            head = file.read(64 * 188)
    except OSError:
        return False
    return len(head) % 188 == 0 and set(head[::188]) == {0x47}


def pick_stream(
    container: InputContainer, index: int, also: frozenset[int] = frozenset()
) -> VideoStream:
    """The video stream ``index``, set up for a threaded pass.

    No other stream is read but those ``also`` asked for. Raises ``VideoDamaged`` when it is no
    longer there.
    """
    from av.stream import Discard

    for other in container.streams:
        if other.index != index and other.index not in also:
            other.discard = Discard.all
    for stream in container.streams.video:
        if stream.index == index:
            stream.thread_type = "AUTO"
            return stream
    raise VideoDamaged(f"{container.name} has changed since it was opened; open it again")


def check_file(path: Path) -> os.stat_result:
    """The status of a file that may be a video.

    Raises ``VideoNotFound``, or ``NotAVideo`` for a folder, a device or an empty file.
    """
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
    return status


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


def is_cover(stream: AnyStream) -> bool:
    """Whether ``stream`` holds still pictures stored as video."""
    from av.stream import Disposition

    stills = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return bool(stream.disposition & stills)


def describe_stream(stream: AnyStream) -> Stream:
    """The facts of ``stream``."""
    return Stream(
        index=stream.index,
        kind=stream.type,
        codec=stream.codec_context.name if stream.codec_context else None,
        language=stream.metadata.get("language"),
        title=stream.metadata.get("title"),
        cover=is_cover(stream),
    )


def candidates(container: InputContainer, path: Path) -> list[int]:
    """Indices of the streams that may be the video, best first."""
    from av.stream import Disposition

    moving = [stream for stream in container.streams.video if not is_cover(stream)]
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


def read_packets(
    container: InputContainer,
    stream: VideoStream,
    also: Iterable[AnyStream] = (),
    on_damage: Callable[[], None] = lambda: None,
) -> Iterator[Packet[Any]]:
    """The packets of ``stream``, going on after damage; the last one is empty and flushes.

    The packets of the streams ``also`` come between them, as the file has them. ``on_damage`` is
    called where bytes could not be understood.
    """
    import av

    damage = 0
    while damage < 100:
        try:
            for packet in container.demux(stream, *also):
                # Each stream ends with an empty packet of its own.
                if packet.size:
                    yield packet
        except av.error.FFmpegError:
            damage += 1
            on_damage()
        except IndexError:
            # PyAV trips at the end of a file in which streams turned up that its header hid.
            break
        else:
            break
    yield av.Packet()
