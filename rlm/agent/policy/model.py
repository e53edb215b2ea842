"""The built-in model: a deterministic program in the place of a language model.

It sees what any model sees, the messages, and it does what any model does: each turn it says what
it is about to do and writes a block of Python; then it reads what the block printed. It knows one
world, films of moving coloured shapes. Of everything else it says that it can't tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rlm.agent.answer import letter
from rlm.agent.llm import Message, Reply, Usage
from rlm.agent.policy import cells
from rlm.agent.policy.plan import make_plan
from rlm.agent.policy.verdict import Verdict, judge
from rlm.agent.policy.words import strange_words

_QUESTION = re.compile(
    r"^Question: (.*?)(?=\n\s*Options:\s*\n|\n\s*Answer in a few words|\Z)",
    re.DOTALL | re.MULTILINE,
)
_OPTIONS = re.compile(r"^Options:\s*\n((?:[A-Z]\. .*\n?)+)", re.MULTILINE)
_EVEN = re.compile(r"little on an even ground: (\d+)%")
_CLEAN = re.compile(r"^clean: (\d+) of (\d+) shots", re.MULTILINE)
_LAST_TURN = "This is your last turn"
EVEN_ENOUGH = 60
"""Percent of frames that must be an even ground with little on it."""
CLEAN_ENOUGH = 0.7
"""Share of shots whose one thing could be told from its ground throughout."""


class BuiltinModel:
    """A :class:`~rlm.agent.llm.LanguageModel` that needs no weights, key or network."""

    name = "builtin"
    priced = True

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """Continue the conversation; the same messages always give the same reply."""
        text = _reply(messages)
        if on_text is not None:
            for line in text.splitlines(keepends=True):
                on_text(line)
        return Reply(text, Usage(0, 0, 0.0))


def _reply(messages: Sequence[Message]) -> str:
    asked = next((found for m in messages if (found := _QUESTION.search(m.text))), None)
    if asked is None or messages[0].role != "system":
        return "I can't tell: I write code that measures, and cannot look at pictures myself."
    question, options = asked[1].strip(), _read_options(messages)
    plan = make_plan(question, options)
    if plan is None:
        why = "I have no way to answer a question of this form."
        if strange := strange_words(question):
            named = ", ".join(dict.fromkeys(strange[:3]))
            why = f"I only know films of moving coloured shapes, and this is about more: {named}."
        return _answer(Verdict(None, why), options)
    turn = sum(message.role == "assistant" for message in messages)
    seen = _observations(messages)
    last = seen[-1] if seen else ""
    if turn >= 4:
        return _answer(judge(plan, options, seen[3]) if turn == 4 else _GAVE_UP, options)
    if messages[-1].text.startswith("The budget is spent") or _LAST_TURN in messages[-1].text:
        return _answer(Verdict(None, "There is no turn left to measure in."), options)
    if turn == 0:
        return _say("First the cuts, and an overview of the whole film.", cells.OVERVIEW)
    if turn == 1:
        even = _EVEN.search(last)
        if even is None or int(even[1]) < EVEN_ENOUGH:
            why = "I can only read films of single shapes on an even ground, and this is none."
            return _answer(Verdict(None, why), options)
        words = "The ground is even, so I may be able to read this. What does the index see?"
        return _say(words, cells.READ_INDEX)
    if turn == 2:
        words = "Now I measure the same in the pixels: ground, thing, colour, outline and track."
        return _say(words, cells.MEASURE)
    clean = _CLEAN.search(last)
    if clean is None or int(clean[1]) < CLEAN_ENOUGH * int(clean[2]):
        why = "Too few shots show one thing clearly told from its ground: I cannot read this film."
        return _answer(Verdict(None, why), options)
    return _say(f"The shots are clear. To answer, I {plan.intent}.", plan.code + cells.REPORT)


_GAVE_UP = Verdict(None, "My answer was not accepted, so I give none.")


def _read_options(messages: Sequence[Message]) -> list[str]:
    for message in messages:
        if message.role == "user" and (found := _OPTIONS.search(message.text)):
            return [line[3:].strip() for line in found[1].splitlines()]
    return []


def _observations(messages: Sequence[Message]) -> list[str]:
    """What came back after each of the model's own replies, in order."""
    seen: list[str] = []
    for message in messages:
        if message.role == "assistant":
            seen.append("")
        elif message.role == "user" and seen:
            seen[-1] += message.text + "\n"
    return seen


def _say(words: str, code: str) -> str:
    return f"{words}\n\n```python\n{code.rstrip()}\n```\n"


def _answer(verdict: Verdict, options: Sequence[str]) -> str:
    """The words and the block that end a run."""
    if verdict.value is None:
        return _say(f"{verdict.why} I can't tell.", "answer(None, confidence=0.0)")
    value = repr(verdict.value)
    words = verdict.why
    if isinstance(verdict.value, int):
        value = f'"{letter(verdict.value)}"'
        words += f" That is {options[verdict.value]!r}."
    spans = ", ".join(f"({span.start:.2f}, {span.end:.2f})" for span in verdict.evidence)
    return _say(words, f"answer({value}, evidence=[{spans}], confidence={verdict.confidence:.2f})")
