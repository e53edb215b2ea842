"""A language model says whether an open answer is right, where words alone cannot tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlm.agent.llm import LanguageModel, Message, Usage
from rlm.agent.prompting import render
from rlm.agent.text import one_line
from rlm.errors import LanguageModelError, MissingKey, UnknownModel
from rlm.evaluation.items import Item
from rlm.evaluation.results import Judged

MOST_CHARACTERS = 2000
"""Longer answers are cut: a judge is not to be worn out by what it judges."""
LONGEST_CALL = (3000, 1000)
"""Tokens in and out that one call is taken to need at most, when money is set aside for it."""

_VERDICT = re.compile(r"(yes|no)\b[\s,;:.-]*([0-5])\.?", re.IGNORECASE)
_EMPHASIS = str.maketrans("", "", "*_`\"'")


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and how well it agrees with the right one, from 0 to 5."""

    right: bool
    agreement: int


class Judge:
    """Asks ``model``, from any thread.

    Nothing is judged with pictures. A reply that is not one line with ``yes`` or ``no`` and a
    number is asked for ``tries`` times in all.
    """

    def __init__(self, model: LanguageModel, tries: int = 2) -> None:
        self.model = model
        self._tries = tries

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.model.name

    @property
    def most_usd(self) -> float:
        """Dollars to set aside for one verdict; 0 where prices are unknown."""
        return self._tries * (self.model.price(*LONGEST_CALL) or 0.0)

    def judge(self, item: Item, given: str) -> Judged:
        """What is to be said of an answer to ``item``, with or without a verdict.

        An empty answer is wrong without a call. Raises ``MissingKey`` and ``UnknownModel``, after
        which no judging can succeed, and ``ValueError`` for an item with no right answer.
        """
        if not item.scored:
            raise ValueError(f"item {item.id} has no right answer to judge by")
        right = item.answers or (item.options[item.answer_index or 0],)
        if not given.strip():
            return Judged(model=self.name, right=False, agreement=0)
        prompt = render("judge", question=item.question, answers=right, given=_fenced(given))
        messages = [Message("user", (prompt,))]
        used: list[Usage] = []
        why = ""
        for _ in range(self._tries):
            try:
                reply = self.model.complete(messages)
            except (MissingKey, UnknownModel):
                raise
            except LanguageModelError as error:
                why = str(error)
                break
            used.append(reply.usage)
            verdict = read_verdict(reply.text)
            if verdict is not None:
                return self._judged(used, right=verdict.right, agreement=verdict.agreement)
            why = f"no verdict in the reply {one_line(reply.text)[:80]!r}"
            # Other messages than before: where replies are kept, the same would bring the same.
            said = [Message("assistant", (reply.text,))] if reply.text.strip() else []
            messages = [*messages, *said, Message("user", (render("judge_again"),))]
        return self._judged(used, why=one_line(why))

    def _judged(self, used: Sequence[Usage], **said: Any) -> Judged:
        total: dict[str, Any] = {
            name: None if None in (each := [getattr(one, name) for one in used]) else sum(each)
            for name in ("input_tokens", "output_tokens", "usd")
        }
        return Judged(model=self.name, **said, **total)


def read_verdict(reply: str) -> Verdict | None:
    """``"yes 5"`` as a verdict; ``None`` for anything but such a line, which may be emphasised."""
    match = _VERDICT.fullmatch(reply.translate(_EMPHASIS).strip())
    return Verdict(match[1].lower() == "yes", int(match[2])) if match else None


def _fenced(given: str) -> str:
    """An answer that cannot end the marks it stands between."""
    cut = given.strip()[:MOST_CHARACTERS]
    return re.sub(r"[<>]{3,}", " ", cut)
