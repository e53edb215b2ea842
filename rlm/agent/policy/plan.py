"""From a question's words to the code that finds the shots it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlm.agent.answer import letter
from rlm.agent.policy.words import Facts, is_compound, plain, read_clock, read_facts, strange_words

_ALL_SHOTS = (
    r"how many (?:shots|scenes) (?:are there|are shown|(?:does|do) .* (?:have|contain|show))"
    r"(?: in (?:the|this) (?:film|video|clip))?(?: in total)?"
)
_SHOWN = r"\b(?:there|shown|shows?|seen|see|visible|contains?|have|has)\b"
_WHEN = r"when\b|(?:at |in )?(?:what|which) (?:time|moment|second|point)\b"
_WHETHER = r"(?:is|are|was|were|does|do|did|can)\b"
ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class Plan:
    """How one question is answered.

    ``asks`` is what has to be read off the shots that ``code`` leaves in ``found``: ``count``,
    ``presence``, ``time``, ``colour``, ``new_colour``, ``shape``, ``motion``, ``thing``, ``story``
    or ``summary``. ``intent`` says in words what the code does. ``about`` is the event that a
    question about time speaks of, if any.
    """

    asks: str
    intent: str
    code: str
    about: str | None = None


def make_plan(question: str, options: Sequence[str]) -> Plan | None:
    """The plan for a question about moving coloured shapes; ``None`` when it is about others."""
    text = plain(question).strip(" ?.!")
    if strange_words(text) or is_compound(text):
        return None
    if re.search(r"\bhow (?:many|often)\b", text):
        return _counting(text)
    if re.match(_WHEN, text):
        return _times(text)
    if re.match(_WHETHER, text):
        return _presence(text)
    forms = (_moments, _changes, _order, _ranks, _subject)
    return next((plan for form in forms if (plan := form(text, options))), None)


def _found(expression: str) -> str:
    return f"found = {expression}\n"


def _find(facts: Facts) -> str:
    return f"find({facts.as_code()})" if facts.said else "list(shots)"


def _counting(text: str) -> Plan | None:
    if read_clock(text) or re.search(r"\b(?:before|after|first|last)\b", text):
        return None
    if re.search(r"\b(?:different|distinct) shapes\b", text):
        code = 'found = [*{s["shape"]: s for s in reversed(shots)}.values()]\n'
        return Plan("count", "count the shapes there are", code)
    facts = read_facts(text)
    if not facts.said and not re.fullmatch(_ALL_SHOTS, text):
        return None
    return Plan("count", "count the shots that show it", _found(_find(facts)))


def _is_plain(facts: Facts, text: str) -> bool:
    """Whether the facts are all that a phrase says: its verb is one of them, or "is shown"."""
    if not facts.said or re.search(r"\b(?:before|after)\b", text):
        return False
    return bool(facts.event or facts.motion or re.search(_SHOWN, text))


def _times(text: str) -> Plan | None:
    facts = read_facts(text)
    if not _is_plain(facts, text) or "," in text:
        return None
    return Plan("time", "find the shot and read its time", _found(_find(facts)), facts.event)


def _moments(text: str, options: Sequence[str]) -> Plan | None:
    """What happens next after, last before, or at a time."""
    times = read_clock(text)
    if not times:
        return None
    time = times[0]
    if len(times) > 1:
        return None
    if re.search(r"\bafter\b", text):
        code = (
            f'later = [s for s in shots if s["at"] is not None and s["at"] > {time:g}]\n'
            'found = sorted(later, key=lambda s: s["at"])[:1]\n'
        )
        return Plan("story", f"find the first event after {time:g} s", code)
    if re.search(r"\bbefore\b", text):
        code = (
            f'earlier = [s for s in shots if s["at"] is not None and s["at"] < {time:g}]\n'
            'found = sorted(earlier, key=lambda s: s["at"])[-1:]\n'
        )
        return Plan("story", f"find the last event before {time:g} s", code)
    code = f'found = [s for s in shots if s["start"] <= {time:g} < s["end"]]\n'
    return Plan(_asked(text), f"find the shot at {time:g} s", code)


def _changes(text: str, options: Sequence[str]) -> Plan | None:
    """Which colour something turns, and which it had before."""
    if "colour" not in text:
        return None
    if re.search(r"\bshown (?:right |just )?(?:after|before)\b", text):
        return None
    if re.search(r"colour (?:does|do|did) .*\b(?:turn|become|change)|\bnew colour\b", text) or (
        re.search(r"\bafter(?:wards\b| it\b| doing\b| the change\b| changing\b| turning\b)", text)
    ):
        facts = read_facts(re.sub(r"\bafter.*", "", text))
        facts = Facts(facts.colour, facts.shape, facts.motion, "recolour")
        return Plan("new_colour", "find where it changes colour", _found(_find(facts)))
    if re.search(r"\bbefore (?:it|doing|the change|changing|turning)\b", text):
        facts = read_facts(text)
        return Plan("colour", "find where it changes colour", _found(_find(facts)))
    return None


def _order(text: str, options: Sequence[str]) -> Plan | None:
    """What comes right after or before something."""
    found = re.search(r"\b(after|before|following|preceding|follows|precedes)\b(.*)", text)
    if not found:
        return None
    facts, after = read_facts(found[2]), found[1] in ("after", "following", "follows")
    if not facts.said:
        return None
    subject = f"subject = {_find(facts)}\n"
    if re.match(r"what happens\b", text):
        chosen = 's["at"] > times[0]' if after else 's["at"] < times[0]'
        slot = "[:1]" if after else "[-1:]"
        code = subject + (
            'times = [s["start"] if s["at"] is None else s["at"] for s in subject]\n'
            f'told = [s for s in shots if len(times) == 1 and s["at"] is not None and {chosen}]\n'
            f'found = sorted(told, key=lambda s: s["at"]){slot}\n'
        )
        return Plan("story", f"find the event right {'after' if after else 'before'} it", code)
    step, guard = ("+ 1", 's["end"] < shots[-1]["end"]') if after else ("- 1", 's["number"] > 0')
    code = subject + f'found = [shots[s["number"] {step}] for s in subject if {guard}]\n'
    side = "after" if after else "before"
    return Plan(_asked(text[: found.start()]), f"find it, and the shot right {side} it", code)


def _ranks(text: str, options: Sequence[str]) -> Plan | None:
    """First, second, ..., last: of a kind, of all, or of the options."""
    ranks = re.findall(rf"(?<!at )\b(?:{'|'.join(ORDINALS)}|last)\b", text)
    if len(ranks) != 1:
        return None
    place = -1 if ranks[0] == "last" else ORDINALS.index(ranks[0])
    slot = "[-1:]" if place == -1 else f"[{place}:{place + 1}]"
    if re.search(r"\bof (?:these|the following|them)\b|^what happens\b", text) and options:
        return Plan(
            "story", f"see which of the options is {ranks[0]}", _candidates(options) + slot + "\n"
        )
    facts = read_facts(text)
    kind = "of its kind" if facts.said else "of all"
    return Plan(_asked(text), f"take the {ranks[0]} {kind}", _found(_find(facts) + slot))


def _candidates(options: Sequence[str]) -> str:
    """Code that finds, in the order of time, the shots that any option speaks of."""
    lines = ["candidates = {"]
    for number, option in enumerate(options):
        facts = Facts() if strange_words(option) else read_facts(option)
        if facts.said:
            lines.append(f'    "{letter(number)}": {_find(facts)},')
    lines += ["}", 'found = sorted(sum(candidates.values(), []), key=lambda s: s["start"])']
    return "\n".join(lines)


def _presence(text: str) -> Plan | None:
    facts = read_facts(text)
    if not _is_plain(facts, text):
        return None
    return Plan("presence", "see whether any shot shows it", _found(_find(facts)))


def _subject(text: str, options: Sequence[str]) -> Plan | None:
    """A question about one thing, or about whatever the options say."""
    if re.search(r"\b(?:how long|why|who|before|after)\b", text):
        return None
    facts = read_facts(text)
    if facts.said:
        asks = _asked(text)
        return Plan(asks, "find the shot it is about", _found(_find(facts)))
    if options and re.search(r"\bof (?:these|the following)\b|^what (?:happens|is shown)", text):
        return Plan("story", "see which of the options the film shows", _candidates(options) + "\n")
    if not options and re.match(r"what (?:happens|is shown|can be seen|is to be seen)\b", text):
        return Plan("summary", "tell what the shots show", _found("list(shots)"))
    return None


def _asked(text: str) -> str:
    """What a question wants to know of the thing it leads to."""
    if "colour" in re.sub(r"chang\w* (?:its )?colour", "", text):
        return "colour"
    if re.search(r"\bdirection\b|\bwhich way\b|\bhow .*\bmov|\bwhere .*\b(?:go|mov|head)", text):
        return "motion"
    if re.search(r"\bwhat shape\b|\bshape is the (?:thing|object)", text):
        return "shape"
    if re.search(r"\bwhat (?:does|do|did|happens)\b|\bdoing\b|\bhow\b", text):
        return "story"
    return "thing"
