"""The answer of a session, and how a model's words become one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rlm.agent.text import well_formed
from rlm.spans import Span

CANNOT_TELL = "I can't tell"


@dataclass(frozen=True)
class Answer:
    """What was answered.

    ``choice`` is the index of the option, or ``None`` when there are no options or none can be
    told. ``confidence`` is in [0, 1], or ``None`` when the model gave none; ``calibrated`` is how
    often such a confidence was right, where there is a calibrator to say it. ``best_effort`` marks
    an answer that was given in the wrap-up, the budget being spent.
    """

    text: str
    choice: int | None = None
    evidence: tuple[Span, ...] = ()
    confidence: float | None = None
    best_effort: bool = False
    calibrated: float | None = None

    def as_event(self) -> dict[str, Any]:
        """The fields of :class:`rlm.agent.events.Answered` that are the answer's."""
        return {
            "answer": self.text,
            "choice": self.choice,
            "evidence": tuple((span.start, span.end) for span in self.evidence),
            "confidence": self.confidence,
            "best_effort": self.best_effort,
            "calibrated": self.calibrated,
        }


def letter(index: int) -> str:
    """``0`` as ``"A"``."""
    return chr(ord("A") + index)


def read_answer(
    value: object,
    evidence: Sequence[tuple[float, float]] | None,
    confidence: object,
    options: Sequence[str],
    duration: float,
) -> Answer:
    """Check what ``answer(...)`` was called with.

    Raises ``TypeError`` or ``ValueError`` with a message the model can act on: a value of a wrong
    type, an option that does not exist or is ambiguous, evidence outside the video, a confidence
    outside [0, 1].
    """
    spans = _spans(evidence, duration)
    sure = _confidence(confidence)
    return _answer(value, spans, sure, options)


def salvaged(
    value: object,
    evidence: Sequence[tuple[float, float]] | None,
    confidence: object,
    options: Sequence[str],
    duration: float,
) -> Answer:
    """The same where nobody is left to correct it: what is wrong with what goes along is left out.

    Raises ``TypeError`` or ``ValueError`` for a value that is no answer.
    """
    spans: list[Span] = []
    for span in evidence or ():
        with suppress(ValueError):
            spans += _spans([span], duration)
    sure = None
    with suppress(TypeError, ValueError):
        sure = _confidence(confidence)
    return _answer(value, tuple(dict.fromkeys(spans)), sure, options)


def _answer(
    value: object, spans: tuple[Span, ...], sure: float | None, options: Sequence[str]
) -> Answer:
    if value is None:
        return Answer(CANNOT_TELL, None, spans, 0.0 if sure is None else sure)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"answer() takes text or an option, not {type(value).__name__}")
    if options:
        choice = _choice(value, options)
        return Answer(options[choice], choice, spans, sure)
    text = well_formed(str(value)).strip()
    if not text:
        raise ValueError("the answer is empty; say in a few words what you found")
    return Answer(text, None, spans, sure)


def from_words(text: str, options: Sequence[str]) -> Answer | None:
    """The best answer to be had from the words of a reply that did not call ``answer``.

    ``None`` when there are no words, or when there are options and they name none.
    """
    words = text.strip()
    for choice, option in enumerate(options):
        if plain(words) in (plain(option), letter(choice).lower()):
            return Answer(option, choice, best_effort=True)
    # A letter alone on a line, or after "answer", is how models end when they are cut short.
    found = re.findall(r"(?:^|(?i:answer(?: is)?):?\s*)\(?([A-Z])[).:]*\s*$", words, re.M)
    if options and found:
        choice = ord(found[-1]) - ord("A")
        if choice < len(options):
            return Answer(options[choice], choice, best_effort=True)
    return Answer(words, None, best_effort=True) if words and not options else None


def plain(text: str) -> str:
    """``text`` as answers are compared: lower case, without punctuation and extra space."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())


def _choice(value: str | float, options: Sequence[str]) -> int:
    listing = ", ".join(f"{letter(i)}: {option!r}" for i, option in enumerate(options))
    by_text = [i for i, option in enumerate(options) if plain(option) == plain(str(value))]
    exact = [i for i in by_text if options[i].strip() == str(value).strip()]
    by_text = exact or by_text
    by_place: int | None = None
    # A bare number that is no option's text is not guessed at: models count from 0 and from 1.
    if isinstance(value, str):
        head = re.fullmatch(r"\(?([A-Za-z])\)?(?:[.:)]\s*(.*))?", value.strip(), re.S)
        if head and ord(head[1].upper()) - ord("A") < len(options):
            index = ord(head[1].upper()) - ord("A")
            rest = head[2]
            if not rest or plain(rest) == plain(options[index]):
                by_place = index
    if len(by_text) == 1 and by_place in (None, by_text[0]):
        return by_text[0]
    if not by_text and by_place is not None:
        return by_place
    if by_text:
        raise ValueError(f"{value!r} could be more than one option; pass its letter: {listing}")
    raise ValueError(f"{value!r} is not an option; pass the letter of one of {listing}")


def _spans(evidence: Sequence[tuple[float, float]] | None, duration: float) -> tuple[Span, ...]:
    spans = []
    for start, end in evidence or ():
        if end < start:
            raise ValueError(f"evidence ({start:g}, {end:g}) ends before it starts")
        # Half a second of grace: models round the duration when they write the last span.
        if not (start >= 0 and end <= duration + 0.5):
            raise ValueError(f"evidence ({start:g}, {end:g}) is not inside 0-{duration:.2f} s")
        spans.append(Span(min(start, duration), min(end, duration)))
    return tuple(dict.fromkeys(spans))


def _confidence(confidence: object) -> float | None:
    if confidence is None:
        return None
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise TypeError(f"confidence is a number from 0 to 1, not {type(confidence).__name__}")
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence is a number from 0 to 1, not {confidence:g}")
    return float(confidence)
