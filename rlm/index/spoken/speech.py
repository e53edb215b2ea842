"""Speech into subtitles, when asked for: through litellm, or with a Whisper on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlm.index.reading import Progress
from rlm.video.audio import read_audio
from rlm.video.subtitles import Cue, Subtitles
from rlm.video.video import Video

Samples = NDArray[np.float32]

RATE = 16000
"""Samples a second; what Whisper was trained on."""
# A chunk may end in this share of its length, where it is quietest.
_LATE = 0.25
_QUIET = 0.3  # seconds that are to be quiet together
_SILENT = 1e-3  # of full scale; from silence recognisers make words up
_HOLE = 1.0  # seconds of missing sound that a chunk may bridge

_ON_HUB = re.compile(r"(?:openai/)?(whisper-(?!1$)[\w.-]+)")


class Recogniser(Protocol):
    """Turns sound into cues; ``longest`` is how many seconds it takes at once."""

    name: str
    longest: float

    def recognise(self, samples: Samples) -> tuple[str | None, list[Cue]]:
        """The language, if told, and the cues, in seconds from the start of ``samples``.

        ``samples`` is float32 ``[n]``, mono, ``RATE`` a second.
        """
        ...


def transcribe(
    video: Video, recogniser: str | Recogniser, progress: Progress | None = None
) -> Subtitles:
    """What is said in ``video``, with its times.

    ``recogniser`` is one already loaded, or the name of one: see ``load_recogniser``. Sound goes
    to it in pieces that end where it is quietest; silent ones are left out. ``progress`` is called
    with what is going on, the seconds done and the seconds in all.

    Raises ``UsageError`` when the video has no sound; what ``load_recogniser`` raises;
    ``ModelUnavailable`` when an endpoint gives no answer through all retries.
    """
    if isinstance(recogniser, str):
        read_audio(video)  # raises for a silent video before weights are loaded
        recogniser = load_recogniser(recogniser)
    language: str | None = None
    cues: list[Cue] = []
    duration = video.span.end
    for start, samples in quiet_pieces(read_audio(video, RATE), recogniser.longest):
        length = len(samples) / RATE
        if float(np.abs(samples).max()) >= _SILENT:
            told, found = recogniser.recognise(samples)
            language = language or told
            for cue in found:
                begin, end = max(0.0, cue.start), min(length, cue.end)
                if begin < end and cue.text.strip():
                    cues.append(Cue(start + begin, start + end, cue.text.strip()))
        if progress is not None:
            progress("transcribing", min(duration, start + length), duration)
    return Subtitles.gather(f"speech ({recogniser.name})", language, cues)


def load_recogniser(name: str, *, api_base: str | None = None) -> Recogniser:
    """A recogniser by name.

    A folder with a saved ``WhisperForConditionalGeneration``; the hub id of a Whisper that has
    been downloaded, such as ``whisper-small``; or a transcription model by litellm's name, such as
    ``openai/whisper-1`` or ``groq/whisper-large-v3``, with ``api_base`` the address of an
    OpenAI-compatible endpoint.

    Raises ``WeightsMissing`` when the weights are not on this machine or are no Whisper;
    ``UnknownModel`` when no provider knows the name; ``MissingKey`` when the provider's key is not
    in the environment.
    """
    folder = Path(name).is_dir()
    hub = None if folder or api_base else _ON_HUB.fullmatch(name)
    if folder or hub:
        from rlm.index.spoken.local import Whisper

        return Whisper(f"openai/{hub[1]}" if hub else name)
    from rlm.index.spoken.hosted import Hosted

    return Hosted(name, api_base=api_base)


def quiet_pieces(
    chunks: Iterator[tuple[float, Samples]], longest: float
) -> Iterator[tuple[float, Samples]]:
    """Chunks of sound put together and cut anew: at most ``longest`` seconds, cut where quiet.

    A piece ends in the quietest moment of the last quarter it could have. Times stay true: short
    holes in the sound are filled with silence, and at a long one a piece ends.
    """
    most = int(longest * RATE)
    begun, length, parts = 0.0, 0, list[Samples]()
    for start, samples in chunks:
        hole = max(0, round((start - begun) * RATE) - length)
        if parts and hole > _HOLE * RATE:
            yield begun, np.concatenate(parts)
            parts = []
        if parts:
            parts.append(np.zeros(hole, dtype=np.float32))
        else:
            begun, length, hole = start, 0, 0
        parts.append(samples)
        length += hole + len(samples)
        if length > most:
            held = np.concatenate(parts)
            while len(held) > most:
                cut = _quietest(held[:most])
                yield begun, held[:cut]
                begun, held = begun + cut / RATE, held[cut:]
            parts, length = [held], len(held)
    if parts:
        yield begun, np.concatenate(parts)


def _quietest(samples: Samples) -> int:
    """Where to cut: the middle of the quietest ``_QUIET`` seconds in the last part."""
    first = int(len(samples) * (1 - _LATE))
    step, width = max(1, RATE // 100), round(_QUIET * RATE)
    power = np.cumsum(np.square(samples[first:], dtype=np.float64))
    starts = np.arange(0, max(1, len(power) - width), step)
    ends = np.minimum(starts + width, len(power) - 1)
    quietest = int(np.argmin(power[ends] - power[starts]))
    return first + int(starts[quietest] + ends[quietest]) // 2 + 1
