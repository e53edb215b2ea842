"""A language model that says what it is told to say."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rlm.agent.llm import Message, ModelLimits, Reply, Usage


class ScriptedModel:
    """Replies from a list, the last one again and again; keeps the messages it was sent.

    An entry that is an exception is raised. ``code`` wraps Python into a reply.
    """

    def __init__(self, *script: str | BaseException, usd: float | None = 0.01) -> None:
        self.name = "scripted"
        self.limits = ModelLimits()
        self.sent: list[list[Message]] = []
        self._script = script
        self._usd = usd

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        return self._usd

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        step = self._script[min(len(self.sent), len(self._script) - 1)]
        self.sent.append(list(messages))
        if isinstance(step, BaseException):
            raise step
        if on_text is not None:
            on_text(step)
        return Reply(step, Usage(100, 10, self._usd))

    @property
    def seen(self) -> str:
        """The text of the newest message it was sent."""
        return self.sent[-1][-1].text


class AnsweringModel(ScriptedModel):
    """Replies by what it is asked: ``reply`` gets the messages; may be called from many threads.

    ``seconds`` is how long each reply takes.
    """

    def __init__(self, reply: Callable[[Sequence[Message]], str], seconds: float = 0.0) -> None:
        super().__init__()
        self._reply = reply
        self._seconds = seconds

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        self.sent.append(list(messages))
        if self._seconds:
            time.sleep(self._seconds)
        return Reply(self._reply(messages), Usage(100, 10, self._usd))


def code(source: str) -> str:
    """A reply that runs ``source``."""
    return f"Let me look.\n```python\n{source}\n```"
