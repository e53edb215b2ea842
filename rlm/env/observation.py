"""What a policy reads before each of its replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rlm.agent.llm import Message, Picture
from rlm.agent.payload import payload


@dataclass(frozen=True)
class Observation:
    """The whole conversation so far, as a model would be sent it; text and JPEG pictures.

    The same replies to the same item always lead to equal observations.
    """

    messages: tuple[Message, ...]

    @property
    def new(self) -> tuple[Message, ...]:
        """What came after the policy's newest reply; before the first, everything."""
        replies = [i for i, message in enumerate(self.messages) if message.role == "assistant"]
        return self.messages[replies[-1] + 1 :] if replies else self.messages

    @property
    def text(self) -> str:
        """The words of what is new."""
        return "\n".join(message.text for message in self.new)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures of what is new."""
        return tuple(picture for message in self.new for picture in message.pictures)

    def openai(self, *, new: bool = False) -> list[dict[str, Any]]:
        """All messages, or the ``new`` ones, as the OpenAI chat protocol has them.

        Pictures are data URLs.
        """
        return payload(self.new if new else self.messages)
