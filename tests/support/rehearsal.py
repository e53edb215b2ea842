"""A session of the built-in model without a jail: its cells run in this process."""

from __future__ import annotations

import contextlib
import io
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from rlm.agent.llm import Message
from rlm.agent.policy import BuiltinModel
from rlm.agent.prompting import extract_code

SHARED = 6
"""Cells at the start that are the same for all questions about a film."""


class _Answered(BaseException):
    """Carries an answer out of a cell."""


def _answer(value: Any, evidence: Any = None, confidence: Any = None) -> None:
    raise _Answered(value)


class Rehearsal:
    """Questions about one film, by its tools; cells it has run already are not run again.

    ``seconds`` are the longest that each cell took, by its place.
    """

    def __init__(self, tools: Mapping[str, Any]) -> None:
        self._tools = {**tools, "answer": _answer}
        self._kept: dict[tuple[str, ...], tuple[dict[str, Any], str]] = {}
        self.seconds: dict[int, float] = {}

    def ask(self, question: str, options: Sequence[str] = ()) -> tuple[Any, list[str]]:
        """The value given to ``answer`` and what each cell before it printed."""
        listed = "\n".join(f"{chr(65 + i)}. {option}" for i, option in enumerate(options))
        text = f"Video: film.mp4\n\nQuestion: {question}\n"
        if options:
            text += f"\nOptions:\n{listed}\n\nExactly one option is right."
        messages = [Message("system", ("tools",)), Message("user", (text,))]
        ran: tuple[str, ...] = ()
        names, seen = dict(self._tools), list[str]()
        while len(ran) < 12:
            reply = BuiltinModel().complete(messages)
            code = extract_code(reply.text)
            assert code is not None
            ran = (*ran, code)
            try:
                names, printed = self._run(ran, names)
            except _Answered as answer:
                return answer.args[0], seen
            seen.append(printed)
            messages += [Message("assistant", (reply.text,)), Message("user", (printed,))]
        raise AssertionError("it never answers")

    def _run(self, ran: tuple[str, ...], names: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if ran in self._kept:
            own, text = self._kept[ran]
            return dict(own), text
        own, printed, began = dict(names), io.StringIO(), time.perf_counter()
        with contextlib.redirect_stdout(printed):
            try:
                exec(ran[-1], own)
            except Exception:
                traceback.print_exc(file=printed)
        took = time.perf_counter() - began
        self.seconds[len(ran)] = max(took, self.seconds.get(len(ran), 0.0))
        if len(ran) <= SHARED:
            self._kept[ran] = dict(own), printed.getvalue()
        return own, printed.getvalue()
