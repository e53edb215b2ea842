"""Any language model litellm can reach, hosted or local.

litellm takes seconds to import, so it is imported on first use and only in this module.
"""

from __future__ import annotations

import base64
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from rlm.agent.llm import Message, Picture, Reply, Usage
from rlm.agent.text import well_formed
from rlm.errors import ConversationTooLong, MissingKey, ModelUnavailable, UnknownModel

RETRIES = 4
"""Calls made before giving up on rate limits, server errors and lost connections."""
BACK_OFF = 1.0
"""Seconds before the first retry; it doubles, with jitter."""
LONGEST_WAIT = 60.0
"""Seconds: a server that asks for more is waited for this long."""
LOCAL = frozenset({"ollama", "ollama_chat", "llamafile", "lm_studio", "hosted_vllm", "vllm"})
"""Providers that run on the user's own machine: their price is known, and it is zero."""


def _litellm() -> Any:
    # Without this litellm fetches its price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


# What litellm puts before a provider's own words, some of it twice.
_LITELLM_NAMES = re.compile(r"^(?:(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?:: | - ))+")


class _CutOff(Exception):
    """A stream that ended without its model having said that it is done."""


class LiteLLMModel:
    """A model by litellm's name, such as ``anthropic/claude-sonnet-4-6`` or ``ollama_chat/gemma3``.

    ``api_base`` is the address of an OpenAI-compatible endpoint; ``timeout`` is seconds a call may
    stay silent. Raises ``UnknownModel`` when no provider knows the name and ``MissingKey`` when
    the provider's key is not in the environment; neither needs the network.
    """

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        timeout: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._api_base = api_base
        self._timeout = timeout
        self._sleep = sleep
        self._litellm = _litellm()
        self._provider = self._check()

    @property
    def priced(self) -> bool:
        """Whether litellm's table, which ships with it, has a price for this model.

        An endpoint of one's own has its own prices, whatever the model is called.
        """
        return self._usd(1000, 1000) is not None

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Stream one reply, retrying what may pass with back-off and jitter.

        ``on_text`` may hear the beginning of a reply again after a connection was lost.
        """
        payload = [_payload(message) for message in messages]
        for attempt in range(RETRIES):
            try:
                return self._stream(payload, on_text)
            except self._transient() as error:
                if attempt == RETRIES - 1:
                    raise ModelUnavailable(self._unavailable(error)) from error
                asked = _retry_after(error)
                backed_off = BACK_OFF * 2**attempt * random.uniform(0.7, 1.3)
                self._sleep(backed_off if asked is None else asked)
        raise AssertionError("the last attempt returns or raises")

    def _stream(
        self, payload: list[dict[str, Any]], on_text: Callable[[str], None] | None
    ) -> Reply:
        text, reasoning, usage = [], [], None
        stream = self._typed(lambda: self._open(payload))
        while (chunk := self._typed(lambda: next(stream, None))) is not None:
            usage = getattr(chunk, "usage", None) or usage
            for choice in chunk.choices:
                if piece := getattr(choice.delta, "reasoning_content", None):
                    reasoning.append(piece)
                if piece := getattr(choice.delta, "content", None):
                    text.append(piece)
                    if on_text is not None:
                        on_text(piece)
        # litellm makes up a finish reason where none came; this one is the server's own.
        finish = stream.received_finish_reason
        if finish is None:
            raise _CutOff("the stream ended in the middle")
        said, thought = well_formed("".join(text)), well_formed("".join(reasoning))
        return Reply(said, self._usage(usage), thought, cut=finish == "length")

    def _open(self, payload: list[dict[str, Any]]) -> Any:
        extra: dict[str, Any] = {}
        if self._api_base is not None:
            extra["api_base"] = self._api_base
            if self._missing_keys():
                extra["api_key"] = "none"  # local endpoints want none, the client insists on one
        return self._litellm.completion(
            model=self.name,
            messages=payload,
            stream=True,
            stream_options={"include_usage": True},
            timeout=self._timeout,
            num_retries=0,
            max_retries=0,
            **extra,
        )

    def _usage(self, usage: Any) -> Usage:
        sent = getattr(usage, "prompt_tokens", None)
        received = getattr(usage, "completion_tokens", None)
        if sent is None or received is None:
            return Usage(sent, received, None)
        return Usage(sent, received, self._usd(sent, received))

    def _usd(self, sent: int, received: int) -> float | None:
        if self._provider in LOCAL:
            return 0.0
        short = self.name.partition("/")[2]
        entry = self._litellm.model_cost.get(self.name) or self._litellm.model_cost.get(short) or {}
        # litellm counts an absent price as zero; here it is unknown.
        if self._api_base is not None or not entry.get("input_cost_per_token"):
            return None
        prices = self._litellm.cost_per_token(
            model=self.name, prompt_tokens=sent, completion_tokens=received
        )
        return float(sum(prices))

    def _missing_keys(self) -> list[str]:
        missing = self._litellm.validate_environment(self.name)["missing_keys"]
        # What is no secret may come from elsewhere: a default address, a cloud's own credentials.
        return [name for name in missing if name.endswith(("_API_KEY", "_TOKEN"))]

    def _check(self) -> str:
        try:
            _, provider, *_ = self._litellm.get_llm_provider(self.name, api_base=self._api_base)
        except self._litellm.exceptions.BadRequestError as error:
            raise UnknownModel(
                f"no provider knows a model {self.name!r}; write it as provider/model, "
                "as in anthropic/claude-sonnet-4-6 or ollama_chat/gemma3"
            ) from error
        missing = self._missing_keys()
        if missing and self._api_base is None:
            raise MissingKey(
                f"{self.name} needs {' or '.join(missing)} in the environment; "
                "set it, or choose another --model"
            )
        return str(provider)

    def _transient(self) -> tuple[type[Exception], ...]:
        e = self._litellm.exceptions
        return (
            _CutOff, e.RateLimitError, e.InternalServerError, e.ServiceUnavailableError, e.Timeout,
            e.APIConnectionError, e.BadGatewayError, e.MidStreamFallbackError,
        )  # fmt: skip

    def _typed(self, step: Callable[[], Any]) -> Any:
        """``step()``, a step of litellm's, with what cannot pass raised as an error of ours."""
        e = self._litellm.exceptions
        try:
            return step()
        except self._transient():
            raise
        except (e.AuthenticationError, e.PermissionDeniedError) as error:
            raise MissingKey(f"{self.name} refused the key: {_line(error)}") from error
        except e.NotFoundError as error:
            raise UnknownModel(
                f"the provider has no model {self.name!r}: {_line(error)}"
            ) from error
        except e.ContextWindowExceededError as error:
            raise ConversationTooLong(
                f"{self.name} cannot read that much at once: {_line(error)}"
            ) from error
        except Exception as error:
            raise ModelUnavailable(self._unavailable(error)) from error

    def _unavailable(self, error: Exception) -> str:
        where = f" at {self._api_base}" if self._api_base else ""
        return f"{self.name}{where} gave no reply: {_line(error)}; check the endpoint and try again"


def _line(error: Exception) -> str:
    words = _LITELLM_NAMES.sub("", " ".join(str(error).split()))
    return words if len(words) <= 200 else words[:197] + "..."


def _retry_after(error: Exception) -> float | None:
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        asked = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return asked if 0 <= asked <= LONGEST_WAIT else LONGEST_WAIT if asked > 0 else None


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
