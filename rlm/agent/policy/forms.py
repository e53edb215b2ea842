"""The forms of questions about what is in sight: stories, ways, looks, numbers, lengths of time."""

from __future__ import annotations

import re
from collections.abc import Callable

from rlm.agent.policy.cells import FLASHES, WARPS
from rlm.agent.policy.words import CLOCK, COLOUR, NAME, NTH, SHAPE, read_name, read_rank
from rlm.agent.policy.writing import (
    LIKELY,
    REF,
    Match,
    Options,
    Plan,
    best,
    count_likely,
    find,
    likeliest,
    likely,
    one_deed,
    place,
    plan,
    seconds,
    support,
    told_name,
    told_number,
    told_ref,
    told_span,
    told_story,
    told_time,
    told_way,
)

Form = Callable[[Match, Options], Plan | None]
SHOT = r"(?:shot|scene)"
NEXT_TO = r"(?:right |just |directly |immediately )?(?P<side>after|before)"
AFTER = rf"(?: after (?P<after>{CLOCK}))?"
OF_THESE = r"which (?:one )?of (?:these|the following)"


def _story(match: Match, options: Options) -> Plan:
    code = find(match) + support(options, told_story, likeliest("does(one, *option)"))
    return plan("find it and see what story it tells", code, options, "[tell(t) for t in found]")


def _way(match: Match, options: Options) -> Plan:
    last = bool(re.search(r"end|last", match["when"] or ""))
    code = find(match) + support(options, told_way, likeliest(f"goes(one, option, last={last})"))
    told = f"[way_words(t, last={last}) for t in found]"
    return plan("find it and take the direction of its way", code, options, told)


def _new_colour(match: Match, options: Options) -> Plan:
    code = find(match) + support(options, told_name, likeliest("turns(one, option)"))
    told = "[t.colours[-1] for t in found if t.turned]"
    return plan("find it and see what colour it turns", code, options, told)


def _doer(match: Match, options: Options) -> Plan | None:
    """Something stops at about 12:34. What shape is it?"""
    deed, time = one_deed(match["does"]), seconds(match["at"])
    if deed is None:
        return None
    code = (
        f'events = [e for p, e in happened("{deed}") if p > 0.3 and abs(e.time - {time}) < 3]\n'
        f"found = sorted(events, key=lambda e: abs(e.time - {time}))[:1]\n"
    )
    fits = best(f"p * near(e.time, {time}, 1)", f'p, e in happened("{deed}", option)')
    there = best("goes_by(t, option)", f"t in shot_at({time}).things")
    code += support(options, told_name, f"{fits}\n           + 0.001 * {there}")
    told = "e.thing.shape" if match["fact"] == "shape" else "called(e.thing).split()[1]"
    return plan("look for it about that time", code, options, f"[{told} for e in found]")


def _shots_that_show(match: Match, options: Options) -> Plan:
    row = f'showing("{read_name(match["name"])}")'
    return count_likely("count the shots that show it", row, options)


def _shots_where(match: Match, options: Options) -> Plan | None:
    deed = one_deed(match["do"])
    if deed is None:
        return None
    happened = f'happened("{deed}", "{read_name(match["who"])}")'
    return count_likely("count the shots in which it happens", f"once({happened})", options)


def _things_shown(match: Match, options: Options) -> Plan:
    code = f"found = shot_at({seconds(match['at'])}).things\n"
    code += support(options, told_number, "near(len(found), option, 0.5) * bool(found)")
    told = "[len(found)] if found else []"
    return plan("count the things in that shot", code, options, told)


def _neighbour(match: Match, options: Options) -> Plan:
    step = "+ 1" if match["side"] == "after" else "- 1"
    code = (
        f"place = shot_at({seconds(match['at'])}).number {step}\n"
        "found = [t for t in things if t.shot.number == place]\n"
    )
    code += support(options, told_name, best("goes_by(one, option, ever=True)"))
    told = "[called(t) for t in found]"
    return plan(f"see what the shot right {match['side']} it shows", code, options, told)


def _nth_colour(match: Match, options: Options) -> Plan | None:
    """What colour is the last ring of the film?"""
    rank = read_rank(match["rank"])
    if rank is None:
        return None
    code = f'row = showing("{read_name(match["name"])}")\n'
    fits = f"nth(row, {rank}, lambda t: goes_by(t, option, ever=True))"
    code += support(options, told_name, fits) + likely(rank)
    told = "[t.colours[0] for t in found]"
    return plan(f"take the {match['rank']} of its kind", code, options, told)


def _nth_shot(match: Match, options: Options) -> Plan | None:
    """What colour is the ring in the third shot that shows one? What does it do there?"""
    rank = read_rank(match["nth"])
    if rank is None:
        return None
    since = f", after={seconds(match['after'])}" if match["after"] else ""
    code = f'row = showing("{read_name(match["name"])}"{since})\n'
    if "colour" in match["asked"]:
        read, fits = told_name, "goes_by(t, option, ever=True)"
        told = "[t.colours[0] for t in found]"
    else:
        read, fits, told = told_story, "does(t, *option)", "[tell(t) for t in found]"
    code += support(options, read, f"nth(row, {rank}, lambda t: {fits})")
    code += likely(rank)
    return plan("count the shots that show one", code, options, told)


def _how_long(match: Match, options: Options) -> Plan:
    code, lasts = find(match), "length(one)"
    if "stopped" in match[0]:
        lasts = "one.shot.end - one.time"
        code += (
            f'row = [(p * q, e) for p, t in row for q, e in happened("stop", among=[t])]\n{LIKELY}'
        )
    code += support(options, told_number, likeliest(f"near({lasts}, option, 0.5)"))
    told = f'[f"about {{{lasts}:.1f}} s" for one in found]'
    return plan("find it and measure how long that lasts", code, options, told)


def _longest(match: Match, options: Options) -> Plan | None:
    if not options:
        return None
    shots = "lasts" in match[0]
    one = "(option <= facts.duration, shot_at(option))" if shots else "surest(find(*option))"
    code = support(options, told_time if shots else told_ref, one)
    most = "max" if match["rank"] == "longest" else "min"
    code += (
        "lengths = {k: length(one) for k, (p, one) in support.items() if p > 0.3}\n"
        f"end = {most}(lengths.values(), default=0)\n"
        "found = [support[k][1] for k in lengths if lengths[k] == end]\n"
        "support = {k: p * near(lengths.get(k, np.inf), end, 0.3)\n"
        "           for k, (p, one) in support.items()}\n"
    )
    return plan(f"measure each, and take the {match['rank']}", code, options, "")


def _mark(match: Match, options: Options) -> Plan | None:
    rank = read_rank(match["nth"] or "first")
    if rank is None:
        return None
    code = FLASHES + (
        "marks = flashes()\n"
        'print("white frames at " + ", ".join(f"{t:.2f}" for t in marks))\n'
        f"time = [*marks{place(rank)}, np.nan][0]\n"
        "found = [t for t in shot_at(time).things if t.start - 0.5 < time < t.end + 0.5]\n"
    )
    there = best("goes_by(t, option)", "t in shot_at(time).things")
    fits = f"{best('goes_by(one, option, time)')}\n           + 0.01 * {there}"
    code += support(options, told_name, fits)
    told = "[called(t, time) for t in found]"
    return plan("find the white frames and what is shown then", code, options, told)


def _passage(match: Match, options: Options) -> Plan:
    back = 2 if re.search(r"backward|revers", match[0]) else 1
    code = WARPS
    if options:
        code += support(options, told_span, f"warp(*option, {back})")
        code += (
            "most_gained = max((gain for gain, _, _ in support.values()), default=0)\n"
            "found = [Record(start=a, end=b, things=shot_at(a).things)\n"
            "         for gain, a, b in support.values() if gain == most_gained]\n"
            "support = {k: near(gain, most_gained, 3) * (gain > 0.5)\n"
            "           for k, (gain, _, _) in support.items()}\n"
        )
    else:
        code += (
            f"tried = [warp(a, a + 2, {back}) for shot in shots if shot.things\n"
            "         for a in np.arange(shot.start + 1.5, shot.end - 3, 0.6)]\n"
            "found = [Record(start=a, end=b, things=shot_at(a).things)\n"
            "         for gain, a, b in sorted(tried)[-1:] if gain > 12]\n"
        )
    told = '[f"from {t.start:.1f} to {t.end:.1f} s" for t in found]'
    what = "runs backwards" if back == 2 else "stands still"
    return plan(f"see in which passage time {what}", code, options, told)


_WHEN = r"(?P<when>(?: at| in)?(?: the)? (?:first|last|beginning|start|end))?"
FORMS: tuple[tuple[str, Form], ...] = (
    (rf"what (?:does|did|is) {REF} (?:do|doing)", _story),
    (
        rf"(?:which way|(?:in )?(?:which|what) direction|where) (?:does|do|did|is) {REF} "
        rf"(?:move|go|head|travel)\w*{_WHEN}",
        _way,
    ),
    (
        rf"(?:which|what) colour (?:does|did) {REF} (?:turn|become|change)(?: (?:in)?to)?",
        _new_colour,
    ),
    (
        rf"something (?P<does>[a-z ]+) at (?:about )?(?P<at>{CLOCK})[.,;:]? "
        r"(?:what|which) (?P<fact>colour|shape) is it",
        _doer,
    ),
    (
        rf"how many {SHOT}s show (?P<name>an? (?:{SHAPE})|something (?:{COLOUR})|an? {NAME})",
        _shots_that_show,
    ),
    (
        rf"in how many {SHOT}s (?:does|do|did) "
        rf"(?P<who>an? {NAME}|something(?: (?:{COLOUR}))?) (?P<do>.+)",
        _shots_where,
    ),
    (
        rf"how many (?:things|shapes|objects) (?:does|are (?:there )?in) the {SHOT} at "
        rf"(?P<at>{CLOCK})(?: show)?(?: in all)?",
        _things_shown,
    ),
    (
        rf"(?:{OF_THESE}|what) is shown in the {SHOT} {NEXT_TO} the one at (?P<at>{CLOCK})",
        _neighbour,
    ),
    (rf"what colour is the (?P<rank>{NTH}) (?P<name>{NAME})(?: (?:of|in) the film)?", _nth_colour),
    (
        rf"what (?P<asked>colour is|does) the (?P<name>{NAME})(?: do)? in the (?P<nth>{NTH}) "
        rf"{SHOT}{AFTER} that shows one",
        _nth_shot,
    ),
    (rf"for (?:about )?how long is {REF} to be seen", _how_long),
    (rf"for (?:about )?how long does {REF} stand still after it has stopped", _how_long),
    (rf"{OF_THESE} {SHOT}s lasts (?:the )?(?P<rank>longest|shortest)", _longest),
    (rf"{OF_THESE} is to be seen (?:the )?(?P<rank>longest|shortest)", _longest),
    (
        rf"what is shown while the white frame flashes(?: for the (?P<nth>{NTH}) time)?",
        _mark,
    ),
    (r"(?:which|what) passage (?:runs|plays) (?:backwards?|in reverse)", _passage),
    (r"(?:during|in) (?:which|what) passage does everything stand still", _passage),
)
