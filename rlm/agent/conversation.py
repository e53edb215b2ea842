"""What a session has said and read so far, and as how much of it the model reads it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rlm.agent.llm import Message, Picture
from rlm.agent.prompting import extract_code, render, without_code
from rlm.agent.text import counted, one_line
from rlm.spans import Span

CHARACTERS = 4.0
"""Characters of a token, before a model has told how it counts."""
PICTURE = 1000
"""Tokens of a picture, likewise."""
GIST = 160
"""Characters kept of what a summarised turn said and of what it read."""


@dataclass
class Turn:
    """One reply, what was said ``before`` it, and what was observed after it.

    ``whole`` unless only its gist is read again.
    """

    number: int
    reply: Message
    observed: Message | None = None
    before: tuple[Message, ...] = ()
    whole: bool = True

    @property
    def text(self) -> str:
        """All its words."""
        return "\n\n".join(message.text for message in self.messages)

    @property
    def messages(self) -> list[Message]:
        """All of it, as the model reads it."""
        observed = () if self.observed is None else (self.observed,)
        return [*self.before, self.reply, *observed]

    @property
    def gist(self) -> str:
        """What it did and read, in few words."""
        said = one_line(without_code(self.reply.text)) or one_line(
            extract_code(self.reply.text) or ""
        )
        asked = [m.text.partition("Question: ")[2] or m.text for m in self.before]
        words = [*(f"asked: {_cut(one_line(text))}" for text in asked), _cut(said)]
        if self.observed is not None:
            # The last part tells what was left of the budget then.
            parts = [part for part in self.observed.parts if isinstance(part, str)][:-1]
            words.append(f"read: {_cut(one_line(' '.join(parts)))}")
            if pictures := self.observed.pictures:
                labels = list(dict.fromkeys((pictures[0].label, pictures[-1].label)))
                words.append(f"saw {counted(len(pictures), 'picture')}: {' to '.join(labels)}")
        return f"turn {self.number}: " + "; ".join(word for word in words if word)


@dataclass
class Conversation:
    """``opening`` comes before the first turn, ``said`` after the last one.

    ``asked`` is the question at hand, where it is not that of the opening: it is always read whole.
    ``notes`` are what the model wrote down, ``most_pictures`` how many it reads at once, if known.
    """

    opening: list[Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    said: list[Message] = field(default_factory=list)
    asked: Message | None = None
    notes: list[tuple[str, Span | None]] = field(default_factory=list)
    most_pictures: int | None = None
    _blind: int = 0
    _per_estimate: float = 1.0

    def messages(self) -> list[Message]:
        """What the model reads next; of more than ``most_pictures`` the newest."""
        short = [turn for turn in self.turns if not turn.whole]
        messages = list(self.opening)
        if short:
            gists = [turn.gist for turn in short]
            words = render("compacted", gists=gists, notes=self.noted())
            messages.append(Message("user", (words,)))
        for place, turn in enumerate(self.turns):
            if turn.whole:
                blind = place < self._blind
                messages += _newest_pictures(turn.messages, 0) if blind else turn.messages
            elif self.asked is not None and self.asked in turn.before:
                messages.append(self.asked)
        messages += self.said
        return _newest_pictures(messages, self.most_pictures)

    def drop_pictures(self) -> None:
        """Show none of the pictures so far any more; their labels stay."""
        self._blind = len(self.turns)

    def reply(self, number: int, text: str) -> None:
        """Begin turn ``number`` with what the model replied."""
        said, self.said = tuple(self.said), []
        self.turns.append(Turn(number, Message("assistant", (text,)), before=said))

    def tokens(self, messages: Sequence[Message] | None = None) -> int:
        """About how many tokens these messages, by default the next ones, are for the model."""
        wanted = self.messages() if messages is None else messages
        return int(self._per_estimate * _estimate(wanted))

    def learn(self, messages: Sequence[Message], tokens: int | None) -> None:
        """Count from now on as the model does, which read ``messages`` as so many tokens.

        No messages are 0 tokens: that says what they cost, not how long they are.
        """
        if tokens:
            self._per_estimate = tokens / max(1.0, _estimate(messages))

    def noted(self) -> list[str]:
        """The notes in words, with where each can be seen."""
        return [
            fact if span is None else f"{fact} ({span.start:g} to {span.end:g} s)"
            for fact, span in self.notes
        ]

    def history(self, number: int | None) -> str:
        """All of a turn's words, or of all turns'.

        Raises ``ValueError`` for a turn that has not been.
        """
        if number is None:
            return "\n\n".join(f"--- turn {turn.number}\n{turn.text}" for turn in self.turns)
        for turn in self.turns:
            if turn.number == number:
                return turn.text
        raise ValueError(f"there is no turn {number} yet; turns so far: {len(self.turns)}")


def _newest_pictures(messages: list[Message], most: int | None) -> list[Message]:
    """``messages`` with the newest ``most`` pictures; the labels of the others stay."""
    spare = 0 if most is None else sum(len(message.pictures) for message in messages) - most
    kept: list[Message] = []
    for place, message in enumerate(messages):
        if spare <= 0:
            return kept + messages[place:]
        parts: list[str | Picture] = []
        for part in message.parts:
            if isinstance(part, Picture) and spare > 0:
                spare -= 1
                parts.append("(the picture is no longer shown)")
            else:
                parts.append(part)
        kept.append(Message(message.role, tuple(parts)) if message.pictures else message)
    return kept


def _estimate(messages: Sequence[Message]) -> float:
    return sum(len(m.text) / CHARACTERS + PICTURE * len(m.pictures) for m in messages)


def _cut(text: str) -> str:
    return text if len(text) <= GIST else text[: GIST - 3] + "..."
