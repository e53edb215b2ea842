"""From a question's words to the code that answers it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlm.agent.policy import forms, sequences
from rlm.agent.policy.words import (
    COLOUR,
    NTH,
    PART,
    Facts,
    is_compound,
    plain,
    read_clock,
    read_facts,
    read_rank,
    strange_words,
)
from rlm.agent.policy.writing import (
    Options,
    Plan,
    best,
    count,
    count_likely,
    place,
    plan,
    support,
    told_facts,
    told_time,
    told_way,
)

_ALL_SHOTS = (
    r"how many (?:shots|scenes) (?:are there|are shown|(?:does|do) .* (?:have|contain|show))"
    r"(?: in (?:the|this) (?:film|video|clip))?(?: in total)?"
)
_SHOWN = r"\b(?:there|shown|shows?|seen|see|visible|contains?|have|has)\b"
_WHEN = r"when\b|(?:at |in )?(?:what|which) (?:time|moment|second|point)\b"
_WHETHER = r"(?:is|are|was|were|does|do|did|can)\b"
# What no form here looks at: to leave it out would change the question.
_UNREAD = (
    r"\b(?:frames?|flash\w*|camera|passages?|(?:on|in|at) (?:\w+ )?"
    r"(?:upper|lower|left|right|top|bottom|sides?|corners?|start|beginning|end))\b"
)


def make_plan(question: str, options: Sequence[str]) -> Plan | None:
    """The plan for a question about moving coloured shapes; ``None`` when it is about others."""
    text = plain(question).strip(" ?.!")
    if strange_words(text):
        return None
    for pattern, form in (*forms.FORMS, *sequences.FORMS):
        match = re.fullmatch(pattern, text)
        if match is not None and (found := form(match, options)) is not None:
            return found
    if is_compound(text) or re.search(_UNREAD, text):
        return None
    wide = ((r".*\bhow (?:many|often)\b", _counting), (_WHEN, _times), (_WHETHER, _presence))
    for opening, write in wide:
        if re.match(opening, text):
            part = re.search(PART, re.sub(_WHEN, "", text))
            return None if part else write(text, options)
    free = (_moment, _changes, _neighbours, _ranks, _subject)
    return next((found for form in free if (found := form(text, options))), None)


def _things(facts: Facts) -> str:
    """Code for all things of which this is true."""
    name = f'"{facts.name}"' if facts.name else ""
    if facts.deeds:
        deed = f'happened("{facts.deeds[0]}"{name and ", "}{name})'
        return f"[e.thing for p, e in {deed} if p > 0.5]"
    if facts.motion:
        return f'[t for p, t in find({name}) if p * goes(t, "{facts.motion}") > 0.5]'
    return f"[t for p, t in find({name}) if p > 0.5]" if name else "list(things)"


def _about_things(intent: str, code: str, asks: str, options: Options) -> Plan:
    """A plan whose ``code`` leaves things in ``found``, of which ``asks`` is to be told."""
    if asks == "motion":
        code += support(options, told_way, best("goes(one, option)"))
    else:
        code += support(options, told_facts, best("suits(one, *option)"))
    told = {
        "colour": "[t.colours[0] for t in found]",
        "shape": "[t.shape for t in found]",
        "motion": "[way_words(t) for t in found]",
        "thing": "[called(t) for t in found]",
    }.get(asks, "[tell(t) for t in found]")
    return plan(intent, code, options, told)


def _counting(text: str, options: Options) -> Plan | None:
    if re.search(r"\b(?:before|after)\b", text):
        return None
    if re.search(r"\b(?:different|distinct) shapes\b", text):
        found = "[*{t.shape: t for t in reversed(things)}.values()]"
        return count("count the shapes there are", found, options)
    if re.fullmatch(_ALL_SHOTS, text):
        return count("count the shots", "shots", options)
    facts = read_facts(text)
    if not facts.said:
        return None
    shots = re.search(r"\b(?:shots|scenes)\b", text)
    found = _things(facts)
    if shots:
        row = f"once([(1, one) for one in {found}])"
        return count_likely("count the shots that show it", row, options)
    return count("count the things that are so", found, options)


def _is_plain(facts: Facts, text: str) -> bool:
    """Whether the facts are all that a phrase says: its verb is one of them, or "is shown"."""
    if not facts.said or len(facts.deeds) > 1 or re.search(r"\b(?:before|after)\b", text):
        return False
    return bool(facts.deeds or facts.motion or re.search(_SHOWN, text))


def _times(text: str, options: Options) -> Plan | None:
    facts = read_facts(text)
    if not _is_plain(facts, text) or "," in text:
        return None
    if facts.deeds:
        deed = f'happened("{facts.deeds[0]}", "{facts.name}")'
        code = f"found = [e for p, e in {deed} if p > 0.4]\ntimes = [e.time for e in found]\n"
    else:
        code = f"found = {_things(facts)}\ntimes = [t.start for t in found]\n"
    code += support(options, told_time, best("near(time, option, 1.5)", "time in times"))
    told = '[f"at about {time:.1f} s" for time in times]'
    return plan("find it and read its time", code, options, told)


def _moment(text: str, options: Options) -> Plan | None:
    """What is shown at a time."""
    times = read_clock(text)
    if len(times) != 1 or re.search(r"\b(?:after|before)\b", text):
        return None
    code = f"found = shot_at({times[0]:g}).things\n"
    return _about_things(f"look at the shot at {times[0]:g} s", code, _asked(text), options)


def _changes(text: str, options: Options) -> Plan | None:
    """Which colour something turns, and which it had before."""
    if "colour" not in text or re.search(r"\bshown (?:right |just )?(?:after|before)\b", text):
        return None
    if re.search(r"colour (?:does|do|did) .*\b(?:turn|become|change)|\bnew colour\b", text) or (
        re.search(r"\bafter(?:wards\b| it\b| doing\b| the change\b| changing\b| turning\b)", text)
    ):
        name = read_facts(re.sub(r"\bafter.*", "", text)).name
        told, fits = "[t.colours[-1] for t in found]", "turns(one, option[0])"
    elif re.search(r"\bbefore (?:it|doing|the change|changing|turning)\b", text):
        name = read_facts(text).name
        told, fits = "[t.colours[0] for t in found]", "goes_by(one, option[0])"
    else:
        return None
    code = f"found = {_things(Facts(name, deeds=('recolour',)))}\n"
    code += support(options, told_facts, best(fits))
    return plan("find where it changes colour", code, options, told)


def _neighbours(text: str, options: Options) -> Plan | None:
    """What comes right after or before something."""
    found = re.search(r"\b(after|before|following|preceding|follows|precedes)\b(.*)", text)
    if not found or re.match(r"what happens\b", text):
        return None
    facts, after = read_facts(found[2]), found[1] in ("after", "following", "follows")
    if not facts.said or len(facts.deeds) > 1:
        return None
    step, side = ("+ 1", "after") if after else ("- 1", "before")
    code = (
        f"places = [one.shot.number {step} for one in {_things(facts)}]\n"
        "found = [t for t in things if t.shot.number in places]\n"
    )
    asks = _asked(text[: found.start()])
    return _about_things(f"find it, and the shot right {side} it", code, asks, options)


def _ranks(text: str, options: Options) -> Plan | None:
    """First, second, ..., last: of a kind, of all, or of the options."""
    ranks = re.findall(rf"(?<!at )\b(?:{NTH})\b", text)
    rank = read_rank(ranks[0]) if len(ranks) == 1 else None
    if rank is None or re.search(r"\b(?:after|before)\b", text):
        return None
    slot = place(rank)
    if re.search(r"\bof (?:these|the following|them)\b", text) and options:
        code = support(options, told_facts, "[t for t in things if suits(t, *option) > 0.5]")
        code += (
            "found = sorted((t for those in support.values() for t in those),\n"
            f"               key=lambda t: t.start){slot}\n"
            "support = {k: float(any(t is one for t in those for one in found))\n"
            "           for k, those in support.items()}\n"
        )
        return plan(f"see which of the options is {ranks[0]}", code, options, "")
    facts = read_facts(re.sub(rf"\b(?:{NTH})\b", " ", text))
    code = f"found = {_things(facts)}{slot}\n"
    return _about_things(f"take the {ranks[0]} that is so", code, _asked(text), options)


def _presence(text: str, options: Options) -> Plan | None:
    facts = read_facts(text)
    if not _is_plain(facts, text):
        return None
    code = f"found = {_things(facts)}\n"

    def read(option: str) -> object:
        said = re.match(r"yes\b|no\b", plain(option))
        return said[0] == "yes" if said else None

    code += support(options, read, "float(bool(found) == option)")
    return plan("see whether anything is so", code, options, '["yes" if found else "no"]')


def _subject(text: str, options: Options) -> Plan | None:
    """A question about one thing, or about whatever the options say."""
    if re.search(r"\b(?:why|who|before|after|lasts?|longer|larger)\b|how long", text):
        return None
    facts = read_facts(text)
    if facts.said and len(facts.deeds) < 2:
        code = f"found = {_things(facts)}\n"
        return _about_things("find what it is about", code, _asked(text), options)
    if options and re.search(r"\bof (?:these|the following)\b|^what (?:happens|is shown)", text):
        if facts.said or re.search(r"\b(?:moved|long|look)", text):
            return None
        return _about_things(
            "see which option the film shows", "found = things\n", "story", options
        )
    if not options and re.match(r"what (?:happens|is shown|can be seen|is to be seen)\b", text):
        code = "found = things\nshow_evidence(found, told=[tell(t) for t in found])\n"
        return Plan("tell what the things do", code, many=True)
    return None


def _asked(text: str) -> str:
    """What a question wants to know of the thing it leads to."""
    if "colour" in re.sub(rf"chang\w* (?:its )?colour|something (?:{COLOUR})", "", text):
        return "colour"
    if re.search(r"\bdirection\b|\bwhich way\b|\bhow .*\bmov|\bwhere .*\b(?:go|mov|head)", text):
        return "motion"
    if re.search(r"\bwhat shape\b|\bshape is the (?:thing|object)", text):
        return "shape"
    if re.search(r"\bwhat (?:does|do|did|happens)\b|\bdoing\b|\bhow\b", text):
        return "story"
    return "thing"
