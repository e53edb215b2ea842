"""Key frames only: a look at a whole video for a small part of the cost of decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlm.video.container import open_container, pick_stream, read_packets
from rlm.video.decode import Picture
from rlm.video.timing import Timeline, Timing


def key_pictures(path: Path, index: int, timing: Timing, spacing: float) -> Iterator[Picture]:
    """The sound key frames of stream ``index``, none closer than ``spacing`` seconds.

    Only their packets reach the decoder. (The others are read: told to leave them out, FFmpeg
    gives the key frames of MP4 the times of other pictures.) Times are strictly increasing. A
    picture that is built up over many (intra refresh) is not one of them, whatever its packet
    says. There may be none at all.

    Raises ``VideoNotFound``, ``NotAVideo`` or ``VideoDamaged`` when the file no longer opens.
    """
    import av
    from av.video.frame import PictureType

    predicted = {PictureType.P, PictureType.B, PictureType.S}
    with open_container(path) as container:
        stream = pick_stream(container, index)
        stream.thread_type = "SLICE"
        stream.codec_context.skip_frame = "NONKEY"
        timeline = Timeline(timing.time_base, timing.period, timing.stamped, timing.may_jump)
        due, apart = timing.zero, max(1, int(spacing / timing.time_base))
        for packet in read_packets(container, stream):
            if not packet.size:
                return
            tick = timeline.follow(packet) + timing.lag
            wanted = packet.is_keyframe and not packet.is_discard and not packet.is_corrupt
            if not wanted or not due <= tick < timing.end:
                continue
            try:
                frames = stream.decode(packet) + stream.decode(None)
            except av.error.FFmpegError:
                continue
            finally:
                # Each on its own: a decoder that puts pictures in order finds none to follow.
                stream.codec_context.flush_buffers()
            if frames and not frames[0].is_corrupt and frames[0].pict_type not in predicted:
                due = tick + apart
                yield Picture(timing.seconds(tick), frames[0])
