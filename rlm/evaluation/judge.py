"""A language model says whether an open answer is right, where words alone cannot tell."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from rlm.agent.llm import LanguageModel, Message, Usage
from rlm.agent.prompting import render
from rlm.agent.text import one_line
from rlm.errors import LanguageModelError, MissingKey, UnknownModel
from rlm.evaluation.items import Item

MOST_CHARACTERS = 2000
"""Longer answers are cut: a judge is not to be worn out by what it judges."""

_VERDICT = re.compile(r"(yes|no)\b[\s,;:.-]*([0-5])\.?", re.IGNORECASE)
_EMPHASIS = str.maketrans("", "", "*_`\"'")


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and how well it agrees with the right one, from 0 to 5."""

    right: bool
    agreement: int


class Judge:
    """Asks ``model`` and counts how often no verdict could be had. May be used from many threads.

    Nothing is judged with pictures. A reply that is not one line with ``yes`` or ``no`` and a
    number is asked for ``tries`` times in all.
    """

    def __init__(self, model: LanguageModel, tries: int = 2) -> None:
        self._model = model
        self._tries = tries
        self._lock = threading.Lock()
        self._asked = self._failed = 0
        self._why = ""
        self._usage: list[Usage] = []

    @property
    def name(self) -> str:
        """The name of the model."""
        return self._model.name

    @property
    def asked(self) -> int:
        """How many answers were given to be judged."""
        return self._asked

    @property
    def failed(self) -> int:
        """For how many of them no verdict could be had."""
        return self._failed

    @property
    def failure_rate(self) -> float:
        """The share without a verdict, from 0 to 1; 0 before the first."""
        return self._failed / self._asked if self._asked else 0.0

    @property
    def why(self) -> str:
        """Why the newest of them failed, in one line."""
        return self._why

    @property
    def usage(self) -> tuple[Usage, ...]:
        """What each call cost."""
        return tuple(self._usage)

    def judge(self, item: Item, given: str) -> Verdict | None:
        """The verdict on an answer to ``item``; ``None`` where none could be had, which is counted.

        An empty answer is wrong without a call. Raises ``MissingKey`` and ``UnknownModel``, after
        which no judging can succeed, and ``ValueError`` for an item with no right answer.
        """
        if not item.scored:
            raise ValueError(f"item {item.id} has no right answer to judge by")
        right = item.answers or (item.options[item.answer_index or 0],)
        if not given.strip():
            return self._count(Verdict(False, 0))
        prompt = render("judge", question=item.question, answers=right, given=_fenced(given))
        why = ""
        for _ in range(self._tries):
            try:
                reply = self._model.complete([Message("user", (prompt,))])
            except (MissingKey, UnknownModel):
                raise
            except LanguageModelError as error:
                return self._count(None, str(error))
            with self._lock:
                self._usage.append(reply.usage)
            verdict = read_verdict(reply.text)
            if verdict is not None:
                return self._count(verdict)
            why = f"no verdict in the reply {one_line(reply.text)[:80]!r}"
        return self._count(None, why)

    def _count(self, verdict: Verdict | None, why: str = "") -> Verdict | None:
        with self._lock:
            self._asked += 1
            if verdict is None:
                self._failed += 1
                self._why = one_line(why)
        return verdict


def read_verdict(reply: str) -> Verdict | None:
    """``"yes 5"`` as a verdict; ``None`` for anything but such a line, which may be emphasised."""
    match = _VERDICT.fullmatch(reply.translate(_EMPHASIS).strip())
    return Verdict(match[1].lower() == "yes", int(match[2])) if match else None


def _fenced(given: str) -> str:
    """An answer that cannot end the marks it stands between."""
    cut = given.strip()[:MOST_CHARACTERS]
    return re.sub(r"[<>]{3,}", " ", cut)
