"""How the code of a question is written: its plan, and the options as data in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlm.agent.answer import letter
from rlm.agent.policy.words import (
    CLOCK,
    NAME,
    PART,
    plain,
    read_clock,
    read_facts,
    read_name,
    read_number,
    strange_words,
)

LIKELY = "found = [one for p, one in row if p > 0.5]\n"

Match = re.Match[str]
Options = Sequence[str]

REF = rf"the (?P<ref>{NAME})(?: in the (?:shot|scene) at (?:about )?(?P<at>{CLOCK}))?"
"""``the red circle in the shot at 12:34``; groups ``ref`` and ``at``."""


@dataclass(frozen=True)
class Plan:
    """How one question is answered: ``intent`` says in words what ``code`` does.

    The code ends with ``found``, the things, events or shots that the answer hangs on, and with
    ``support``, how well each option fits, by its letter; without options with ``told``, the
    answer in words. ``many`` is whether a lot may be told, as of a whole film.
    """

    intent: str
    code: str
    many: bool = False


def support(options: Options, read: Callable[[str], object], fits: str) -> str:
    """Code that sets ``support`` by ``fits``, an expression of ``option``: what ``read`` makes of
    an option's words. Options that say nothing of the kind are left out; no options, no code.
    """
    if not options:
        return ""
    said = [(letter(k), read(o)) for k, o in enumerate(options) if not strange_words(o)]
    lines = [f'    "{name}": {value!r},\n' for name, value in said if value is not None]
    table = "".join(["options = {\n", *lines, "}\n"])
    return f"{table}support = {{k: {fits}\n           for k, option in options.items()}}\n"


def best(fits: str, among: str = "one in found") -> str:
    """Code for the most that an expression comes to."""
    return f"max(({fits}\n                for {among}), default=0)"


def likeliest(fits: str) -> str:
    """Code for the most that an expression comes to for what may be meant, the likelier the more.

    A thing that hardly goes by its name may still tell which option is right, if doubtfully.
    """
    return best(f"p * {fits}", "p, one in row")


def plan(intent: str, code: str, options: Options, told: str) -> Plan:
    """The plan of ``code``, which has to show what it found; ``told`` is an expression."""
    last = "support" if options else f"told={told}"
    return Plan(intent, f"{code}show_evidence(found, {last})\n")


def count(intent: str, found: str, options: Options) -> Plan:
    """The plan that counts what ``found``, an expression, comes to."""
    code = f"found = {found}\n"
    code += support(options, told_number, "near(len(found), option, 0.5)")
    return plan(intent, code, options, "[len(found)]")


def count_likely(intent: str, row: str, options: Options) -> Plan:
    """The plan that counts what is likely of ``row``, an expression of pairs with probabilities."""
    code = f"row = {row}\n{LIKELY}" + support(options, told_number, "counted(row, option)")
    return plan(intent, code, options, "[len(found)]")


def likely(rank: int) -> str:
    """Code that takes the nth of what is likely in ``row``."""
    return f"{LIKELY.rstrip()}{place(rank)}\n"


def find(match: Match) -> str:
    """Code that finds what a question refers to in the form of ``REF``."""
    at = f", at={seconds(match['at'])}" if match["at"] else ""
    return f'row = find("{read_name(match["ref"])}"{at}, ever=False)\n{LIKELY}'


def seconds(clock: str) -> str:
    """``"12:34"`` as code."""
    return f"{read_clock(clock)[0]:g}"


def one_deed(text: str) -> str | None:
    """The deed that a phrase tells, if it is one, and no certain one of several."""
    deeds = read_facts(f"it {text}").deeds
    return deeds[0] if len(deeds) == 1 and not re.search(PART, text) else None


def place(rank: int) -> str:
    """The slice of the nth of a row."""
    return "[-1:]" if rank == -1 else f"[{rank - 1}:{rank}]"


# What is read of an option, as the words of the cells take it; None where it says no such thing.


def told_story(option: str) -> object:
    """``("up", "recolour blue", "stop")``."""
    facts = read_facts(option)
    return (facts.motion, *facts.deeds) if facts.motion or facts.deeds else None


def told_facts(option: str) -> object:
    """``("red circle", "up", "stop")``."""
    facts = read_facts(option)
    return (facts.name, facts.motion, *facts.deeds) if facts.said else None


def told_deed(option: str) -> object:
    """``("stop", "red circle")``."""
    facts = read_facts(option)
    return (facts.deeds[0], facts.name) if facts.deeds else None


def told_name(option: str) -> object:
    """``"red circle"``."""
    return read_name(option) or None


def told_way(option: str) -> object:
    """``"up"``."""
    return read_facts(option).motion


def told_time(option: str) -> object:
    """Seconds; of a stretch its middle."""
    times = read_clock(option)[:2]
    return sum(times) / len(times) if times else None


def told_span(option: str) -> object:
    """``(start, end)`` in seconds."""
    times = read_clock(option)
    return tuple(times) if len(times) == 2 and times[0] < times[1] else None


def told_number(option: str) -> object:
    """A number."""
    return read_number(option)


def told_ref(option: str) -> object:
    """``("red circle", 754)``, as ``find`` takes it."""
    found = re.fullmatch(REF, plain(option))
    return (read_name(found["ref"]), *read_clock(found["at"] or "")[:1]) if found else None
