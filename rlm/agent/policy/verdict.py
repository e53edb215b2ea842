"""From what a cell printed to an answer: which option what was found supports, how surely."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlm.spans import Span

_FOUND = re.compile(r"^found: (\d+)$", re.MULTILINE)
_SUPPORT = re.compile(r"^support: (.*)$", re.MULTILINE)
_TOLD = re.compile(r"^told (\d+): (.*)$", re.MULTILINE)
_EVIDENCE = re.compile(r"^(\d+\.\d+)-(\d+\.\d+) s: (.*)$", re.MULTILINE)
LEAST = 1e-4
"""Support below which nothing speaks for an option."""
MOST_TOLD = 3
"""Different answers that may be told together: with more the question was not meant so."""
SURE = 0.97
"""Confidence in what is seen clearly: the object head errs now and then."""
FAILED = "The cell did not come to an end, so nothing is known."


@dataclass(frozen=True)
class Verdict:
    """What to answer: an option's place or free text, or ``None`` for "I can't tell"."""

    value: int | str | None
    why: str
    confidence: float = 0.0
    evidence: tuple[Span, ...] = ()


def judge(options: Sequence[str], observation: str, *, many: bool = False) -> Verdict:
    """The answer that was supported or told best, or none when nothing speaks for one alone.

    ``many`` allows that a lot is told, as of a whole film.
    """
    number = _FOUND.search(observation)
    if number is None:
        return Verdict(None, FAILED)
    shown = _EVIDENCE.findall(observation)
    evidence = tuple(dict.fromkeys(Span(float(start), float(end)) for start, end, _ in shown))
    why = "; ".join(dict.fromkeys(words for *_, words in shown[:3]))
    why = f"{why[:1].upper()}{why[1:]}." if why else f"I found {number[1]}."
    if options:
        return _supported(options, observation, why, evidence)
    told = _TOLD.search(observation)
    if told is None or not told[2]:
        return Verdict(None, "Nothing shows what the question speaks of.")
    if int(told[1]) > MOST_TOLD and not many:
        return Verdict(None, "Too much fits the question to answer it.")
    sure = SURE - 0.1 if int(told[1]) == 1 or many else 0.6
    return Verdict(told[2], why, sure, evidence)


def _supported(
    options: Sequence[str], observation: str, why: str, evidence: tuple[Span, ...]
) -> Verdict:
    found = _SUPPORT.search(observation)
    pairs = re.findall(r"([A-Z]) ([\d.e+-]+)", found[1]) if found else []
    support = {ord(name) - ord("A"): float(value) for name, value in pairs}
    best = max(support.values(), default=0.0)
    fitting = [choice for choice, value in support.items() if value == best]
    # Between two of many a guess is still worth something, and is called one.
    if best < LEAST or (len(fitting) > 1 and 2 * len(fitting) > len(options)):
        which = "none" if best < LEAST else "more than one"
        return Verdict(None, f"{why} Of the options, {which} fits what the film shows.")
    # What is supported weakly is believed less, even where nothing else is supported at all.
    share = best / (sum(support.values()) + 0.05)
    # An option that could not be read may be the right one.
    most = SURE * len(support) / len(options)
    return Verdict(fitting[0], why, min(most, share), evidence)
