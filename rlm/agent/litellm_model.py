"""Any language model litellm can reach, hosted or local."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

from rlm.agent.llm import Message, Picture, Reply, Usage
from rlm.agent.text import well_formed
from rlm.endpoints import Endpoint, error_line
from rlm.errors import ConversationTooLong

LOCAL = frozenset({"ollama", "ollama_chat", "llamafile", "lm_studio", "hosted_vllm", "vllm"})
"""Providers that run on the user's own machine: their price is known, and it is zero."""


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
        self._timeout = timeout
        self._endpoint = Endpoint(
            name,
            api_base,
            what="model",
            like="anthropic/claude-sonnet-4-6 or ollama_chat/gemma3",
            gives="reply",
            sleep=sleep,
        )
        self._litellm = self._endpoint.litellm

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
        transient = self._transient()
        return self._endpoint.retry(
            lambda: self._stream(payload, on_text), lambda error: isinstance(error, transient)
        )

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
        return self._litellm.completion(
            messages=payload,
            stream=True,
            stream_options={"include_usage": True},
            **self._endpoint.options(self._timeout),
        )

    def _usage(self, usage: Any) -> Usage:
        sent = getattr(usage, "prompt_tokens", None)
        received = getattr(usage, "completion_tokens", None)
        if sent is None or received is None:
            return Usage(sent, received, None)
        return Usage(sent, received, self._usd(sent, received))

    def _usd(self, sent: int, received: int) -> float | None:
        if self._endpoint.provider in LOCAL:
            return 0.0
        short = self.name.partition("/")[2]
        entry = self._litellm.model_cost.get(self.name) or self._litellm.model_cost.get(short) or {}
        # litellm counts an absent price as zero; here it is unknown.
        if self._endpoint.api_base is not None or not entry.get("input_cost_per_token"):
            return None
        prices = self._litellm.cost_per_token(
            model=self.name, prompt_tokens=sent, completion_tokens=received
        )
        return float(sum(prices))

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
            raise self._endpoint.refused(error) from error
        except e.NotFoundError as error:
            raise self._endpoint.unknown(error) from error
        except e.ContextWindowExceededError as error:
            raise ConversationTooLong(
                f"{self.name} cannot read that much at once: {error_line(error)}"
            ) from error
        except Exception as error:
            raise self._endpoint.unavailable(error) from error


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
