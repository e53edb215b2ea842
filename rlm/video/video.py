"""A video file: what it is, and its pictures in time."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError, VideoDamaged, VideoNotFound
from rlm.spans import Span
from rlm.video.clip import Clip, Frame
from rlm.video.container import Stream, check_file
from rlm.video.convert import Renderer
from rlm.video.decode import Decoder
from rlm.video.probe import probe
from rlm.video.reading import Reading, Tap, View
from rlm.video.scan import key_pictures
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
    identity: tuple[int, int, int] = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Video:
        """Look at the file: its header, its first picture and the packets at its end.

        The video is the default video stream, or else the first, cover pictures aside, of which a
        picture can be decoded.

        Raises ``VideoNotFound`` (no such file, or not readable), ``NotAVideo`` (folder, empty,
        text, audio only) or ``VideoDamaged`` (no picture can be decoded).
        """
        path = Path(path)
        # From before the look, so that what changes meanwhile is noticed.
        identity = _identity(check_file(path))
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
            identity=identity,
        )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's content, in hexadecimal; read once, when first asked for.

        Raises ``VideoNotFound`` when the file can no longer be read, ``VideoDamaged`` when it is
        not the one that was opened, as ``check_unchanged`` does.
        """
        self.check_unchanged()
        try:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._gone(error) from None
        self.check_unchanged()
        return digest

    def check_unchanged(self) -> None:
        """See that the file is still the one that was opened: its size, time of change and inode.

        Raises ``VideoDamaged`` when it is not, as with a recording that still grows, and
        ``VideoNotFound`` when it has gone.
        """
        try:
            now = _identity(self.path.stat())
        except OSError as error:
            raise self._gone(error) from None
        if now != self.identity:
            size, before = now[0], self.identity[0]
            how = f"from {before} to {size} bytes" if size != before else "in place"
            raise VideoDamaged(
                f"{self.path} has changed since it was opened ({how});"
                " wait until it is written to its end, then open it again"
            )

    def read(
        self,
        fps: float | None = None,
        span: Span | None = None,
        tap: Tap | None = None,
        subtitles: bool = False,
    ) -> Reading:
        """One forward pass over ``span`` (default: all) in bounded memory; iterates ``View``.

        With ``fps`` there is a view at each ``span.start + k / fps`` before ``span.end``: the
        picture on display at that moment, which is the last one whose own time is not later, to
        within half a tick of the file's clock and 0.5 ms at most (before the first picture, the
        first); ``View.time`` is the moment. Without, every picture whose own time lies in the
        span, with that time. A part that cannot be decoded leaves the picture before it on
        display, and ``Reading.damage`` names it. Where the file ends before its header says, the
        views simply end.

        ``tap`` is called with the time and a float32 ``[32, 32, 3]`` sample (Y, U, V on the scale
        of 8 bits) of every decoded picture whose time lies in the span, kept or not. With
        ``subtitles`` the text subtitles of the file are gathered on the way, in
        ``Reading.subtitles``. Without either, pictures that nobody asked for may be jumped over.
        A span that reaches beyond the video is cut to it.

        Raises ``UsageError``, at once, for a span that lies outside the video or a rate that is
        not positive; the errors of ``Video.open``, with the first view, when the file has gone.
        """
        span = self._inside(span)
        times = None if fps is None else grid(span, fps)
        return self._reading(span, times, self._renderer(), tap, subtitles)

    def key_frames(self, spacing: float = 0.5) -> Generator[View, None, None]:
        """The key frames, none closer than ``spacing`` seconds, with their own times.

        Only they are decoded, which costs about a tenth of a whole pass. There is at least one
        view: where no key frame can be decoded, the first picture that can. Where the file stores
        decoding times only (AVI), a key frame's time is early by the pictures coded before their
        turn, two or three as a rule.

        Raises ``UsageError``, at once, for a spacing that is negative or not finite; the errors
        of ``Video.open``, with the first view, when the file has gone.
        """
        if not (math.isfinite(spacing) and spacing >= 0):
            raise UsageError(f"a spacing is a number of seconds from 0 up, not {spacing}")
        return self._key_frames(spacing)

    def frames(
        self,
        fps: float | None = None,
        span: Span | None = None,
        size: int | tuple[int, int] | None = None,
        tap: Tap | None = None,
    ) -> Generator[Frame, None, None]:
        """The pictures of ``read``, each converted to ``size``, a fresh array.

        ``size`` is the short side with the aspect kept, or exactly ``(width, height)``, or
        ``None`` for ``Video.size``. High dynamic range is brought to the standard one, as in
        ``rlm.video.hdr``.

        Raises ``UsageError`` as ``read`` does and for an impossible size, at once.
        """
        reading = self.read(fps, span, tap)
        self._renderer().shape(size)
        return _converted(reading, size)

    def clip(
        self,
        span: Span | None = None,
        *,
        fps: float | None = None,
        count: int | None = None,
        times: Sequence[float] | None = None,
        size: int | tuple[int, int] | None = None,
        crop: tuple[float, float, float, float] | None = None,
    ) -> Clip:
        """The pictures of ``span`` as one array: at ``fps``, ``count``, at ``times``, or all.

        ``count`` pictures are taken at the centres of as many equal parts of the span; ``times``
        are moments in it, in order. With none of the three, every picture that comes on display in
        the span, or, where none does, the one that is. A span that reaches beyond the video is cut
        to it; ``Clip.span`` says what was read. The clip is shorter than asked for only where the
        file ends early.

        ``crop``, ``(x0, y0, x1, y1)`` in fractions of the picture from its upper left corner, is
        the part that is wanted: cut out at full size, then brought to ``size``. One whole picture
        at a time is held for it.

        Raises ``UsageError`` as ``frames`` does, for a crop that is none, and for more than one of
        ``fps``, ``count`` and ``times``, a ``count`` below 1, times that go back or out of the
        span, or more than 1 GiB of pictures; ``VideoDamaged`` when none can be decoded.
        """
        if sum(given is not None for given in (fps, count, times)) > 1:
            raise UsageError("give fps, count or times for a clip, one of them")
        if count is not None and count < 1:
            raise UsageError(f"a clip has at least 1 picture, not {count}")
        span = self._inside(span)
        render = self._renderer(crop)
        shape = render.shape(size)
        moments: Iterable[float] | None = times
        if fps is not None:
            moments = grid(span, fps)
            expected = _grid_length(span, fps)
        elif count is not None:
            moments = (span.start + (k + 0.5) * span.duration / count for k in range(count))
            expected = count
        elif times is not None:
            if list(times) != sorted(times) or any(t not in span for t in times):
                raise UsageError(f"the times of a clip are in order and within {span}")
            expected = len(times)
        else:
            expected = math.ceil(span.duration * self.frame_rate)
        _check_memory(expected, shape)
        frames: list[Frame] = []
        for frame in _converted(self._reading(span, moments, render), shape):
            frames.append(frame)
            _check_memory(len(frames), shape)
        if not frames and moments is None:
            frames = list(_converted(self._reading(span, (span.start,), render), shape))
        if not frames:
            raise VideoDamaged(f"no picture in {span} of {self.path} can be decoded")
        shown = np.array([frame.time for frame in frames], dtype=np.float64)
        return Clip(span, shown, np.stack([frame.rgb for frame in frames]))

    def _reading(
        self,
        span: Span,
        times: Iterable[float] | None,
        render: Renderer,
        tap: Tap | None = None,
        subtitles: bool = False,
    ) -> Reading:
        decoder = partial(Decoder, self.path, self.stream.index, self.timing, subtitles=subtitles)
        return Reading(decoder, render, span, times, tap, subtitles=subtitles)

    def _key_frames(self, spacing: float) -> Generator[View, None, None]:
        render = self._renderer()
        found = False
        for picture in key_pictures(self.path, self.stream.index, self.timing, spacing):
            found = True
            yield View(picture.time, picture, render)
        if not found:
            with self.read() as reading:
                yield from islice(reading, 1)

    def _renderer(self, crop: tuple[float, float, float, float] | None = None) -> Renderer:
        return Renderer(self.size, self.rotation, self.mirrored, crop)

    def _gone(self, error: OSError) -> VideoNotFound:
        reason = (error.strerror or "unreadable").lower()
        return VideoNotFound(f"{self.path} cannot be read any more: {reason}")

    def _inside(self, span: Span | None) -> Span:
        if span is None:
            return self.span
        cut = span.intersect(self.span)
        if cut is None:
            problem = "lies outside the video" if span.duration else "is empty"
            raise UsageError(f"the span {span} {problem}; the video runs {self.span}")
        return cut


def _converted(
    reading: Reading, size: int | tuple[int, int] | None
) -> Generator[Frame, None, None]:
    last: NDArray[np.uint8] | None = None
    with reading:
        for view in reading:
            rgb = view.rgb(size)
            # A picture shown twice is given twice.
            yield Frame(view.time, rgb.copy() if rgb is last else rgb)
            last = rgb


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _grid_length(span: Span, fps: float) -> int:
    if not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"a rate is a positive number of pictures a second, not {fps}")
    return max(1, math.ceil((span.duration - _ROUNDING) * fps))


def grid(span: Span, fps: float) -> Iterator[float]:
    """The moments, in seconds, at which ``span`` is looked at at ``fps`` pictures a second."""
    return (span.start + k / fps for k in range(_grid_length(span, fps)))


def _check_memory(count: int, shape: tuple[int, int]) -> None:
    width, height = shape
    if count * width * height * 3 > _MAX_CLIP_BYTES:
        raise UsageError(
            f"a clip of {count} pictures of {width}x{height} takes"
            f" {count * width * height * 3 / 2**30:.1f} GiB (the limit is 1);"
            " ask for a shorter span, fewer pictures or a smaller size"
        )
