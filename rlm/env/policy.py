"""The language models of an episode: one that someone else speaks for, and one that is silent."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

from rlm.agent.llm import Message, ModelLimits, Reply, Usage
from rlm.errors import LanguageModelError

UNKNOWN = Usage(None, None, None)
"""What a reply cost whose tokens nobody counted."""


class _Unpriced:
    """What both have in common: no price, and no limit on what is read."""

    name = "policy"
    limits = ModelLimits()

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Unknown."""
        return None


class Policy(_Unpriced):
    """Hands what it is to continue to another thread, and waits for what that says.

    ``ended`` is put in the place of a next message when there will be none.
    """

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        self._heard: queue.SimpleQueue[object] = queue.SimpleQueue()

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Wait for the reply.

        Raises ``KeyboardInterrupt``, by which a session ends as interrupted, when none will come,
        and ``LanguageModelError`` for a sub-question, which is not the policy's to answer.
        """
        if messages[0].role != "system":
            raise LanguageModelError(f"sub-questions cannot go to {self.name}; leave out model=")
        self._heard.put(tuple(messages))
        reply = self._said.get()
        if reply is None:
            raise KeyboardInterrupt
        return reply

    def ended(self, how: object) -> None:
        """Tell the other thread that the session is over, and how."""
        self._heard.put(how)

    # ---- for the other thread

    def heard(self) -> object:
        """Wait for the next messages, a tuple, or for what :meth:`ended` was told."""
        return self._heard.get()

    def say(self, reply: Reply | None) -> None:
        """Reply; with ``None`` the session is interrupted as soon as it asks."""
        self._said.put(reply)


class Nobody(_Unpriced):
    """Stands where there is no model for sub-questions."""

    name = "nobody"

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Raises ``LanguageModelError``, which the code that asked can read."""
        raise LanguageModelError(
            "there is no model for sub-questions here: show() the frames and look for yourself"
        )
