"""The answer of a session, and how a model's words become one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlm.spans import Span

CANNOT_TELL = "I can't tell"


@dataclass(frozen=True)
class Answer:
    """What was answered.

    ``choice`` is the index of the option, or ``None`` when there are no options or none can be
    told. ``confidence`` is in [0, 1], or ``None`` when the model gave none. ``best_effort`` marks
    an answer that had to be read from the words of a wrap-up reply.
    """

    text: str
    choice: int | None = None
    evidence: tuple[Span, ...] = ()
    confidence: float | None = None
    best_effort: bool = False


def letter(index: int) -> str:
    """``0`` as ``"A"``."""
    return chr(ord("A") + index)


def read_answer(
    value: object,
    evidence: object,
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
    if value is None:
        return Answer(CANNOT_TELL, None, spans, 0.0 if sure is None else sure)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"answer() takes text or an option, not {type(value).__name__}")
    if options:
        choice = _choice(value, options)
        return Answer(options[choice], choice, spans, sure)
    text = str(value).strip()
    if not text:
        raise ValueError("the answer is empty; say in a few words what you found")
    return Answer(text, None, spans, sure)


def from_words(text: str, options: Sequence[str]) -> Answer:
    """The best answer to be had from a reply that did not call ``answer``."""
    words = text.strip() or CANNOT_TELL
    for choice, option in enumerate(options):
        if _plain(words) in (_plain(option), letter(choice).lower()):
            return Answer(option, choice, best_effort=True)
    # A letter alone on a line, or after "answer", is how models end when they are cut short.
    found = re.findall(r"(?:^|answer(?: is)?:?\s*)\(?([A-Z])[).:]*\s*$", words, re.I | re.M)
    if options and found:
        choice = ord(found[-1].upper()) - ord("A")
        if choice < len(options):
            return Answer(options[choice], choice, best_effort=True)
    return Answer(words, None, best_effort=True)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())


def _choice(value: str | float, options: Sequence[str]) -> int:
    listing = ", ".join(f"{letter(i)}: {option!r}" for i, option in enumerate(options))
    by_text = [i for i, option in enumerate(options) if _plain(option) == _plain(str(value))]
    exact = [i for i in by_text if options[i].strip() == str(value).strip()]
    by_text = exact or by_text
    by_place: int | None = None
    if isinstance(value, int) and 0 <= value < len(options):
        by_place = value
    elif isinstance(value, str):
        head = re.fullmatch(r"\(?([A-Za-z])\)?(?:[.:)]\s*(.*))?", value.strip(), re.S)
        if head and ord(head[1].upper()) - ord("A") < len(options):
            index = ord(head[1].upper()) - ord("A")
            rest = head[2]
            if not rest or _plain(rest) == _plain(options[index]):
                by_place = index
    if len(by_text) == 1 and by_place in (None, by_text[0]):
        return by_text[0]
    if not by_text and by_place is not None:
        return by_place
    if by_text:
        raise ValueError(f"{value!r} could be more than one option; pass its letter: {listing}")
    raise ValueError(f"{value!r} is not an option; pass the letter of one of {listing}")


def _spans(evidence: object, duration: float) -> tuple[Span, ...]:
    if evidence is None:
        return ()
    wanted = "evidence is a list of (start, end) in seconds"
    if not isinstance(evidence, list | tuple):
        raise TypeError(f"{wanted}, not {type(evidence).__name__}")
    pairs = [evidence] if evidence and isinstance(evidence[0], int | float) else list(evidence)
    spans = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise TypeError(f"{wanted}, not {pair!r}")
        start, end = pair
        if not all(isinstance(t, int | float) and not isinstance(t, bool) for t in (start, end)):
            raise TypeError(f"{wanted}, not {pair!r}")
        # Half a second of grace: models round the duration when they write the last span.
        if not 0 <= start <= end <= duration + 0.5:
            raise ValueError(f"evidence ({start:g}, {end:g}) is not inside 0-{duration:.2f} s")
        spans.append(Span(min(float(start), duration), min(float(end), duration)))
    return tuple(spans)


def _confidence(confidence: object) -> float | None:
    if confidence is None:
        return None
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise TypeError(f"confidence is a number from 0 to 1, not {type(confidence).__name__}")
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence is a number from 0 to 1, not {confidence:g}")
    return float(confidence)
