"""Questions about a film with four options each, one of which the film makes true.

Options come from the same film wherever it has enough to offer. A question is only asked when the
thing it speaks of is unique in the film and exactly one option is right; the places of the right
options are spread evenly, and wording and length are the same for right and wrong ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rlm.spans import Span, format_time
from rlm.world.captions import course, deed, name, story
from rlm.world.scene import COLOURS, SHAPES, Event, Film, Shot, Thing

OPTIONS = 4
PER_CATEGORY = 3  # questions of one category in a film
FAR = 5.0  # seconds between the moments offered as options
CLEAR = 0.6  # seconds between a moment named in a question and the nearest event


_HABITS = {
    "recolour": "change colour",
    "appear": "appear out of nowhere",
    "vanish": "disappear",
    "stop": "come to a stop",
    "bounce": "bounce off the wall",
    "turn": "turn around",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the project's question files. ``evidence_time`` is in seconds."""

    id: str
    video: str
    question: str
    options: tuple[str, ...]
    answer_index: int
    category: str
    evidence_time: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question, its answer, and wrong answers to choose from."""

    text: str
    answer: str
    wrong: tuple[str, ...]
    evidence: Span


@dataclass(frozen=True, slots=True)
class _Act:
    """One thing in one shot, and what happens to it."""

    shot: Shot
    thing: Thing
    event: Event | None

    @property
    def story(self) -> str:
        return story(self.thing, self.event)

    @property
    def sentence(self) -> str:
        """``"The red circle turns blue"``; only for an act with an event."""
        assert self.event is not None
        return f"The {name(self.thing)} {deed(self.event)}"


def ask(film: Film, video: str = "film.mp4") -> list[Question]:
    """Up to three questions of each category, the same ones for the same film."""
    rng = np.random.default_rng((film.seed, len(film.shots)))
    acts = [
        _Act(shot, thing, shot.event_of(index))
        for shot in film.shots
        for index, thing in enumerate(shot.things)
    ]
    asked: list[Question] = []
    places: list[int] = []
    for category, write in _CATEGORIES.items():
        drafts = [draft for draft in write(film, acts, rng) if len(draft.wrong) >= OPTIONS - 1]
        for pick in rng.permutation(len(drafts))[:PER_CATEGORY]:
            draft = drafts[pick]
            wrong = [draft.wrong[i] for i in rng.permutation(len(draft.wrong))[: OPTIONS - 1]]
            if not places:
                places = rng.permutation(OPTIONS).tolist()
            place = places.pop()
            asked.append(
                Question(
                    id=f"world-{film.seed}-{len(asked) + 1:02d}",
                    video=video,
                    question=draft.text,
                    options=(*wrong[:place], draft.answer, *wrong[place:]),
                    answer_index=place,
                    category=category,
                    evidence_time=(draft.evidence.start, draft.evidence.end),
                )
            )
    return asked


def _others(items: Sequence[str], *taken: str) -> tuple[str, ...]:
    """The distinct items that are not taken, in order."""
    return tuple(item for item in dict.fromkeys(items) if item not in taken)


def _unique(acts: Sequence[_Act]) -> list[_Act]:
    """Acts whose thing is the only one ever to go by its colour and shape."""
    called = Counter((colour, a.thing.shape) for a in acts for colour in a.thing.colours)
    return [a for a in acts if called[a.thing.colour, a.thing.shape] == 1]


def _descriptive(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    for act in _unique(acts):
        # "turns red" cannot be said of what is red, so it would be no option for it.
        told = [a.story for a in acts if act.thing.colour not in a.thing.colours[1:]]
        # "moves up" would be half right of what "moves up and then stops".
        wrong = [other for other in _others(told) if other not in act.story]
        wording = rng.choice(["What does the {} do?", "What happens to the {} in its shot?"])
        text = str(wording).format(name(act.thing))
        yield _Draft(text, _capital(f"it {act.story}"), _it(wrong), act.shot.span)


def _it(stories: Sequence[str]) -> tuple[str, ...]:
    return tuple(_capital(f"it {told}") for told in stories)


def _direction(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    ways = [course(act.thing.motion) for act in acts]
    for act in _unique(acts):
        first = act.event is not None and act.event.kind in ("turn", "bounce")
        text = f"How does the {name(act.thing)} move{' at first' if first else ''}?"
        way = course(act.thing.motion)
        yield _Draft(text, _capital(f"it {way}"), _it(_others(ways, way)), act.shot.span)


def _attribute(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    worn = [colour for act in acts for colour in act.thing.colours]
    shapes = [act.thing.shape for act in acts]
    stories = [act.story for act in acts]
    named = set(map(id, _unique(acts)))
    for act in acts:
        thing, event = act.thing, act.event
        if event is not None and event.kind == "recolour":
            if sum(a.event is not None and a.event.kind == "recolour" for a in acts) == 1:
                yield _Draft(
                    "What is the colour of the shape that changes colour, before it does so?",
                    *_words(worn, COLOURS, thing.colour),
                    act.shot.span,
                )
            if id(act) in named:
                text = f"Which colour does the {name(thing)} turn?"
                assert event.colour is not None
                wrong = _others(worn, event.colour, thing.colour)
                yield _Draft(text, event.colour.capitalize(), _capitals(wrong), act.shot.span)
        elif sum(act.story in told for told in stories) == 1:
            text = f"What colour is the shape that {act.story}?"
            yield _Draft(text, *_words(worn, COLOURS, thing.colour), act.shot.span)
            text = f"What shape is the thing that {act.story}?"
            yield _Draft(text, *_words(shapes, SHAPES, thing.shape), act.shot.span)


def _words(shown: Sequence[str], known: Sequence[str], right: str) -> tuple[str, tuple[str, ...]]:
    """A one-word answer and the wrong ones: what the film shows, else what there is besides."""
    wrong = _others(shown, right)
    if len(wrong) < OPTIONS - 1:
        wrong = _others([*shown, *known], right)[: OPTIONS - 1]
    return right.capitalize(), _capitals(wrong)


def _counting(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    def draft(text: str, counted: Iterable[_Act]) -> _Draft:
        number = len({act.shot.span for act in counted})
        lowest = number - int(rng.integers(min(number, OPTIONS - 1) + 1))
        numbers = [str(lowest + k) for k in range(OPTIONS)]
        return _Draft(text, str(number), _others(numbers, str(number)), film.span)

    for shape in SHAPES:
        alike = [act for act in acts if act.thing.shape == shape]
        yield draft(f"How many shots show a {shape}?", alike)
    for colour in dict.fromkeys(colour for act in acts for colour in act.thing.colours):
        text = f"In how many shots is something {colour} to be seen?"
        yield draft(text, [act for act in acts if colour in act.thing.colours])
    for kind, words in _HABITS.items():
        told = [act for act in acts if act.event is not None and act.event.kind == kind]
        yield draft(f"In how many shots does the shape {words}?", told)
    still = [act for act in acts if act.thing.motion == "still"]
    yield draft("In how many shots does the shape never move?", still)
    yield draft("How many shots does the film have?", acts)


def _order(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    """What comes right before or after something else."""
    named = _unique(acts)
    for first, second in zip(film.shots, film.shots[1:], strict=False):
        for a in (act for act in named if act.shot is first):
            for b in (act for act in named if act.shot is second):
                both = Span(first.span.start, second.span.end)
                rest = [_noun(act) for act in named if act not in (a, b)]
                text = f"Which shape is shown right after the {name(a.thing)}?"
                yield _Draft(text, _noun(b), _others(rest, _noun(b)), both)
                text = f"Which shape is shown right before the {name(b.thing)}?"
                yield _Draft(text, _noun(a), _others(rest, _noun(a)), both)


def _noun(act: _Act) -> str:
    return f"The {name(act.thing)}"


def _extremes(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    """What comes first or last, of all or of a kind."""
    named = _unique(acts)
    nouns = [_noun(act) for act in named]
    for word, end in (("first", 0), ("last", -1)):
        ended = [act for act in named if act.shot is film.shots[end]]
        if len(ended) == 1:
            noun = _noun(ended[0])
            text = f"Which shape is the {word} one in the film?"
            yield _Draft(text, noun, _others(nouns, noun), ended[0].shot.span)
        for shape in SHAPES:
            alike = [act for act in acts if act.thing.shape == shape]
            if len(alike) < 2:
                continue
            act, worn = alike[end], [colour for a in alike for colour in a.thing.colours]
            if len(act.thing.colours) == 1:
                text = f"What colour is the {word} {shape} in the film?"
                yield _Draft(text, *_words(worn, COLOURS, act.thing.colour), act.shot.span)
        quartet = [named[i] for i in np.sort(rng.permutation(len(named))[:OPTIONS])]
        if len(quartet) == OPTIONS:
            right = quartet.pop(end)
            text = f"Which of these is shown {word}?"
            yield _Draft(text, _noun(right), tuple(map(_noun, quartet)), right.shot.span)


def _next(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    """What happens next after a moment; of later events only the first is offered."""
    told = [act for act in _unique(acts) if act.event is not None]
    happened = sorted(act.event.span.start for act in acts if act.event is not None)
    for act in told:
        assert act.event is not None
        at = act.event.span.start
        earlier = max((time for time in happened if time < at), default=0.0)
        moments = [m for m in range(int(at) + 1) if earlier + CLEAR <= m <= at - CLEAR]
        if not moments:
            continue
        moment = float(rng.choice(moments))
        wrong = _others([a.sentence for a in told], act.sentence)
        text = f"What happens next after {format_time(moment, 0)}?"
        yield _Draft(text, act.sentence, wrong, Span(moment, min(film.span.end, at + 1)))


def _when(film: Film, acts: Sequence[_Act], rng: np.random.Generator) -> Iterator[_Draft]:
    told = [act for act in _unique(acts) if act.event is not None]
    for act in told:
        assert act.event is not None
        chosen = [act.event.span.start]
        for i in rng.permutation(len(told)):
            event = told[i].event
            if event is not None and all(abs(event.span.start - t) >= FAR for t in chosen):
                chosen.append(event.span.start)
        right, *wrong = (f"At about {format_time(time, 0)}" for time in chosen)
        wording = "At what time does the {} {}?" if rng.random() < 0.5 else "When does the {} {}?"
        text = wording.format(name(act.thing), _infinitive(deed(act.event)))
        yield _Draft(text, right, tuple(wrong), act.shot.span)


def _infinitive(words: str) -> str:
    """``"bounces off the wall"`` as ``"bounce off the wall"``."""
    verb, _, rest = words.partition(" ")
    return f"{verb[:-1]} {rest}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _capitals(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_capital, words))


_CATEGORIES: dict[str, Callable[[Film, Sequence[_Act], np.random.Generator], Iterator[_Draft]]] = {
    "descriptive": _descriptive,
    "direction": _direction,
    "attribute": _attribute,
    "counting": _counting,
    "temporal_order": _order,
    "first_last": _extremes,
    "next_event": _next,
    "when": _when,
}
