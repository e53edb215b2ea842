"""What the loop asks of a language model, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Literal, Protocol

from rlm.agent.text import well_formed

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Picture:
    """A JPEG that goes to the model. ``label`` names it in words, such as ``frame at 0:12.5``."""

    jpeg: bytes = field(repr=False)
    label: str = ""

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the bytes; the transcript files pictures under it."""
        return sha256(self.jpeg).hexdigest()


@dataclass(frozen=True)
class Message:
    """One message of the conversation: text and pictures in the order they are read."""

    role: Role
    parts: tuple[str | Picture, ...]

    def __post_init__(self) -> None:
        parts = tuple(well_formed(p) if isinstance(p, str) else p for p in self.parts)
        object.__setattr__(self, "parts", parts)

    @cached_property
    def text(self) -> str:
        """The words alone, without the pictures."""
        return "\n".join(part for part in self.parts if isinstance(part, str))

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures alone."""
        return tuple(part for part in self.parts if isinstance(part, Picture))


@dataclass(frozen=True)
class Usage:
    """What one call cost. ``None`` means unknown, which is never the same as nothing.

    ``cached_tokens`` are those of ``input_tokens`` that the provider had kept from an earlier call.
    """

    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    cached_tokens: int | None = None

    @property
    def tokens(self) -> int | None:
        """Input and output together."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Reply:
    """What the model said.

    ``reasoning`` is kept apart and never goes back into the messages. ``cut`` says that the model
    reached the length it may write, so that the end is missing. ``model`` names who replied where
    it was not the model that was asked; ``cached`` says that the reply is a recorded one, whose
    messages were ``read`` as so many tokens when it was new. ``text`` may be empty: some models end
    without a word.
    """

    text: str
    usage: Usage
    reasoning: str = ""
    cut: bool = False
    model: str = ""
    cached: bool = False
    read: int | None = None


@dataclass(frozen=True)
class ModelLimits:
    """How much a model reads at once; ``None`` is no known limit.

    ``context_tokens`` are those of one request, ``picture_side`` is the longest side of a picture
    in pixels beyond which the model sees no more, ``pictures`` is the most one request may hold.
    """

    context_tokens: int | None = None
    picture_side: int = 1280
    pictures: int | None = None


class LanguageModel(Protocol):
    """Anything that continues a conversation."""

    @property
    def name(self) -> str:
        """The name a user would pass to ``--model``."""
        ...

    @property
    def limits(self) -> ModelLimits:
        """What one request to this model may hold."""
        ...

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars that a call of so many tokens costs; ``None`` where prices are unknown."""
        ...

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Continue ``messages``; ``on_text`` gets each piece of text as it streams in.

        It may get empty ones too, as signs of life; what it raises ends the reply, and is raised.

        Raises ``ConversationTooLong`` when the messages are more than the model reads,
        ``ReplyRefused`` when it declines, and another ``LanguageModelError`` when no reply can be
        had.
        """
        ...
