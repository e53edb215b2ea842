"""The words of the procedural world: what a phrase says of moving coloured shapes.

Whatever holds a word from outside this vocabulary is not about that world, and is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlm.errors import UsageError
from rlm.spans import parse_time

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "cyan", "white")
_HUES = {"violet": "purple", "turquoise": "cyan"}
_SHAPES = {
    "circle": "circles?|discs?|balls?",
    "square": "squares?|box|boxes",
    "triangle": "triangles?",
    "ring": "rings?|hoops?",
    "cross": "cross|crosses|plus signs?",
}
COLOUR = "|".join((*COLOURS, *_HUES))
SHAPE = "|".join(_SHAPES.values())
NAME = rf"(?:(?:{COLOUR}) (?:{SHAPE})|{SHAPE}|something (?:{COLOUR}))"
CLOCK = (
    r"(?<![\d:])(?:\d+:\d\d(?::\d\d)?(?:\.\d+)?(?![\d:])"
    r"|\d+(?:\.\d+)?(?= ?s(?:econds?)?\b)(?: ?s(?:econds?)?\b)?)"
)
_THING = rf"(?:(?:an?|the|another) )?(?:(?P<hit>{NAME})|(?:another )?(?:shape|thing|one)|something)"
# What happens to a thing, in any form of the verb. The longer phrases come first.
_DEEDS = {
    "recolour": (
        rf"(?:turn|becom|becam|chang)\w*(?: its)?(?: colour)?(?: (?:in)?to)? "
        rf"(?:from (?P<old>{COLOUR}) to )?(?P<new>{COLOUR})"
        r"|chang\w* (?:its |their )?colours?|colour chang\w*"
    ),
    "hide": r"(?:goes|go|went|going|hid\w*|pass\w*|mov\w*|disappear\w*) behind (?:an?|the) "
    r"(?:grey )?(?:bar|wall)",
    "vanish": r"disappear\w*|vanish\w*(?: from sight)?|(?:is |be )?(?:suddenly )?gone",
    "appear": r"appear\w*(?: out of nowhere)?|(?:pop|show)s? up(?! and to| to)",
    "stop": r"stop\w*|halt\w*|com\w+ to (?:an? )?(?:rest|stop|halt)",
    "bounce": r"(?:bounc|rebound)\w*(?: back| (?:off|from) the (?:edge|wall|side))?",
    "turn": r"turn\w* (?:around|back)|revers\w*(?: its direction)?"
    r"|(?:goes|go|went|going) back(?: the way it came)?",
    "grow": r"grow\w*|grew|(?:gets?|getting|becom\w*) (?:bigger|larger)",
    "shrink": r"shr[iau]nk\w*|(?:gets?|getting|becom\w*) smaller",
    "enter": r"enter\w*(?: the picture)?(?: from the side)?"
    r"|com(?:e|es|ing) in(?:to (?:view|the picture))?",
    "leave": r"(?:leav|exit)\w*(?: the picture)?"
    r"|(?:goes|go|going|mov\w*) out(?: of (?:view|the picture))?",
    "collide": rf"(?:(?:bump|run|ran|crash)\w* into|collid\w* with|hits?|hitting) {_THING}"
    r"|collid\w*",
    "start": r"(?:start|begin|began)s?(?:ting|ning|ed)? (?:to )?"
    r"(?:mov|glid|slid|travel|drift|go|head)\w*|sets? off",
}
_STILL = (
    r"(?:stay|stand|remain|keep|is|are)\w* (?:still|in place|motionless|at rest)"
    r"|(?:not|never) mov\w*|(?:does|do|did)(?: not|n't) move|at rest|without moving|standing still"
)
_ORBIT = r"(?:\w+ )?(?:round )?in a circle|\w+ round and round|circling|to circle"
# After what can go round, the word for several circles says that it does.
_CIRCLES = rf"\b((?:{SHAPE}|it|that|and|then|shape|something(?: (?:{COLOUR}))?),? )circles\b"
_SIDES = {"left": "left", "right": "right", "top": "up", "bottom": "down"}
_ACROSS = r"from (?:the )?(?:left|right|top|bottom) (?:side )?to (?:the )?(left|right|top|bottom)"
_COUNTING = "no one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: number for number, word in enumerate(_COUNTING.split())}
_NUMBERS |= {"none": 0, "zero": 0, "once": 1, "twice": 2}
_RANKS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
NUMBER = "|".join(_NUMBERS)
NTH = rf"(?:{'|'.join(_RANKS)}|\d+(?:st|nd|rd|th)|last)"
PART = rf"\d|\b(?:{NTH}|{NUMBER})\b"
"""A time, a rank or a number: what says that not all that is so is meant."""

# Words a question about this world is made of, beside the ones above.
_PLAIN_WORDS = """
a about after afterwards all along an and another any are as at away backwards bar bars be become
becomes becoming been before begin beginning begins behind being bottom by camera can change
changed changes changing clip colour coloured colours come comes contain contains corner
diagonally did different direction directly distinct do does doing down downwards drift
drifting drifts during each earlier edge edges end ends entire ever everything film film's first
flash flashes flashing following for fourth frame from glide glides gliding go goes going had
happen happened happening happens has have having head heading heads how if immediately in instead
into is it its just kind last lasts later left leftwards long longest look looked lower make makes
many moment motion motionless move moved movement moves moving new next not nowhere number object
objects occur occurs of off often on once one ones or other otherwise out over part passage
passages picture place play plays point preceding rest right rightwards round run runs s scene
scenes screen second seconds see seen shape shapes shortest shot shots show showing shown shows
side sides slide slides sliding so some something stand stands start starts stay stays still
straight take takes than that the their them then there these they thing things third this those
time times to top total towards travel travelling travels turn turned turning turns up upper
upwards video view visible wall walls was way we were what when where which while white whole will
with would yes
"""
_PLAIN = frozenset((*_PLAIN_WORDS.split(), *_RANKS))


@dataclass(frozen=True)
class Facts:
    """What is said of a thing: any of its colour, shape, first direction and deeds.

    A deed is a kind of event, with what it brings: ``"stop"``, ``"recolour blue"``,
    ``"collide blue square"``.
    """

    colour: str | None = None
    shape: str | None = None
    motion: str | None = None
    deeds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``"red circle"``, ``"red"``, ``"circle"`` or nothing."""
        return " ".join(filter(None, (self.colour, self.shape)))

    @property
    def said(self) -> bool:
        """Whether anything is said."""
        return bool(self.name or self.motion or self.deeds)


def plain(text: str) -> str:
    """Lower case, British spelling, single spaces."""
    text = re.sub(r"\bcolor", "colour", text.lower().replace("’", "'"))
    return " ".join(text.split())


def read_facts(text: str) -> Facts:
    """What a phrase says of a thing; what it leaves open is ``None``."""
    rest, deeds, old = plain(text), list[tuple[int, str]](), None
    for kind, pattern in _DEEDS.items():
        while found := re.search(rf"\b(?:{pattern})(?!\w)", rest):
            more = found.groupdict()
            old = old or _colour(more.get("old") or "")
            what = more.get("new") or more.get("hit") or ""
            deeds.append((found.start(), f"{kind} {read_name(what)}".strip()))
            # The places of the other words stay what they are.
            blank = " " * (found.end() - found.start() - 1) + "\0"
            rest = rest[: found.start()] + blank + rest[found.end() :]
    rest = rest.replace("\0", " ")
    moving = re.sub(_STILL, " ", rest) if any(deed == "start" for _, deed in deeds) else rest
    motion = _motion(moving)
    rest = _without_orbits(rest)
    shape = next((s for s, p in _SHAPES.items() if re.search(rf"\b(?:{p})\b", rest)), None)
    told = tuple(dict.fromkeys(deed for _, deed in sorted(deeds)))
    return Facts(old or _colour(rest), shape, motion, told)


def read_name(text: str) -> str:
    """``"red circle"`` of ``"a red ball"``; what is not said is left out."""
    rest = plain(text)
    shape = next((s for s, p in _SHAPES.items() if re.search(rf"\b(?:{p})\b", rest)), None)
    return " ".join(filter(None, (_colour(rest), shape)))


def _colour(text: str) -> str | None:
    found = re.search(rf"\b(?:{COLOUR})\b", text)
    return _HUES.get(found[0], found[0]) if found else None


def _motion(text: str) -> str | None:
    if re.search(_STILL, text):
        return "still"
    if re.search(_ORBIT, text) or re.search(_CIRCLES, text):
        return "orbit"
    if across := re.search(_ACROSS, text):
        return _SIDES[across[1]]
    # "the lower right before it stops" is a place, "shown right before it" is not.
    placed = "".join(f"(?<!{word} )" for word in ("the", "to", "up", "upper", "down", "lower"))
    text = re.sub(rf"{placed}\b(?:right|just) (?=after|before|away|at)", "", text)
    upright = "up" if re.search(r"\b(?:up|upwards?|upper|top)\b", text) else ""
    upright = upright or ("down" if re.search(r"\b(?:down\w*|lower|bottom)\b", text) else "")
    side = re.search(r"\b(left|right)(?:wards?)?\b", text)
    return "-".join(filter(None, (upright, side[1] if side else ""))) or None


def _without_orbits(text: str) -> str:
    return re.sub(_CIRCLES, r"\1 ", re.sub(_ORBIT, " ", text))


def read_clock(text: str) -> list[float]:
    """The times a phrase names, in seconds."""
    times = []
    for found in re.findall(CLOCK, plain(text)):
        try:
            times.append(parse_time(re.sub(r" ?s(?:econds?)?$", "", found)))
        except UsageError:
            continue
    return times


def read_number(text: str) -> float | None:
    """The one number a phrase is: ``"3"``, ``"three"``, ``"3 shots"``, ``"twice"``, ``"3.5 s"``."""
    if times := read_clock(text):
        return times[0]
    for word in re.findall(r"\d+(?:\.\d+)?|[a-z]+", plain(text)):
        if word[0].isdigit():
            return float(word) if "." in word else int(word)
        if word in _NUMBERS:
            return _NUMBERS[word]
    return None


def read_rank(text: str) -> int | None:
    """The place that the first ordinal of a phrase names, from 1; ``last`` is -1.

    There is no 0th.
    """
    found = re.search(rf"\b{NTH}\b", plain(text))
    if found is None:
        return None
    if found[0] == "last":
        return -1
    return _RANKS.index(found[0]) + 1 if found[0] in _RANKS else int(found[0][:-2]) or None


def is_compound(text: str) -> bool:
    """Whether a phrase weighs things against each other or denies one: more than it is read as."""
    rest = re.sub(_STILL, " ", plain(text))
    for pattern in _DEEDS.values():
        rest = re.sub(rf"\b(?:{pattern})(?!\w)", " ", rest)
    rest = _without_orbits(rest)
    colours = set(re.findall(rf"\b(?:{COLOUR})\b", rest))
    shapes = [name for name, pattern in _SHAPES.items() if re.search(rf"\b(?:{pattern})\b", rest)]
    return len(colours) > 1 or len(shapes) > 1 or bool(re.search(r"\b(?:or|no|not)\b|n't", rest))


def strange_words(text: str) -> list[str]:
    """The words that do not belong to this world and the times that are none, in order."""
    rest = re.sub(CLOCK, lambda clock: " " if read_clock(clock[0]) else clock[0], plain(text))
    for pattern in (*_DEEDS.values(), _ORBIT, SHAPE, COLOUR, _STILL, NTH):
        rest = re.sub(rf"\b(?:{pattern})(?!\w)", " ", rest)
    words = re.findall(r"[^\W\d_]+(?:'[a-z]+)?|\d*:\d[\d:]*", rest)
    return [word for word in words if word not in _PLAIN and word not in _NUMBERS]
