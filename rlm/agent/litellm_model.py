"""Any language model litellm can reach, hosted or local.

litellm takes seconds to import, so it is imported on first use and only in this module.
"""

from __future__ import annotations

import base64
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from rlm.agent.llm import Message, Picture, Reply, Usage
from rlm.errors import LanguageModelError, MissingKey, ModelUnavailable, UnknownModel

RETRIES = 4
"""Calls made before giving up on rate limits, server errors and lost connections."""
BACK_OFF = 1.0
"""Seconds before the first retry; it doubles, with jitter."""
LONGEST_WAIT = 60.0
"""Seconds: a server that asks for more is waited for this long."""


def _litellm() -> Any:
    # Without this litellm fetches its price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


class _NothingSaid(Exception):
    """A stream without a word and without usage: no model ends like that."""


class LiteLLMModel:
    """A model by litellm's name, such as ``anthropic/claude-sonnet-4-5`` or ``ollama_chat/gemma3``.

    ``api_base`` is the address of an OpenAI-compatible endpoint; ``timeout`` is seconds a call may
    stay silent. Raises ``UnknownModel`` when no provider knows the name and ``MissingKey`` when
    the provider's key is not in the environment; neither needs the network.
    """

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        temperature: float | None = None,
        timeout: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._api_base = api_base
        self._temperature = temperature
        self._timeout = timeout
        self._sleep = sleep
        self._litellm = _litellm()
        self._check()

    @property
    def priced(self) -> bool:
        """Whether litellm's table, which ships with it, has prices for this model."""
        return self._usd(1000, 1000) is not None

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Stream one reply, retrying what may pass with back-off and jitter."""
        payload = [_payload(message) for message in messages]
        for attempt in range(RETRIES):
            try:
                return self._stream(payload, on_text)
            except self._transient() as error:
                if attempt == RETRIES - 1:
                    raise ModelUnavailable(self._unavailable(error)) from error
                asked = _retry_after(error)
                self._sleep(asked or BACK_OFF * 2**attempt * random.uniform(0.7, 1.3))
            except Exception as error:
                raise self._typed(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _stream(
        self, payload: list[dict[str, Any]], on_text: Callable[[str], None] | None
    ) -> Reply:
        extra: dict[str, Any] = {}
        if self._temperature is not None:
            extra["temperature"] = self._temperature
        if self._api_base is not None:
            extra["api_base"] = self._api_base
            if self._missing_keys():
                extra["api_key"] = "none"  # local endpoints want none, the client insists on one
        text, reasoning, usage = [], [], None
        stream = self._litellm.completion(
            model=self.name,
            messages=payload,
            stream=True,
            stream_options={"include_usage": True},
            timeout=self._timeout,
            num_retries=0,
            max_retries=0,
            **extra,
        )
        for chunk in stream:
            usage = getattr(chunk, "usage", None) or usage
            for choice in chunk.choices:
                if piece := getattr(choice.delta, "reasoning_content", None):
                    reasoning.append(piece)
                if piece := getattr(choice.delta, "content", None):
                    text.append(piece)
                    if on_text is not None:
                        on_text(piece)
        if not (text or reasoning or usage):
            raise _NothingSaid("the endpoint answered, but not in the chat protocol")
        return Reply("".join(text), self._usage(usage), "".join(reasoning))

    def _usage(self, usage: Any) -> Usage:
        sent = getattr(usage, "prompt_tokens", None)
        received = getattr(usage, "completion_tokens", None)
        if sent is None or received is None:
            return Usage(sent, received, None)
        return Usage(sent, received, self._usd(sent, received))

    def _usd(self, sent: int, received: int) -> float | None:
        try:
            prices = self._litellm.cost_per_token(
                model=self.name, prompt_tokens=sent, completion_tokens=received
            )
        except Exception:  # noqa: BLE001 - litellm raises bare Exception for a model without a price
            return None
        return float(sum(prices))

    def _missing_keys(self) -> list[str]:
        missing = self._litellm.validate_environment(self.name)["missing_keys"]
        # An address is no secret: every local server has a default one.
        return [key for key in missing if not key.endswith("_API_BASE")]

    def _check(self) -> None:
        try:
            self._litellm.get_llm_provider(self.name, api_base=self._api_base)
        except self._litellm.exceptions.BadRequestError as error:
            raise UnknownModel(
                f"no provider knows a model {self.name!r}; write it as provider/model, "
                "as in anthropic/claude-sonnet-4-5 or ollama_chat/gemma3"
            ) from error
        missing = self._missing_keys()
        if missing and self._api_base is None:
            raise MissingKey(
                f"{self.name} needs {' or '.join(missing)} in the environment; "
                "set it, or choose another --model"
            )

    def _transient(self) -> tuple[type[Exception], ...]:
        e = self._litellm.exceptions
        return (
            _NothingSaid,
            e.RateLimitError, e.InternalServerError, e.ServiceUnavailableError, e.Timeout,
            e.APIConnectionError, e.BadGatewayError, e.MidStreamFallbackError,
        )  # fmt: skip

    def _typed(self, error: Exception) -> LanguageModelError:
        e = self._litellm.exceptions
        if isinstance(error, e.AuthenticationError | e.PermissionDeniedError):
            return MissingKey(f"{self.name} refused the key: {_line(error)}")
        if isinstance(error, e.NotFoundError):
            return UnknownModel(f"the provider has no model {self.name!r}: {_line(error)}")
        return ModelUnavailable(self._unavailable(error))

    def _unavailable(self, error: Exception) -> str:
        where = f" at {self._api_base}" if self._api_base else ""
        return f"{self.name}{where} gave no reply: {_line(error)}; check the endpoint and try again"


def _line(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if len(words) <= 200 else words[:197] + "..."


def _retry_after(error: Exception) -> float | None:
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        return min(LONGEST_WAIT, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def _payload(message: Message) -> dict[str, Any]:
    """A message in the form of the OpenAI protocol, pictures as data URLs."""
    if all(isinstance(part, str) for part in message.parts):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = base64.b64encode(part.jpeg).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
