"""A video file: what it is, and its pictures in time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError, VideoDamaged, VideoNotFound
from rlm.spans import Span
from rlm.video.clip import Clip, Frame
from rlm.video.container import Stream, probe
from rlm.video.convert import Converter, Sampler, resolve_size
from rlm.video.decode import Decoder, Picture, on_display, until
from rlm.video.timing import Timing

# Beyond this a clip is a mistake: 1 GiB is about 390 pictures of 1280 x 720.
_MAX_CLIP_BYTES = 2**30

# Absorbs the rounding of times that were computed, such as 3 * 0.1.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Video:
    """A video file that has been looked at but not decoded. Make one with ``Video.open``.

    Times are seconds from the first picture on display. ``span`` runs from 0 to the end of the
    last picture, ``frame_rate`` is the average in pictures a second (the true times may vary),
    ``size`` is ``(width, height)`` in pixels as displayed, after rotation and with square pixels,
    ``rotation`` is the clockwise turn in degrees that the file asks for, already done in every
    picture given out. ``streams`` are all streams of the file. ``origin`` is the container's
    time, in seconds, of the first picture: subtract it from other streams' times.

    ``missing`` is how many seconds the file lacks of what its header promises, as one does whose
    download broke off: the promised length of the stream less ``span.duration``. It is 0.0 when
    nothing is missing, when the difference is less than 0.5 s or 2% (sound files have that), and
    when nothing tells (MPEG-TS, AVI, bare streams, fragmented MP4, and Matroska and FLV files
    with sound that do not store the lengths of their streams).
    """

    path: Path
    span: Span
    frame_rate: Fraction
    size: tuple[int, int]
    rotation: int
    streams: tuple[Stream, ...]
    origin: float
    missing: float
    stream: Stream = field(repr=False)
    mirrored: bool = field(repr=False)
    timing: Timing = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Video:
        """Look at the file: its header, its first picture and the packets at its end.

        The video is the default video stream, or else the first, cover pictures aside, of which a
        picture can be decoded.

        Raises ``VideoNotFound`` (no such file, or not readable), ``NotAVideo`` (folder, empty,
        text, audio only) or ``VideoDamaged`` (no picture can be decoded).
        """
        path = Path(path)
        found = probe(path)
        timing = found.timing
        return cls(
            path=path,
            span=Span(0.0, timing.seconds(timing.end)),
            frame_rate=found.frame_rate,
            size=found.size,
            rotation=found.rotation,
            streams=found.streams,
            origin=float(timing.zero * timing.time_base),
            missing=found.missing,
            stream=next(each for each in found.streams if each.index == found.index),
            mirrored=found.mirrored,
            timing=timing,
        )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's content, in hexadecimal; read once, when first asked for.

        Raises ``VideoNotFound`` when the file can no longer be read.
        """
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            raise VideoNotFound(f"{self.path} cannot be read any more: {reason}") from None

    def frames(
        self,
        fps: float | None = None,
        span: Span | None = None,
        size: int | tuple[int, int] | None = None,
        tap: Callable[[float, NDArray[np.float32]], None] | None = None,
    ) -> Iterator[Frame]:
        """Pictures of ``span`` (default: all) in one forward pass, in bounded memory.

        With ``fps`` there is a frame at each ``span.start + k / fps`` before ``span.end``: the
        picture on display at that moment, which is the last one whose own time is not later, to
        within half a tick of the file's clock and 0.5 ms at most (before the first picture, the
        first); ``Frame.time`` is the moment. Without, every picture whose own time lies in the
        span, with that time. A part that cannot be decoded leaves the picture before it on
        display. Where the file ends before its header says, the frames simply end.

        ``size`` is the short side with the aspect kept, or exactly ``(width, height)``, or
        ``None`` for ``Video.size``. ``tap`` is called with the time and a float32
        ``[32, 32, 3]`` sample (Y, U, V on the scale of 8 bits) of every decoded picture whose
        time lies in the span, kept or not; without it, pictures that nobody asked for may be
        jumped over. A span that reaches beyond the video is cut to it.

        Raises ``UsageError`` for a span that lies outside the video, a rate that is not positive
        or an impossible size, at once; the errors of ``Video.open`` when the file has gone.
        """
        span = self._inside(span)
        shape = resolve_size(self.size, size)
        times = None if fps is None else _grid(span, fps)
        return self._read(span, times, shape, tap)

    def clip(
        self,
        span: Span | None = None,
        *,
        fps: float | None = None,
        count: int | None = None,
        size: int | tuple[int, int] | None = None,
    ) -> Clip:
        """The pictures of ``span`` as one array: at ``fps``, or ``count`` of them, or all.

        ``count`` pictures are taken at the centres of as many equal parts of the span. With
        neither, every picture that comes on display in the span, or, where none does, the one
        that is. A span that reaches beyond the video is cut to it; ``Clip.span`` says what was
        read. The clip is shorter than asked for only where the file ends early.

        Raises ``UsageError`` as ``frames`` does, and for both ``fps`` and ``count``, a ``count``
        below 1, or more than 1 GiB of pictures; ``VideoDamaged`` when none can be decoded.
        """
        if fps is not None and count is not None:
            raise UsageError("give fps or count for a clip, not both")
        if count is not None and count < 1:
            raise UsageError(f"a clip has at least 1 picture, not {count}")
        span = self._inside(span)
        shape = resolve_size(self.size, size)
        times: Iterable[float] | None = None
        if fps is not None:
            times = _grid(span, fps)
            expected = _grid_length(span, fps)
        elif count is not None:
            times = (span.start + (k + 0.5) * span.duration / count for k in range(count))
            expected = count
        else:
            expected = math.ceil(span.duration * self.frame_rate)
        _check_memory(expected, shape)
        frames: list[Frame] = []
        for frame in self._read(span, times, shape, None):
            frames.append(frame)
            _check_memory(len(frames), shape)
        if not frames and times is None:
            frames = list(self._read(span, (span.start,), shape, None))
        if not frames:
            raise VideoDamaged(f"no picture in {span} of {self.path} can be decoded")
        moments = np.array([frame.time for frame in frames], dtype=np.float64)
        return Clip(span, moments, np.stack([frame.rgb for frame in frames]))

    def _inside(self, span: Span | None) -> Span:
        if span is None:
            return self.span
        cut = span.intersect(self.span)
        if cut is None:
            problem = "lies outside the video" if span.duration else "is empty"
            raise UsageError(f"the span {span} {problem}; the video runs {self.span}")
        return cut

    def _read(
        self,
        span: Span,
        times: Iterable[float] | None,
        shape: tuple[int, int],
        tap: Callable[[float, NDArray[np.float32]], None] | None,
    ) -> Iterator[Frame]:
        convert = Converter(shape, self.rotation, self.mirrored)
        decoder = Decoder(self.path, self.stream.index, self.timing)
        try:
            decoder.advance(span.start, 0.0)
            pictures = until(decoder, span, _sampled(tap))
            if times is None:
                for picture in pictures:
                    if decoder.shows_in(span, picture):
                        yield Frame(picture.time, convert(picture.frame))
                return
            last: Picture | None = None
            for time, picture in on_display(decoder, pictures, times, skip=tap is None):
                if picture is not last:
                    rgb, last = convert(picture.frame), picture
                else:
                    rgb = rgb.copy()
                yield Frame(time, rgb)
            if tap is not None:
                for _ in pictures:
                    pass
        finally:
            decoder.close()


def _sampled(
    tap: Callable[[float, NDArray[np.float32]], None] | None,
) -> Callable[[Picture], None] | None:
    if tap is None:
        return None
    sample = Sampler()
    return lambda picture: tap(picture.time, sample(picture.frame))


def _grid_length(span: Span, fps: float) -> int:
    if not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"a rate is a positive number of pictures a second, not {fps}")
    return max(1, math.ceil((span.duration - _ROUNDING) * fps))


def _grid(span: Span, fps: float) -> Iterator[float]:
    return (span.start + k / fps for k in range(_grid_length(span, fps)))


def _check_memory(count: int, shape: tuple[int, int]) -> None:
    width, height = shape
    if count * width * height * 3 > _MAX_CLIP_BYTES:
        raise UsageError(
            f"a clip of {count} pictures of {width}x{height} takes"
            f" {count * width * height * 3 / 2**30:.1f} GiB (the limit is 1);"
            " ask for a shorter span, fewer pictures or a smaller size"
        )
