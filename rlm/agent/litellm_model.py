"""Any language model litellm can reach, hosted or local."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from rlm.agent.llm import Message, ModelLimits, Reply, Usage
from rlm.agent.model_limits import limits_of
from rlm.agent.payload import payload
from rlm.agent.text import well_formed
from rlm.endpoints import Endpoint, error_line
from rlm.errors import ConversationTooLong, ReplyRefused

LOCAL = frozenset({"ollama", "ollama_chat", "llamafile", "lm_studio", "hosted_vllm", "vllm"})
"""Providers that run on the user's own machine: their price is known, and it is zero."""
SILENCE = 300.0
"""Seconds a call may stay silent before it is given up."""
LONGEST_REPLY = 1_000_000
"""Characters, reasoning included: a server that says more is not listened to any longer."""
_MARKED = frozenset({"anthropic", "bedrock"})
"""Providers that keep a beginning only where they are told to; the others keep it by themselves."""

_THOUGHT = re.compile(r"\A\s*<think>(.*?)(?:</think>\s*|\Z)", re.DOTALL)
"""Reasoning as it comes from servers that do not tell it from the reply."""


class _CutOff(Exception):
    """A stream that ended without its model having said that it is done."""


class LiteLLMModel:
    """A model by litellm's name, such as ``anthropic/claude-sonnet-4-6`` or ``ollama_chat/gemma3``.

    ``api_base`` is the address of an OpenAI-compatible endpoint; ``timeout`` is seconds a call may
    stay silent; ``busy`` is told of every rate limit. ``seed`` and ``temperature`` go along where
    the provider takes them; ``dropped`` names those it does not take. Raises ``UnknownModel`` when
    no provider knows the name and ``MissingKey`` when the provider's key is not in the environment;
    neither needs the network.
    """

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        timeout: float = SILENCE,
        seed: int | None = None,
        temperature: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        busy: Callable[[], None] = lambda: None,
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
            busy=busy,
        )
        self._litellm = self._endpoint.litellm
        wanted = {"seed": seed, "temperature": temperature}
        given = {key: value for key, value in wanted.items() if value is not None}
        self._sampling = {k: v for k, v in given.items() if self._endpoint.takes(k, v)}
        self.dropped = tuple(key for key in given if key not in self._sampling)

    @property
    def limits(self) -> ModelLimits:
        """From litellm's table and the providers' own pages; an endpoint of one's own has its own.

        The context of the latter is therefore unknown, and its pictures are of the default size.
        """
        if self._endpoint.api_base is not None:
            return ModelLimits()
        return limits_of(
            self.name, self._endpoint.provider, _count(self._entry.get("max_input_tokens"))
        )

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars by litellm's table, which ships with it.

        An endpoint of one's own has its own prices, whatever the model is called.
        """
        usage = self._litellm.Usage(prompt_tokens=input_tokens, completion_tokens=output_tokens)
        return self._usd(usage)

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Stream one reply, retrying what may pass with back-off and jitter.

        ``on_text`` may hear the beginning of a reply again after a connection was lost. Of a server
        that does not say what a call used, litellm counts the tokens by itself.
        """
        sent = payload(messages, marked=self._is_marked())
        transient = self._transient()
        return self._endpoint.retry(
            lambda: self._stream(sent, on_text), lambda error: isinstance(error, transient)
        )

    def _stream(self, sent: list[dict[str, Any]], on_text: Callable[[str], None] | None) -> Reply:
        text, reasoning, usage, length = [], [], None, 0
        hear = on_text or (lambda piece: None)
        hear("")  # nobody may be listening any more when a call is made again
        stream = self._typed(lambda: self._open(sent))
        while (chunk := self._typed(lambda: next(stream, None))) is not None:
            usage = getattr(chunk, "usage", None) or usage
            for choice in chunk.choices:
                if piece := getattr(choice.delta, "reasoning_content", None):
                    reasoning.append(piece)
                    length += len(piece)
                piece = getattr(choice.delta, "content", None) or ""
                text.append(piece)
                length += len(piece)
                hear(piece)
            if length > LONGEST_REPLY:
                break
        # litellm makes up a finish reason where none came; this one is the server's own.
        finish = "length" if length > LONGEST_REPLY else stream.received_finish_reason
        if finish is None:
            raise _CutOff("the stream ended in the middle")
        if finish == "content_filter":
            raise self._declined("the content filter stopped it")
        said, thought = well_formed("".join(text)), well_formed("".join(reasoning))
        if not thought and (aloud := _THOUGHT.match(said)):
            said, thought = said[aloud.end() :], aloud[1].strip()
        return Reply(said, self._usage(usage), thought, cut=finish == "length")

    def _open(self, sent: list[dict[str, Any]]) -> Any:
        return self._litellm.completion(
            messages=sent,
            stream=True,
            stream_options={"include_usage": True},
            **self._sampling,
            **self._endpoint.options(self._timeout),
        )

    def _is_marked(self) -> bool:
        provider = self._endpoint.provider
        told = provider in _MARKED or (provider == "vertex_ai" and "claude" in self.name)
        return told and bool(self._litellm.utils.supports_prompt_caching(self.name))

    # ---- what it cost

    @property
    def _entry(self) -> dict[str, Any]:
        table = self._litellm.model_cost
        return table.get(self.name) or table.get(self.name.partition("/")[2]) or {}

    def _usage(self, usage: Any) -> Usage:
        sent = _count(getattr(usage, "prompt_tokens", None))
        received = _count(getattr(usage, "completion_tokens", None))
        if sent is None or received is None:
            return Usage(sent, received, None)
        cached = _cached(usage)
        if cached is not None and cached > sent:  # nonsense, so what was kept is not known
            return Usage(sent, received, self.price(sent, received))
        return Usage(sent, received, self._usd(usage), cached)

    def _usd(self, usage: Any) -> float | None:
        if self._endpoint.provider in LOCAL:
            return 0.0
        # litellm counts an absent price as zero; here it is unknown.
        if self._endpoint.api_base is not None or not self._entry.get("input_cost_per_token"):
            return None
        return float(sum(self._litellm.cost_per_token(model=self.name, usage_object=usage)))

    # ---- what went wrong

    def _transient(self) -> tuple[type[Exception], ...]:
        e = self._litellm.exceptions
        return (
            _CutOff, e.RateLimitError, e.InternalServerError, e.ServiceUnavailableError, e.Timeout,
            e.APIConnectionError, e.BadGatewayError, e.MidStreamFallbackError,
        )  # fmt: skip

    def _declined(self, why: str) -> ReplyRefused:
        return ReplyRefused(
            f"{self.name} declined to reply: {why}; ask in other words, or choose another model"
        )

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
        except e.ContentPolicyViolationError as error:
            raise self._declined(error_line(error)) from error
        except Exception as error:
            raise self._endpoint.unavailable(error) from error


def _count(value: object) -> int | None:
    """A number of tokens; what cannot be one is unknown."""
    return value if isinstance(value, int) and value >= 0 else None


def _cached(usage: Any) -> int | None:
    return _count(getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None))
