"""What a turn came to, as the model reads it."""

from __future__ import annotations

from collections.abc import Sequence

from rlm.agent.llm import Message, Picture
from rlm.agent.prompting import render
from rlm.agent.text import cut_output
from sandbox import Outcome


def observation(
    outcome: Outcome | None,
    failure: str | None,
    blocks: int,
    pictures: Sequence[Picture],
    left: str,
    answered: bool,
) -> Message:
    """The message after a turn whose cell had ``outcome``, or in which none ran.

    ``failure`` is as in :class:`rlm.agent.events.Observed`; the reply held ``blocks`` blocks of
    code, the cell showed ``pictures``, and ``left`` is the budget in words.
    """
    printed, error = "", ""
    if outcome is not None:
        length = outcome.stdout_bytes + outcome.stderr_bytes
        printed = cut_output(outcome.stdout + outcome.stderr, length)
        error = cut_output(str(outcome.error)) if outcome.error else ""
    text = render(
        "turn",
        problem=failure,
        stdout=printed,
        error=error,
        pictures=len(pictures),
        blocks=blocks,
        answered=answered,
    )
    parts: list[str | Picture] = [text] if text else []
    for picture in pictures:
        parts += [f"[{picture.label}]", picture]
    parts.append(left)
    return Message("user", tuple(parts))
