"""Reading the sound of a video: one linear pass, one channel, on the clock of its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.video.container import open_container, read_packets
from rlm.video.timing import Timeline
from rlm.video.video import Video

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer

Samples = NDArray[np.float32]
Chunk = tuple[float, Samples]

# Stamps are rounded and jitter; sound further from where it should follow (seconds) was not there.
_GAP = 0.05

# A decoder needs some sound before the one that is asked for, and so does a resampler.
_RUN_UP = 0.5


def read_audio(video: Video, rate: int = 16000, span: Span | None = None) -> Iterator[Chunk]:
    """The sound of ``span`` (default: the whole video), mixed to one channel, in bounded memory.

    Yields ``(start, samples)``: seconds on the video's clock, which is 0 at the first picture, and
    float32 ``[n]`` at ``rate`` samples a second, on the scale -1 to 1, about a second at a time. A
    chunk that does not start where the one before it ends has nothing before it: sound is missing
    there, or cannot be decoded. Sound before the first picture or after the last is left out. The
    stream is the one FFmpeg deems best among those that belong to the video.

    Raises ``UsageError``, at once, when the video has no sound, the span lies outside it or the
    rate is not positive; the errors of ``Video.open`` when the file has gone.
    """
    if rate < 1:
        raise UsageError(f"a rate is a positive number of samples a second, not {rate}")
    if not any(stream.kind == "audio" and stream.codec for stream in video.streams):
        raise UsageError(f"{video.path} has no sound; its pictures are all there is")
    inside = video.span if span is None else video.span.intersect(span)
    if inside is None:
        raise UsageError(f"the span {span} holds nothing of the video, which runs {video.span}")
    return _gathered(_cut(_decoded(video, rate, inside), inside, rate), rate)


def _decoded(video: Video, rate: int, span: Span) -> Iterator[Chunk]:
    """Resampled sound from at or before the start of ``span`` to beyond its end."""
    early = span.start - _RUN_UP
    if video.timing.seekable and early > 0:
        with open_container(video.path) as container:
            chunks = _run(container, video, rate, early)
            first = next(chunks, None)
            # A seek that went too far lost sound; where none is lost the start is no worse.
            if first is not None and first[0] <= span.start:
                yield first
                yield from _until(chunks, span.end)
                return
    with open_container(video.path) as container:
        yield from _until(_run(container, video, rate, None), span.end)


def _until(chunks: Iterator[Chunk], end: float) -> Iterator[Chunk]:
    for time, samples in chunks:
        if time >= end:
            return
        yield time, samples


def _run(
    container: InputContainer, video: Video, rate: int, seek_to: float | None
) -> Iterator[Chunk]:
    """Decode from the start, or from ``seek_to``; each chunk with the second it starts at."""
    import av

    stream = _pick(container, video)
    if stream is None:
        return
    if seek_to is not None and stream.time_base is not None:
        try:
            container.seek(int((seek_to + _zero(video)) / stream.time_base), stream=stream)
        except av.error.FFmpegError:
            return
    resampler = _Resampler(rate)
    for frame, start in _frames(container, video, stream):
        if resampler.breaks(frame, start):
            yield from resampler.flush()
        yield from resampler.push(frame, start)
    yield from resampler.flush()


def _pick(container: InputContainer, video: Video) -> AudioStream | None:
    from av.audio.stream import AudioStream
    from av.stream import Discard

    own = container.streams[video.stream.index]
    best = container.streams.best("audio", related=own)
    for other in container.streams:
        if other is not best:
            other.discard = Discard.all
    return best if isinstance(best, AudioStream) else None


def _frames(
    container: InputContainer, video: Video, stream: AudioStream
) -> Iterator[tuple[AudioFrame, float | None]]:
    """Decoded frames with the seconds at which they start, ``None`` where that is not stored."""
    import av

    rate = stream.rate or 1
    time_base = stream.time_base or Fraction(1, rate)
    period = max(1, round((stream.codec_context.frame_size or 1024) / (rate * time_base)))
    timeline = Timeline(time_base, period, stamped=True, may_jump=video.timing.may_jump)
    zero = _zero(video)
    for packet in read_packets(container, cast(Any, stream)):
        if packet.size:
            timeline.follow(packet)
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in frames:
            yield frame, None if frame.time is None else frame.time - zero


def _zero(video: Video) -> float:
    """The container's time of the first picture; decoding times, where only they are, run late."""
    return video.origin if video.timing.stamped else 0.0


class _Resampler:
    """Counts time in samples from where sound began, so that rounded stamps cannot jitter it."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._engine: AudioResampler | None = None
        self._kind: tuple[object, ...] = ()
        self._begun = 0.0
        self._taken = 0.0
        self._given = 0

    def breaks(self, frame: AudioFrame, start: float | None) -> bool:
        """Whether ``frame`` does not go on where the last one ended, or is of another kind."""
        if self._engine is None:
            return False
        apart = 0.0 if start is None else abs(start - (self._begun + self._taken))
        return apart > _GAP or self._kind != _kind(frame)

    def push(self, frame: AudioFrame, start: float | None) -> Iterator[Chunk]:
        from av.audio.resampler import AudioResampler

        if self._engine is None:
            follows = self._begun + self._taken
            self._begun = follows if start is None else start
            self._taken, self._given = 0.0, 0
            self._engine = AudioResampler(format="flt", layout="mono", rate=self._rate)
            self._kind = _kind(frame)
        self._taken += frame.samples / frame.sample_rate
        # The engine keeps its own clock; a stamp that jitters would make it add or drop samples.
        frame.pts = None
        yield from self._out(self._engine.resample(frame))

    def flush(self) -> Iterator[Chunk]:
        """The rest of what was pushed; the next frame begins anew."""
        engine, self._engine = self._engine, None
        if engine is not None:
            yield from self._out(engine.resample(None))

    def _out(self, frames: Sequence[AudioFrame | None]) -> Iterator[Chunk]:
        for frame in frames:
            if frame is None or not frame.samples:
                continue
            samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=True)
            yield self._begun + self._given / self._rate, samples
            self._given += len(samples)


def _kind(frame: AudioFrame) -> tuple[object, ...]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _cut(chunks: Iterator[Chunk], span: Span, rate: int) -> Iterator[Chunk]:
    """What of the chunks lies in ``span``; what overlaps an earlier chunk is left out."""
    reached = span.start
    for time, samples in chunks:
        first = max(0, round((reached - time) * rate))
        last = round((span.end - time) * rate)
        part = samples[first : max(first, last)]
        if len(part):
            start = time + first / rate
            reached = start + len(part) / rate
            yield start, part


def _gathered(chunks: Iterator[Chunk], rate: int) -> Iterator[Chunk]:
    """Chunks that follow each other put together, a second or a little more at a time."""
    start, parts, length = 0.0, list[Samples](), 0
    for time, samples in chunks:
        if parts and (length >= rate or abs(time - (start + length / rate)) > 0.5 / rate):
            yield start, np.concatenate(parts)
            parts, length = [], 0
        if not parts:
            start = time
        parts.append(samples)
        length += len(samples)
    if parts:
        yield start, np.concatenate(parts)
