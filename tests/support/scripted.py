"""A language model that says what it is told to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rlm.agent.llm import Message, Reply, Usage


class ScriptedModel:
    """Replies from a list, the last one again and again; keeps the messages it was sent.

    An entry that is an exception is raised. ``code`` wraps Python into a reply.
    """

    def __init__(self, *script: str | BaseException, usd: float | None = 0.01) -> None:
        self.name = "scripted"
        self.priced = usd is not None
        self.sent: list[list[Message]] = []
        self._script = script
        self._usd = usd

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


def code(source: str) -> str:
    """A reply that runs ``source``."""
    return f"Let me look.\n```python\n{source}\n```"
