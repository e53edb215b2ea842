"""From what a cell printed to an answer: which option the shots support, and how surely."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlm.agent.policy.plan import Plan
from rlm.agent.policy.words import (
    Facts,
    plain,
    read_clock,
    read_facts,
    read_number,
    strange_words,
)
from rlm.spans import Span, format_time

_ROW = re.compile(
    r"^shot (?P<number>\d+), (?P<start>[\d.]+)-(?P<end>[\d.]+) s: "
    r"(?:not clean|(?P<colour>\w+) (?P<shape>\w+), motion (?P<motion>[\w-]+), "
    r"event (?P<event>\w+)(?: to (?P<new_colour>\w+))?(?: at (?P<at>[\d.]+) s)?; "
    r"index: (?P<index>.*))$",
    re.MULTILINE,
)
NEAR = 3.0
"""Seconds by which an option's time may miss the one that was measured."""
_MOTIONS = {
    "right": "moves to the right",
    "down-right": "moves down and to the right",
    "down": "moves down",
    "down-left": "moves down and to the left",
    "left": "moves to the left",
    "up-left": "moves up and to the left",
    "up": "moves up",
    "up-right": "moves up and to the right",
    "still": "stays still",
}
_EVENTS = {
    "none": "",
    "recolour": " and turns {new}",
    "appear": " after appearing",
    "vanish": " and then disappears",
    "stop": " and then stops",
    "bounce": " and bounces off the wall",
    "turn": " and then turns around",
}


@dataclass(frozen=True)
class Row:
    """One shot as the measuring cell tells it; ``facts`` is ``None`` when it was not clean."""

    span: Span
    facts: Facts | None
    at: float | None
    confirmed: bool

    def story(self) -> str:
        """``"the red circle moves up and then stops"``."""
        assert self.facts is not None
        facts = self.facts
        words = _MOTIONS[facts.motion or "still"] + _EVENTS[facts.event or "none"]
        return f"the {facts.colour} {facts.shape} {words.format(new=facts.new_colour)}"


@dataclass(frozen=True)
class Verdict:
    """What to answer: an option's place or free text, or ``None`` for "I can't tell"."""

    value: int | str | None
    why: str
    confidence: float = 0.0
    evidence: tuple[Span, ...] = ()


def read_rows(text: str) -> list[Row]:
    """The shots told in an observation, in order."""
    rows = []
    for found in _ROW.finditer(text):
        facts = None
        if found["colour"] is not None:
            facts = Facts(
                found["colour"],
                found["shape"],
                found["motion"],
                found["event"],
                found["new_colour"],
            )
        at = float(found["at"]) if found["at"] else None
        span = Span(float(found["start"]), float(found["end"]))
        rows.append(Row(span, facts, at, found["index"] == "the same"))
    return rows


def judge(plan: Plan, options: Sequence[str], observation: str) -> Verdict:
    """The answer that the found shots support best, or none when they support none alone."""
    number = re.search(r"^found: (\d+)$", observation, re.MULTILINE)
    if number is None:
        return Verdict(None, "The cell did not come to an end, so nothing is known.")
    count, rows = int(number[1]), read_rows(observation)
    if any(row.facts is None for row in rows):
        return Verdict(None, "A shot this hangs on is not clean enough to be read.")
    evidence = tuple(row.span for row in rows)
    sure = 0.97 if all(row.confirmed for row in rows) else 0.9
    if plan.asks == "count":
        return _pick_count(count, options, evidence, sure)
    if plan.asks == "presence":
        return _pick_presence(count, options, evidence, sure)
    if not rows:
        return Verdict(None, "No shot shows what the question speaks of.")
    if plan.asks == "time":
        return _pick_time(plan, rows, options, sure)
    if plan.asks == "summary":
        text = "; ".join(f"{format_time(row.span.start, 0)} {row.story()}" for row in rows)
        more = f"; and {count - len(rows)} shots more" if count > len(rows) else ""
        return Verdict(text + more, "That is the film, shot by shot.", sure, evidence)
    if not options:
        told = list(dict.fromkeys(_tell(plan.asks, row) for row in rows))
        if len(told) > 3:
            return Verdict(None, "Too many shots fit the question to answer it.")
        text = "; ".join(told)
        return Verdict(text, _capital(f"{text}."), sure if len(told) == 1 else 0.6, evidence)
    return _pick_fitting(plan, rows, options, sure)


def _pick_count(
    count: int, options: Sequence[str], evidence: tuple[Span, ...], sure: float
) -> Verdict:
    why = f"There {'is' if count == 1 else 'are'} {count}."
    if not options:
        return Verdict(str(count), why, sure, evidence)
    fitting = [i for i, option in enumerate(options) if read_number(option) == count]
    if len(fitting) != 1:
        return Verdict(None, f"{why} No single option says so.")
    return Verdict(fitting[0], why, sure, evidence)


def _pick_presence(
    count: int, options: Sequence[str], evidence: tuple[Span, ...], sure: float
) -> Verdict:
    said = "yes" if count else "no"
    why = f"{count or 'No'} shot{'' if count == 1 else 's'} {'shows' if count == 1 else 'show'} it."
    if not options:
        return Verdict(said, why, sure, evidence)
    fitting = [i for i, option in enumerate(options) if re.match(rf"{said}\b", plain(option))]
    if len(fitting) != 1:
        return Verdict(None, f"{why} No single option says so.")
    return Verdict(fitting[0], why, sure, evidence)


def _pick_time(plan: Plan, rows: Sequence[Row], options: Sequence[str], sure: float) -> Verdict:
    if len(rows) > 1:
        return Verdict(None, "It is so in more than one shot, so there is no one time.")
    (row,) = rows
    time = row.at if plan.about and row.at is not None else row.span.start
    why = f"It is at {format_time(time)}."
    if not options:
        return Verdict(f"at {format_time(time)}", why, sure, (row.span,))
    misses = sorted((_miss(option, time), i) for i, option in enumerate(options))
    (miss, choice), (next_miss, _) = misses[0], misses[1]
    if miss > NEAR or next_miss - miss < 0.5:
        return Verdict(None, f"{why} No single option is near it.")
    return Verdict(choice, why, sure, (row.span,))


def _miss(option: str, time: float) -> float:
    """Seconds from a time to the moment or stretch an option names."""
    times = read_clock(option)
    if not times:
        return float("inf")
    return max(min(times) - time, time - max(times), 0.0)


def _pick_fitting(plan: Plan, rows: Sequence[Row], options: Sequence[str], sure: float) -> Verdict:
    support = [max(_support(plan.asks, row, option) for row in rows) for option in options]
    best = max(support)
    fitting = [i for i, value in enumerate(support) if value == best]
    if best <= 0 or len(fitting) != 1:
        which = "none" if best <= 0 else "more than one"
        return Verdict(None, f"Of the options, {which} fits what the shots show.")
    choice = fitting[0]
    chosen = [row for row in rows if _support(plan.asks, row, options[choice]) == best]
    told = "; ".join(dict.fromkeys(row.story() for row in chosen[:3]))
    if len(rows) > 1 and sum(value > 0 for value in support) > 1:
        sure = 0.6
    return Verdict(choice, _capital(f"{told}."), sure, tuple(row.span for row in chosen))


def _support(asks: str, row: Row, option: str) -> float:
    """How much of an option a shot shows: the facts that agree, or 0 when any does not."""
    if strange_words(option):
        return 0
    facts, seen = read_facts(option), row.facts
    assert seen is not None
    if asks in ("colour", "new_colour") and not {"shape", "motion", "event"} & facts.said.keys():
        return float(facts.colour is not None and facts.colour == getattr(seen, asks))
    for name, value in facts.said.items():
        if name == "colour":
            if value not in (seen.colour, seen.new_colour):
                return 0
        elif value != getattr(seen, name):
            return 0
    told = float(len(facts.said))
    if facts.colour is not None and facts.colour != seen.colour:
        told -= 0.5  # a name it only has later
    if asks == "story" and facts.event is None and seen.event != "none":
        told -= 0.5  # half of the story
    return told


def _tell(asks: str, row: Row) -> str:
    """What is asked for, in words."""
    facts = row.facts
    assert facts is not None
    if asks in ("colour", "new_colour", "shape"):
        return str(getattr(facts, asks))
    if asks == "motion":
        return f"it {_MOTIONS[facts.motion or 'still']}"
    return f"the {facts.colour} {facts.shape}" if asks == "thing" else row.story()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
