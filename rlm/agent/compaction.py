"""Keeps a long conversation within what its model reads.

Older turns are scored by how near they are to the question and to the plan of the newest reply, in
the text space of the index, and the nearest stay whole; the rest are read again as a line each.
What the conversation is about may not move far by that: where the embedding of what is read drifts
by more than ``MOST_DRIFT``, more turns stay whole, as long as they fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlm.agent.conversation import Conversation, Turn
from rlm.agent.prompting import without_code

if TYPE_CHECKING:
    from rlm.index import VideoIndex

NEAR = 0.8
"""Share of what the model reads at which a conversation is compacted."""
AIM = 0.5
"""Share of it that is aimed at."""
RECENT = 2
"""Newest turns that always stay whole."""
MOST_DRIFT = 0.05
PIECE, PIECES = 200, 40
"""Characters that a text encoder is given at once, and how many such pieces of a text."""


class TextSpace:
    """Directions of texts of any length in the space ``name``.

    ``encode`` gives unit vectors, float32[N, D], of texts as short as an encoder reads.
    """

    def __init__(self, name: str, encode: Callable[[list[str]], NDArray[np.float32]]) -> None:
        self.name = name
        self._encode = encode
        self._sum = cache(self._summed)

    def direction(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The unit vector between the pieces of all ``texts``, float32[D]."""
        total = np.sum([self._sum(text) for text in texts], axis=0)
        unit: NDArray[np.float32] = total / np.float32(max(float(np.linalg.norm(total)), 1e-9))
        return unit

    def _summed(self, text: str) -> NDArray[np.float32]:
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        pieces = [piece for piece in pieces if piece.strip()] or [" - "]
        step = max(1, len(pieces) // PIECES)
        total: NDArray[np.float32] = self._encode(pieces[::step]).sum(axis=0)
        return total * (len(pieces) / len(pieces[::step]))


def text_space(index: VideoIndex) -> TextSpace | None:
    """Where an index embeds texts, if it does."""
    name = next(iter(index.text_spaces), None)
    if name is None:
        return None
    return TextSpace(index.text_spaces[name], lambda t: index.encoder(name).encode_text(t))


@dataclass(frozen=True)
class Compaction:
    """What was done; fields as in :class:`rlm.agent.events.Compacted`."""

    tokens_before: int
    tokens_after: int
    kept: tuple[int, ...]
    summarised: tuple[int, ...]
    drift: float | None
    space: str | None


def compact(
    conversation: Conversation, question: str, context: int, space: TextSpace | None
) -> Compaction | None:
    """Make room if the conversation nears ``context`` tokens; ``None`` when there is no need.

    Without a ``space`` for texts the newest turns are kept.
    """
    before = conversation.tokens()
    old = [turn for turn in conversation.turns[:-RECENT] if turn.whole]
    if before <= NEAR * context or not old:
        return None
    ranked = _ranked(old, conversation.turns[-1], question, space)
    read_before = [turn.text if turn.whole else turn.gist for turn in conversation.turns]
    for turn in old:
        turn.whole = False
    while ranked and _fits(conversation, ranked[0], AIM * context):
        ranked.pop(0).whole = True
    drift = _drift(conversation, read_before, space)
    while drift is not None and drift > MOST_DRIFT and ranked:
        turn = ranked.pop(0)
        if _fits(conversation, turn, NEAR * context):
            turn.whole = True
            drift = _drift(conversation, read_before, space)
    return Compaction(
        before,
        conversation.tokens(),
        tuple(turn.number for turn in conversation.turns if turn.whole),
        tuple(turn.number for turn in old if not turn.whole),
        drift,
        None if space is None else space.name,
    )


def _ranked(old: list[Turn], newest: Turn, question: str, space: TextSpace | None) -> list[Turn]:
    """The turns worth keeping whole, the best first."""
    if space is None:
        return old[::-1]
    wanted = space.direction([question, without_code(newest.reply.text) or question])
    near = {turn.number: float(space.direction([turn.text]) @ wanted) for turn in old}
    return sorted(old, key=lambda turn: (-near[turn.number], -turn.number))


def _fits(conversation: Conversation, turn: Turn, most: float) -> bool:
    turn.whole = True
    fits = conversation.tokens() <= most
    turn.whole = False
    return fits


def _drift(
    conversation: Conversation, before: Sequence[str], space: TextSpace | None
) -> float | None:
    """1 - cosine of what the model read ``before`` and what it reads now."""
    if space is None:
        return None
    after = [turn.text if turn.whole else turn.gist for turn in conversation.turns]
    return max(0.0, 1.0 - float(space.direction(before) @ space.direction(after)))
