"""One language model after the other, for when the first cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rlm.agent.llm import LanguageModel, Message, ModelLimits, Reply
from rlm.errors import ModelUnavailable


class FallbackModel:
    """The first of ``models``, and the next one for good when it is unavailable.

    It bears the first one's name; a reply of another says whose it is. What it costs and may hold
    is true for any of them: the highest price, unknown if one is unknown, and the lowest of the
    limits that are known. ``notify`` is told, in one line, when the next one takes over. Several
    threads may use it.

    Raises ``ValueError`` without models.
    """

    def __init__(
        self,
        models: Sequence[LanguageModel],
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        if not models:
            raise ValueError("a fallback needs models")
        self.name = models[0].name
        self._models = tuple(models)
        self._notify = notify
        self._at = 0

    @property
    def limits(self) -> ModelLimits:
        """The lowest of each limit; one that no model has stays open."""
        all_of = [model.limits for model in self._models]
        return ModelLimits(
            _least([limits.context_tokens for limits in all_of]),
            min(limits.picture_side for limits in all_of),
            _least([limits.pictures for limits in all_of]),
        )

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars at the dearest model's price; ``None`` where one price is unknown."""
        prices = [model.price(input_tokens, output_tokens) for model in self._models]
        known = [price for price in prices if price is not None]
        return max(known) if len(known) == len(prices) else None

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Ask the model whose turn it is; it has made its own retries before the next is asked.

        ``on_text`` may have heard the beginning of a reply that another model then gives. Raises
        ``ModelUnavailable`` when the last one is unavailable, and what else a model raises as it
        is: a key that was refused, or a conversation too long, is not mended by another model.
        """
        at = self._at
        while True:
            try:
                reply = self._models[at].complete(messages, on_text)
            except ModelUnavailable as error:
                if at + 1 == len(self._models):
                    raise
                at += 1
                if at > self._at:  # else another thread has been here
                    self._at = at
                    self._notify(f"model: going on with {self._models[at].name}: {error}")
                continue
            if at == 0:
                return reply
            return replace(reply, model=reply.model or self._models[at].name)


def _least(limits: Sequence[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
