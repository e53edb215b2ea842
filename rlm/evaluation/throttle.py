"""As many calls to a language model at once as its provider takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from rlm.agent.llm import LanguageModel, Message, ModelLimits, Reply

BURST = 2.0
"""Seconds in which rate limits are one and the same: calls that began together meet it together."""


class Throttle:
    """Room for calls, ``most`` of them at once and fewer where the provider says so.

    Additive increase, multiplicative decrease (Chiu and Jain 1989): a rate limit halves the room,
    and as many good calls as there is room for add one. Use it as a context manager around a call,
    from any thread.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._room = float(most)
        self._clock = clock
        self._under_way = 0
        self._limited_at = -BURST
        self._changed = threading.Condition()

    @property
    def room(self) -> int:
        """How many calls may be under way at the moment."""
        return int(self._room)

    def limited(self) -> None:
        """Hear that the provider refused a call for its rate."""
        with self._changed:
            now = self._clock()
            if now - self._limited_at >= BURST:
                self._room = max(1.0, self._room / 2)
                self._limited_at = now

    def __enter__(self) -> Self:
        with self._changed:
            while self._under_way >= self.room:
                self._changed.wait()
            self._under_way += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._changed:
            self._under_way -= 1
            if kind is None:
                self._room = min(self._most, self._room + 1 / self._room)
            self._changed.notify_all()


class ThrottledModel:
    """A language model whose calls wait for room; ``replied`` is told of every good one."""

    def __init__(
        self, model: LanguageModel, throttle: Throttle, replied: Callable[[], None] = lambda: None
    ) -> None:
        self._model = model
        self._throttle = throttle
        self._replied = replied

    @property
    def name(self) -> str:
        """That of the model."""
        return self._model.name

    @property
    def limits(self) -> ModelLimits:
        """Those of the model."""
        return self._model.limits

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """That of the model."""
        return self._model.price(input_tokens, output_tokens)

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Wait, then ask; raises what the model does."""
        with self._throttle:
            reply = self._model.complete(messages, on_text)
        self._replied()
        return reply
