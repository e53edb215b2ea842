"""The forms of questions about what happens: in which order, when, because of what."""

from __future__ import annotations

from rlm.agent.policy.forms import AFTER, NEXT_TO, OF_THESE, Form
from rlm.agent.policy.words import NAME, NTH, read_clock, read_facts, read_name, read_rank
from rlm.agent.policy.writing import (
    REF,
    Match,
    Options,
    Plan,
    best,
    find,
    likely,
    one_deed,
    plan,
    seconds,
    support,
    told_deed,
    told_name,
    told_time,
)


def _next_to(match: Match, options: Options) -> Plan | None:
    """What happens right after a red circle stops, or after 12:34?"""
    if times := read_clock(match["what"]):
        code = f"time = {times[0]:g}\nsure = float(time <= facts.duration)\n"
    else:
        facts, deed = read_facts(match["what"]), one_deed(match["what"])
        if deed is None:
            return None
        code = (
            f'sure, event = surest(happened("{deed}", "{facts.name}"))\n'
            "time = event.time if event else 0\n"
        )
    after = match["side"] == "after"
    passed = "e.time - time" if after else "time - e.time"
    slot = "[:1]" if after else "[-1:]"
    code += (
        "found = [e for e in happenings\n"
        f"         if sure > 0.3 and e.p > 0.5 and {passed} > 0.2]{slot}\n"
    )
    fits = "sure * " + best(
        f"p * near({passed}, 0, 8)", f"p, e in happened(*option) if {passed} > 0.2"
    )
    code += support(options, told_deed, fits)
    intent = f"take the event right {match['side']} it"
    return plan(intent, code, options, "[tell(e) for e in found]")


def _extreme(match: Match, options: Options) -> Plan | None:
    """Which of these happens first? Which of these is the last to stop?"""
    if not options:
        return None
    read = told_deed
    if "do" in match.groupdict():
        deed = one_deed(match["do"])
        if deed is None:
            return None

        def read(option: str) -> object:
            return (deed, read_name(option)) if read_name(option) else None

    ahead = ">" if match["rank"] == "last" else "<"
    code = support(options, read, "surest(happened(*option))") + (
        "rated = {k: (p, e) for k, (p, e) in support.items() if e}\n"
        "support = {k: p * np.prod([1 - q for q, other in rated.values()\n"
        f"                            if other.time {ahead} e.time])\n"
        "           for k, (p, e) in rated.items()}\n"
        "order = sorted(support, key=support.get, reverse=True)\n"
        "found = [rated[k][1] for k in order if rated[k][0] > 0.3]\n"
    )
    return plan(f"find when each happens, and take the {match['rank']}", code, options, "")


def _nth_doer(match: Match, options: Options) -> Plan | None:
    """Of all things in the film, which is the third to stop after 12:34?"""
    deed, rank = one_deed(match["do"]), read_rank(match["nth"])
    if deed is None or rank is None:
        return None
    since = seconds(match["after"] or "0:00")
    code = f'row = [(p, e) for p, e in happened("{deed}") if e.time > {since}]\n'
    fits = f"nth(row, {rank}, lambda e: goes_by(e.thing, option, e.time))"
    code += support(options, told_name, fits) + likely(rank)
    told = "[called(e.thing, e.time) for e in found]"
    return plan("put those events in order and count", code, options, told)


def _when(match: Match, options: Options) -> Plan | None:
    deed = one_deed(match["do"])
    if deed is None:
        return None
    code = (
        f'row = happened("{deed}", "{read_name(match["who"])}")\n'
        "found = [e for p, e in row if p > 0.3]\n"
    )
    fits = best("p * near(e.time, option, 1.5)", "p, e in row")
    code += support(options, told_time, fits)
    told = '[f"at about {e.time:.1f} s" for e in found]'
    return plan("find that event and read its time", code, options, told)


def _undone(match: Match, options: Options) -> Plan | None:
    """What would not have happened if the red circle had not been there?"""
    if not options:
        return None
    fits = best(
        "p * q * (1 if e.cause is one else 0.2)",
        "p, one in row for q, e in happened(*option, among=one.shot.things)",
    )
    code = find(match) + support(options, told_deed, fits)
    return plan("see what it brought about by bumping into another", code, options, "")


def _otherwise(match: Match, options: Options) -> Plan:
    """Which of these would have moved otherwise if the red circle had not been there?"""
    code = find(match) + (
        "def hit(one, other):\n"
        '    """Whether they bumped into each other; a little, if they came close."""\n'
        "    pairs = (one, other), (other, one)\n"
        "    met = [event.p for a, b in pairs for event in a.events if event.other is b]\n"
        "    apart = min(abs(other.place - np.interp(other.t, one.t, one.place)))\n"
        "    return max(met, default=0) + 0.1 * near(apart, 0, 0.1)\n"
        "others = [(p * hit(one, t), t)\n"
        "          for p, one in row for t in one.shot.things if t is not one]\n"
    )
    fits = best("p * goes_by(t, option, ever=True)", "p, t in others")
    code += support(options, told_name, fits)
    told = "[called(t) for p, t in others if p > 0.5]"
    return plan("see whom it bumped into", code, options, told)


FORMS: tuple[tuple[str, Form], ...] = (
    (rf"what happens (?:next )?{NEXT_TO} (?P<what>.+)", _next_to),
    (rf"{OF_THESE} happens (?P<rank>first|last)", _extreme),
    (rf"{OF_THESE} is the (?P<rank>first|last) to (?P<do>[a-z ]+)", _extreme),
    (
        rf"(?:of all (?:the )?things in the film,? )?(?:which|what)(?: thing)? is the "
        rf"(?P<nth>{NTH}) to (?P<do>[a-z ]+?){AFTER}",
        _nth_doer,
    ),
    (rf"when (?:does|did) (?P<who>(?:an?|the) {NAME}) (?P<do>.+)", _when),
    (rf"what would not have happened if {REF} had not been there", _undone),
    (
        rf"(?:{OF_THESE}|what) would have moved or looked otherwise if {REF} had not been there",
        _otherwise,
    ),
)
