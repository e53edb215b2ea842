"""The words of the procedural world: what a phrase says of a moving coloured shape.

Whatever holds a word from outside this vocabulary is not about that world, and is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from rlm.errors import UsageError
from rlm.spans import parse_time

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "cyan", "white")
_SHAPES = {
    "circle": "circles?|discs?|balls?",
    "square": "squares?|box|boxes",
    "triangle": "triangles?",
    "ring": "rings?|hoops?",
    "cross": "cross|crosses|plus signs?",
}
_EVENTS = {
    "recolour": r"chang\w* (?:its |their )?colou?rs?|colou?r chang\w*",
    "vanish": r"disappear\w*|vanish\w*",
    "appear": r"appear\w*",
    "stop": r"stop\w*|com\w+ to (?:a )?(?:rest|stop|halt)",
    "bounce": r"bounc\w*",
    "turn": r"turn\w* (?:around|back)|revers\w*",
}
_STILL = (
    r"(?:stay|stand|remain|keep|is|are)\w* (?:still|in place|motionless)"
    r"|(?:does|do|did)(?: not|n't) move|(?:never|not) mov\w+|without moving"
)
_COLOUR = "|".join(COLOURS)
_NEW_COLOUR = (
    r"(?:turn|becom|chang)\w*(?: its)?(?: colour)?(?: (?:in)?to)? "
    rf"(?:from (?P<old>{_COLOUR}) to )?(?P<new>{_COLOUR})"
)
_SIDES = {"left": "left", "right": "right", "top": "up", "bottom": "down"}
_ACROSS = r"from (?:the )?(?:left|right|top|bottom) (?:side )?to (?:the )?(left|right|top|bottom)"
_CLOCK = r"\d+:\d\d(?::\d\d)?(?:\.\d+)?|\d+(?:\.\d+)?(?= ?s(?:econds?)?\b)"
_COUNTING = "no one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: number for number, word in enumerate(_COUNTING.split())}
_NUMBERS |= {"none": 0, "zero": 0, "once": 1, "twice": 2}

# Words a question about this world is made of, beside the ones above.
_PLAIN_WORDS = """
a about after afterwards all an and any are as at away be become becomes becoming been before
begin beginning begins being bottom by can change changed changes changing clip colour coloured
colours come comes contain contains diagonally did different direction directly distinct do does
doesn doing down downwards drift drifts earlier edge edges end ends ever fifth film film's first
following for fourth frame from glide glides go goes had happen happened happening happens has
have having head heads how immediately in into is it its just kind last later left leftwards lower
make makes many moment motion move moved movement moves moving new next nowhere number object
objects occur occurs of off often on once one ones or out over picture place point preceding rest
right rightwards s scene scenes screen second seconds see seen shape shapes shot shots show
showing shown shows side sides slide slides so some something start starts stay stays still t that
the their them then there these they thing things third this those time times to top total towards
travel travels turn turned turning turns up upper upwards video visible wall walls was way were
what when where which whole will with
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())


@dataclass(frozen=True)
class Facts:
    """What is said of a thing: any of its colour, shape, first direction and event."""

    colour: str | None = None
    shape: str | None = None
    motion: str | None = None
    event: str | None = None
    new_colour: str | None = None

    @property
    def said(self) -> dict[str, str]:
        """The facts that are said, by name."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in pairs if value is not None}

    def as_code(self) -> str:
        """The arguments of ``find(...)``: ``colour="red", shape="circle"``."""
        return ", ".join(f'{name}="{value}"' for name, value in self.said.items())


def plain(text: str) -> str:
    """Lower case, British spelling, single spaces."""
    text = re.sub(r"\bcolor", "colour", text.lower().replace("’", "'"))
    return " ".join(text.split())


def read_facts(text: str) -> Facts:
    """What a phrase says of a thing; what it leaves open is ``None``."""
    rest, event, old, new = plain(text), None, None, None
    if found := re.search(rf"\b{_NEW_COLOUR}\b", rest):
        event, old, new = "recolour", found["old"], found["new"]
        rest = rest[: found.start()] + rest[found.end() :]
    for name, pattern in _EVENTS.items():
        if event is None and re.search(rf"\b(?:{pattern})\b", rest):
            event = name
    colour = old or _first(COLOURS, rest)
    shape = next((s for s, p in _SHAPES.items() if re.search(rf"\b(?:{p})\b", rest)), None)
    return Facts(colour, shape, _motion(rest), event, new)


def _first(words: tuple[str, ...], text: str) -> str | None:
    found = re.search(rf"\b(?:{'|'.join(words)})\b", text)
    return found[0] if found else None


def _motion(text: str) -> str | None:
    if re.search(_STILL, text):
        return "still"
    if across := re.search(_ACROSS, text):
        return _SIDES[across[1]]
    # "the lower right before it stops" is a place, "shown right before it" is not.
    placed = "".join(f"(?<!{word} )" for word in ("the", "to", "up", "upper", "down", "lower"))
    text = re.sub(rf"{placed}\b(?:right|just) (?=after|before|away|at)", "", text)
    upright = "up" if re.search(r"\b(?:up|upwards?|upper|top)\b", text) else ""
    upright = upright or ("down" if re.search(r"\b(?:down\w*|lower|bottom)\b", text) else "")
    side = re.search(r"\b(left|right)(?:wards?)?\b", text)
    return "-".join(filter(None, (upright, side[1] if side else ""))) or None


def read_clock(text: str) -> list[float]:
    """The times a phrase names, in seconds."""
    times = []
    for found in re.findall(_CLOCK, plain(text)):
        try:
            times.append(parse_time(found))
        except UsageError:
            continue
    return times


def read_number(text: str) -> int | None:
    """The one number a phrase is: ``"3"``, ``"three"``, ``"3 shots"``, ``"twice"``."""
    for word in re.findall(r"\d+|[a-z]+", plain(text)):
        if word.isdigit():
            return int(word)
        if word in _NUMBERS:
            return _NUMBERS[word]
    return None


def is_compound(text: str) -> bool:
    """Whether a phrase weighs things against each other or denies one: more than it is read as."""
    rest = re.sub(rf"\b{_NEW_COLOUR}\b|{_STILL}", " ", plain(text))
    colours = set(re.findall(rf"\b(?:{_COLOUR})\b", rest))
    shapes = [name for name, pattern in _SHAPES.items() if re.search(rf"\b(?:{pattern})\b", rest)]
    return len(colours) > 1 or len(shapes) > 1 or bool(re.search(r"\b(?:or|no|not)\b|n't", rest))


def strange_words(text: str) -> list[str]:
    """The words that do not belong to this world, in order."""
    rest = re.sub(_CLOCK, " ", plain(text))
    for pattern in (*_SHAPES.values(), *_EVENTS.values(), _COLOUR, _STILL):
        rest = re.sub(rf"\b(?:{pattern})\b", " ", rest)
    words = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", rest)
    return [word for word in words if word not in _PLAIN and word not in _NUMBERS]
