"""What is said, by time."""

from __future__ import annotations

from rlm.index.spoken.transcript import Transcript, prepared
from rlm.tools.base import ToolContext, cut_to_video
from rlm.video.subtitles import Cue


def get_transcript(
    ctx: ToolContext, start: float | None = None, end: float | None = None
) -> list[Cue]:
    """What is said, or shown as subtitles, from `start` to `end` (default: the whole video).

    Each cue has `.start`, `.end` and `.text`; what it tells may be seen a little before or after.
    Only for videos with a transcript: see video_info().transcript.
    Example: print("\\n".join(f"{c.start:.1f} {c.text}" for c in get_transcript(60, 90)))
    """
    return list(preferred(ctx).between(*cut_to_video(start, end, ctx)))


def preferred(ctx: ToolContext) -> Transcript:
    """The first transcript of the video.

    Raises ``ValueError`` when there is none.
    """
    transcripts = ctx.index.transcripts
    if not transcripts:
        raise ValueError(f"{ctx.video.path.name} has no transcript: only its pictures can be read")
    return prepared(transcripts[0])
