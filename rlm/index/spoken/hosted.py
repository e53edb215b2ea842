"""Speech recognition by any transcription model litellm can reach."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from rlm.endpoints import Endpoint
from rlm.errors import UsageError
from rlm.index.spoken.speech import RATE, Samples
from rlm.video.subtitles import Cue

# Endpoints take 25 MB at most; ten minutes are 19.2 MB before FLAC makes them about half.
_LONGEST_SENT = 600.0
# By Whisper's own rule a segment with more and less than these is no speech.
_NO_SPEECH = 0.6
_LOW_LOGPROB = -1.0


class Hosted:
    """A transcription model by litellm's name; ``timeout`` is seconds a call may stay silent."""

    longest = _LONGEST_SENT

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        timeout: float = 600.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._endpoint = Endpoint(
            name,
            api_base,
            what="recogniser",
            like="openai/whisper-1, or give a folder with a Whisper",
            gives="transcript",
            sleep=sleep,
        )

    def recognise(self, samples: Samples) -> tuple[str | None, list[Cue]]:
        """Send the sound as FLAC, retrying what may pass with back-off and jitter.

        Raises ``ModelUnavailable``, ``MissingKey``, ``UnknownModel``, or ``UsageError`` for a
        model that gives no times.
        """
        sound = flac(samples)
        return self._read(self._endpoint.retry(lambda: self._send(sound), _may_pass))

    def _send(self, sound: bytes) -> Any:
        try:
            return self._endpoint.litellm.transcription(
                file=("sound.flac", sound, "audio/flac"),
                response_format="verbose_json",
                **self._endpoint.options(self._timeout),
            )
        except Exception as error:
            if _may_pass(error):
                raise
            match getattr(error, "status_code", None):
                case 401 | 403:
                    raise self._endpoint.refused(error) from error
                case 404:
                    raise self._endpoint.unknown(error) from error
            raise self._endpoint.unavailable(error) from error

    def _read(self, response: Any) -> tuple[str | None, list[Cue]]:
        try:
            told = _Told.model_validate(response.model_dump())
        except ValidationError as error:
            raise self._endpoint.unavailable(error) from error
        if told.segments is None:
            if not (told.text or "").strip():
                return told.language, []
            raise UsageError(
                f"{self.name} gives text without times; use a recogniser that tells them, such "
                "as openai/whisper-1"
            )
        return told.language, [
            Cue(one.start, one.end, one.text) for one in told.segments if not one.made_up
        ]


class _Segment(BaseModel):
    start: float
    end: float
    text: str
    no_speech_prob: float | None = None
    avg_logprob: float | None = None

    @property
    def made_up(self) -> bool:
        """Whether by the model's own numbers nothing was said."""
        if self.no_speech_prob is None or self.avg_logprob is None:
            return False
        return self.no_speech_prob > _NO_SPEECH and self.avg_logprob < _LOW_LOGPROB


class _Told(BaseModel):
    """What is read of a ``verbose_json`` reply."""

    text: str | None = None
    language: str | None = None
    segments: list[_Segment] | None = None


def flac(samples: Samples) -> bytes:
    """Mono sound at ``RATE`` as a FLAC file of 16 bits."""
    import av

    file = io.BytesIO()
    scaled = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono", format="s16")
        for start in range(0, len(scaled), RATE):
            block = av.AudioFrame.from_ndarray(
                scaled[None, start : start + RATE], format="s16", layout="mono"
            )
            block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return file.getvalue()


def _may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later.

    For transcription litellm lets through what its clients raise, so the HTTP status decides.
    """
    import httpx
    import openai

    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in (408, 409, 429) or status >= 500
    return isinstance(error, openai.APIConnectionError | httpx.TransportError)
