"""Speech recognition by any transcription model litellm can reach.

litellm takes seconds to import, so it is imported when a recogniser is made.
"""

from __future__ import annotations

import io
import os
import random
import re
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from rlm.errors import (
    LanguageModelError,
    MissingKey,
    ModelUnavailable,
    UnknownModel,
    UsageError,
)
from rlm.index.spoken.speech import RATE, Samples
from rlm.video.subtitles import Cue

RETRIES = 4
"""Calls made before giving up on rate limits, server errors and lost connections."""
BACK_OFF = 1.0
"""Seconds before the first retry; it doubles, with jitter."""
LONGEST_WAIT = 60.0
"""Seconds: a server that asks for more is waited for this long."""

# Endpoints take 25 MB at most; ten minutes are 19.2 MB before FLAC makes them about half.
_LONGEST_SENT = 600.0
# By Whisper's own rule a segment with more and less than these is no speech.
_NO_SPEECH = 0.6
_LOW_LOGPROB = -1.0

_LITELLM_NAMES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?:: | - ))+")


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
        self._api_base = api_base
        self._timeout = timeout
        self._sleep = sleep
        self._litellm = _litellm()
        try:
            self._litellm.get_llm_provider(name, api_base=api_base)
        except self._litellm.exceptions.BadRequestError as error:
            raise UnknownModel(
                f"no provider knows a recogniser {name!r}; write it as provider/model, as in "
                "openai/whisper-1, or give a folder with a Whisper"
            ) from error
        missing = self._missing_keys()
        if missing and api_base is None:
            raise MissingKey(
                f"{name} needs {' or '.join(missing)} in the environment; set it, or choose "
                "another recogniser"
            )

    def recognise(self, samples: Samples) -> tuple[str | None, list[Cue]]:
        """Send the sound as FLAC, retrying what may pass with back-off and jitter.

        Raises ``ModelUnavailable``, ``MissingKey``, ``UnknownModel``, or ``UsageError`` for a
        model that gives no times.
        """
        sound = flac(samples)
        for attempt in range(RETRIES):
            try:
                response = self._send(sound)
            except Exception as error:
                if attempt == RETRIES - 1 or not _may_pass(error):
                    raise self._typed(error) from error
                asked = _retry_after(error)
                backed_off = BACK_OFF * 2**attempt * random.uniform(0.7, 1.3)
                self._sleep(backed_off if asked is None else asked)
            else:
                return self._read(response)
        raise AssertionError("the last attempt returns or raises")

    def _send(self, sound: bytes) -> Any:
        extra: dict[str, Any] = {}
        if self._api_base is not None:
            extra["api_base"] = self._api_base
            if self._missing_keys():
                extra["api_key"] = "none"  # local endpoints want none, the client insists on one
        return self._litellm.transcription(
            model=self.name,
            file=("sound.flac", sound, "audio/flac"),
            response_format="verbose_json",
            timeout=self._timeout,
            num_retries=0,
            max_retries=0,
            **extra,
        )

    def _typed(self, error: Exception) -> LanguageModelError:
        match getattr(error, "status_code", None):
            case 401 | 403:
                return MissingKey(f"{self.name} refused the key: {_line(error)}")
            case 404:
                return UnknownModel(f"the provider has no recogniser {self.name!r}: {_line(error)}")
        return ModelUnavailable(self._unavailable(error))

    def _read(self, response: Any) -> tuple[str | None, list[Cue]]:
        try:
            told = _Told.model_validate(response.model_dump())
        except ValidationError as error:
            raise ModelUnavailable(self._unavailable(error)) from error
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

    def _missing_keys(self) -> list[str]:
        missing = self._litellm.validate_environment(self.name)["missing_keys"]
        return [name for name in missing if name.endswith(("_API_KEY", "_TOKEN"))]

    def _unavailable(self, error: Exception) -> str:
        where = f" at {self._api_base}" if self._api_base else ""
        return (
            f"{self.name}{where} gave no transcript: {_line(error)}; "
            "check the endpoint and try again"
        )


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


def _litellm() -> Any:
    # Without this litellm fetches its price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _line(error: Exception) -> str:
    words = _LITELLM_NAMES.sub("", " ".join(str(error).split()))
    return words if len(words) <= 200 else words[:197] + "..."


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


def _retry_after(error: Exception) -> float | None:
    """The seconds a server asks to be left alone for."""
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", {})
    try:
        asked = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return asked if 0 <= asked <= LONGEST_WAIT else LONGEST_WAIT if asked > 0 else None
