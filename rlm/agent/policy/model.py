"""The built-in model: a deterministic program in the place of a language model.

It sees what any model sees, the messages, and it does what any model does: each turn it says what
it is about to do and writes a block of Python; then it reads what the block printed. It knows one
world, films of moving coloured shapes. Of everything else it says that it can't tell.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlm.agent.answer import letter
from rlm.agent.llm import Message, ModelLimits, Reply, Usage
from rlm.agent.policy import cells
from rlm.agent.policy.plan import make_plan
from rlm.agent.policy.verdict import FAILED, Verdict, judge
from rlm.agent.policy.words import strange_words
from rlm.agent.prompting import is_blind

_QUESTION = re.compile(
    r"^Question: (.*?)(?=\n\s*Options:\s*\n|\n\s*Answer in a few words|\Z)",
    re.DOTALL | re.MULTILINE,
)
_OPTIONS = re.compile(r"^Options:\s*\n((?:[A-Z]\. .*\n?)+)", re.MULTILINE)
_EVEN = re.compile(r"little on an even ground: (\d+)%")
_CLEAR = re.compile(r"^clear: (\d+) of (\d+) shots", re.MULTILINE)
_READ = re.compile(r"^read \d+ things", re.MULTILINE)
_ANOTHER = "Another question about the same video."
_GONE = re.compile(r"Python process was replaced|ended the Python process")
_LAST_TURN = "This is your last turn"
EVEN_ENOUGH = 60
"""Percent of frames that must be an even ground with little on it."""
CLEAR_ENOUGH = 0.6
"""Share of shots that must show something which can be followed through most of it."""


class BuiltinModel:
    """A :class:`~rlm.agent.llm.LanguageModel` that needs no weights, key or network."""

    name = "builtin"
    limits = ModelLimits()

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Nothing, ever."""
        return 0.0

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
    if is_blind(messages[0].text):
        return _guess(messages)
    before, messages = _at_the_last_question(messages)
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
    if _knows(before):
        turn += len(_STEPS)
    seen = _observations(messages)
    last = seen[-1] if seen else ""
    if turn > len(_STEPS):
        if turn > len(_STEPS) + 1:
            return _answer(Verdict(None, "My answer was not accepted, so I give none."), options)
        return _answer(judge(options, last, many=plan.many), options)
    if _LAST_TURN in messages[-1].text:
        return _answer(Verdict(None, "There is no turn left to look in."), options)
    if why_not := _STEPS[turn - 1].doubt(last) if turn and seen else None:
        return _answer(Verdict(None, why_not), options)
    if turn == len(_STEPS):
        return _say(f"To answer, I {plan.intent}.", f"{cells.TELL}\n{plan.code}")
    return _say(_STEPS[turn].words, _STEPS[turn].code)


@dataclass(frozen=True)
class _Step:
    """One turn: what is said of it, its code, and why to give up after what it printed."""

    words: str
    code: str
    doubt: Callable[[str], str | None]


def _uneven(seen: str) -> str | None:
    even = _EVEN.search(seen)
    if even is None:
        return FAILED
    if int(even[1]) < EVEN_ENOUGH:
        return "I can only read films of a few shapes on an even ground, and this is none."
    return None


def _unclear(seen: str) -> str | None:
    if "brings no object head" in seen:
        return "This index does not see objects, so there is nothing to reason from."
    clear = _CLEAR.search(seen)
    if clear is None:
        return FAILED
    if int(clear[1]) < CLEAR_ENOUGH * int(clear[2]):
        return "Too few shots show things that I can follow: I cannot read this film."
    return None


def _unread(seen: str) -> str | None:
    return None if _READ.search(seen) else FAILED


def _sure(seen: str) -> str | None:
    return None


_STEPS = (
    _Step("First the cuts, and an overview of the whole film.", cells.OVERVIEW, _uneven),
    _Step(
        "The ground is even, so I may be able to read this. I let the object head look at all of "
        "it and link what it sees to things.",
        cells.SEE,
        _unclear,
    ),
    _Step(
        "The things can be followed. Next, the ways that they may go: a single sight can be wrong, "
        "so all of a thing's sights are weighed together.",
        cells.WAYS,
        _sure,
    ),
    _Step(
        "What else there is to a shot: a camera that moves, bars, and things that meet.",
        cells.MEETINGS,
        _sure,
    ),
    _Step("With these I read each shot: who goes how, and what happens.", cells.FACTS, _unread),
    _Step("Last, some words to ask about all this with.", cells.ASK, _sure),
)


def _guess(messages: Sequence[Message]) -> str:
    """One of the options, by chance: words alone tell it nothing. The same for the same words."""
    options = _read_options(messages)
    if not options:
        return "I can't tell"
    chosen = zlib.crc32(messages[0].text.encode()) % len(options)
    return f"I know nothing but the question, so this is a guess.\n\n{letter(chosen)}"


def _at_the_last_question(
    messages: Sequence[Message],
) -> tuple[Sequence[Message], Sequence[Message]]:
    """The conversation before the question at hand, and from there on with the system prompt."""
    begins = [n for n, m in enumerate(messages) if m.role == "user" and m.text.startswith(_ANOTHER)]
    if not begins:
        return (), messages
    return messages[: begins[-1]], [messages[0], *messages[begins[-1] :]]


def _knows(before: Sequence[Message]) -> bool:
    """Whether all steps were done for an earlier question, and their variables are still there."""
    known = False
    for message in before:
        if message.role == "assistant":
            known = known or cells.ASK.rstrip() in message.text
        elif _GONE.search(message.text):
            known = False
    return known


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
