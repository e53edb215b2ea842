"""What a question of the world means, read off its film by other ways than its writer's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from rlm.spans import parse_time
from rlm.world import Film, Question, Shot
from rlm.world.captions import course, deed, story
from rlm.world.questions.draft import base, does, infinitive, ordinal
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES, Event, Thing
from rlm.world.tracks import tracks

COLOUR, SHAPE, TIME = f"({'|'.join(COLOURS)})", f"({'|'.join(SHAPES)})", r"(\d[\d:]*)"
NAME = f"{COLOUR} {SHAPE}"
KINDS = [kind for kind in EVENTS if kind not in ("none", "collide")]
ORDINALS = {ordinal(number): number for number in range(1, 60)}


def worn(thing: Thing, time: float) -> str:
    """Its colour just before ``time``."""
    return [coat.colour for coat in thing.coats if coat is thing.coats[0] or coat.time < time][-1]


def names(thing: Thing) -> set[str]:
    return {f"{colour} {thing.shape}" for colour in thing.colours}


class Reading:
    """What a question means, read off the film by other ways than its writer's."""

    def __init__(self, film: Film, question: Question) -> None:
        self.film, self.text, self.options = film, question.question, question.options

    def holds(self, option: str) -> bool:
        for pattern, method in self.PATTERNS.items():
            if found := re.fullmatch(pattern, self.text):
                return bool(getattr(self, method)(option, *found.groups()))
        raise AssertionError(f"a new kind of question: {self.text}")

    REF = rf"the {NAME}(?: in the shot at {TIME})?"
    PATTERNS = {
        rf"What does {REF} do\?": "story",
        rf"Which way does {REF} move at (first|the end)\?": "way",
        rf"Which colour does {REF} turn\?": "turned",
        rf"Something (.*) at about {TIME}\. What (colour|shape) is it\?": "doer",
        r"How many shots show (.*)\?": "shots_that_show",
        r"In how many shots does (.*)\?": "shots_where",
        rf"How many things does the shot at {TIME} show in all\?": "things",
        r"What happens right (after|before) an? (.*)\?": "follows",
        rf"Which of these is shown in the shot right (after|before) the one at {TIME}\?": "shot",
        r"Which of these happens (first|last)\?": "extreme_event",
        r"Which of these is the (first|last) to (.*)\?": "extreme_doer",
        rf"Of all things in the film, which is the (\w+) to (.*) after {TIME}\?": "nth_doer",
        r"Of all things in the film, which is the (\w+) to (.*)\?": "nth_doer",
        rf"What colour is the (first|last) {SHAPE} of the film\?": "extreme_colour",
        rf"For about how long is {REF} to be seen\?": "in_sight",
        rf"For about how long does {REF} stand still after it has stopped\?": "at_rest",
        r"Which of these (shots lasts|is to be seen) (longest|shortest)\?": "longest",
        rf"What happens next after {TIME}\?": "comes_next",
        rf"What would not have happened if {REF} had not been there\?": "undone",
        rf"Which of these would have moved or looked otherwise if {REF} had not been there\?": (
            "otherwise"
        ),
        rf"What colour is the {SHAPE} in the (\w+) shot(?: after {TIME})? that shows one\?": (
            "nth_colour"
        ),
        rf"What does the ({NAME}) do in the (\w+) shot(?: after {TIME})? that shows one\?": (
            "nth_story"
        ),
        r"When does an? (.*)\?": "when",
        r"What is shown while the white frame flashes(?: for the (\w+) time)?\?": "mark",
        r"Which passage runs backwards\?": "backwards",
        r"During which passage does everything stand still\?": "frozen",
    }

    # What is meant.

    def at(self, time: str) -> Shot:
        return self.film.shot_at(parse_time(time))

    def meant(self, colour: str, shape: str, time: str | None) -> tuple[Shot, int]:
        """The one thing of that name, in the shot or else in the film."""
        shots = [self.at(time)] if time else self.film.shots
        name = f"{colour} {shape}"
        (found,) = (
            (shot, i) for shot in shots for i, t in enumerate(shot.things) if name in names(t)
        )
        assert found[0].things[found[1]].colour == colour
        return found

    @cached_property
    def happened(self) -> list[tuple[float, Shot, Event]]:
        """All that happens, in order."""
        events = [
            (event.span.start, shot, event) for shot in self.film.shots for event in shot.events
        ]
        return sorted(events, key=lambda item: item[0])

    def told(self, sentence: str, infinitive: bool = False) -> list[float]:
        """When things happen that could be told so (``"red circle turns blue"``)."""
        times = set()
        for time, shot, event in self.happened:
            thing, words = shot.things[event.thing], deed(event, shot)
            said = f"{worn(thing, time)} {thing.shape} {base(words) if infinitive else words}"
            both = {said}
            if event.other is not None:
                other = shot.things[event.other]
                verb = "bump" if infinitive else "bumps"
                name = f"{worn(thing, time)} {thing.shape}"
                article = "an" if name[0] in "aeiou" else "a"
                both.add(f"{worn(other, time)} {other.shape} {verb} into {article} {name}")
            if sentence in both:
                times.add(time)
        return sorted(times)

    def sentence(self, option: str) -> float:
        """When it happens, which it does once."""
        (time,) = self.told(re.sub("^An? ", "", option))
        return time

    def doings(self, words: str, form: object = infinitive) -> list[tuple[float, Shot, Thing]]:
        """Things that do what an infinitive says, in order."""
        assert callable(form)
        (kind,) = (kind for kind in KINDS if form(kind) == words)
        return [
            (time, shot, shot.things[event.thing])
            for time, shot, event in self.happened
            if event.kind == kind
        ]

    # What is true.

    def story(self, option: str, *ref: str) -> bool:
        shot, index = self.meant(*ref)
        thing, events = shot.things[index], shot.events_of(index)
        parts = [events[:end] for end in range(len(events))]
        assert option not in {f"It {story(thing, part)}" for part in parts}, "half right"
        return option == f"It {story(thing, events)}"

    def seen_to_go(self, option: str) -> bool:
        """Whether a direction is how its thing goes on screen, the camera's motion in it."""
        found = re.fullmatch(rf"Which way does {self.REF} move at (first|the end)\?", self.text)
        assert found is not None
        shot, index = self.meant(*found.groups()[:3])
        start = shot.span.start if found[4] == "first" else shot.span.end - 0.12
        steps = np.diff(tracks(shot, [start + 0.01, start + 0.11]).position[:, index], axis=0)
        if shot.things[index].legs[0 if found[4] == "first" else -1].spin:
            return option == "It moves in a circle"
        x, y = steps[0]
        if math.hypot(x, y) < 1e-6:
            return option == "It stays still"
        turn = math.atan2(y, x) / (math.pi / 4)
        return option == f"It {course(MOTIONS[round(turn) % 8])}"

    def way(self, option: str, *ref: str) -> bool:
        shot, index = self.meant(*ref[:3])
        thing = shot.things[index]
        if ref[3] == "first":
            return option == f"It {course(thing.motion)}"
        times = [shot.span.end - 0.12, shot.span.end - 0.02]
        track = tracks(shot, times)
        x, y = np.diff(track.position[:, index] + track.camera, axis=0)[0]
        if math.hypot(x, y) < 1e-6:
            return option == "It stays still"
        if thing.legs[-1].spin:
            return option == "It moves in a circle"
        turn = math.atan2(y, x) / (math.pi / 4)
        assert abs(turn - round(turn)) < 0.3
        return option == f"It {course(MOTIONS[round(turn) % 8])}"

    def turned(self, option: str, *ref: str) -> bool:
        shot, index = self.meant(*ref)
        return option.lower() in shot.things[index].colours[1:]

    def doer(self, option: str, words: str, time: str, part: str) -> bool:
        found = [
            worn(thing, at) if part == "colour" else thing.shape
            for at, _, thing in self.doings(words, does)
            if abs(at - parse_time(time)) < 2
        ]
        assert len(found) == 1
        return option.lower() == found[0]

    def shots_that_show(self, option: str, what: str) -> bool:
        wanted = set(re.sub("^(something|an?) ", "", what).split())
        shown = [
            shot
            for shot in self.film.shots
            if any(wanted <= set(name.split()) for t in shot.things for name in names(t))
        ]
        return int(option) == len(shown)

    def shots_where(self, option: str, what: str) -> bool:
        found = re.fullmatch(f"(?:something {COLOUR}|an? {SHAPE}) (.*)", what)
        assert found
        shots = {
            shot.span.start
            for time, shot, thing in self.doings(found[3])
            if found[1] in (None, worn(thing, time)) and found[2] in (None, thing.shape)
        }
        return int(option) == len(shots)

    def things(self, option: str, time: str) -> bool:
        return int(option) == len(self.at(time).things)

    def follows(self, option: str, word: str, words: str) -> bool:
        (anchor,) = self.told(words)
        times = sorted({time for time, *_ in self.happened})
        place = times.index(anchor) + (1 if word == "after" else -1)
        return times[place] in self.told(re.sub("^An? ", "", option))

    def shot(self, option: str, word: str, time: str) -> bool:
        place = self.film.shots.index(self.at(time)) + (1 if word == "after" else -1)
        name = re.sub("^An? ", "", option)
        return any(name in names(thing) for thing in self.film.shots[place].things)

    def extreme_event(self, option: str, word: str) -> bool:
        times = sorted(map(self.sentence, self.options))
        return self.sentence(option) == times[0 if word == "first" else -1]

    def extreme_doer(self, option: str, word: str, words: str) -> bool:
        if word == "first":
            return self.first_doer(option, words)
        last = {
            name: [
                time for time, _, t in self.doings(words) if f"{worn(t, time)} {t.shape}" == name
            ]
            for name in (re.sub("^An? ", "", o).lower() for o in self.options)
        }
        assert all(len(times) == 1 for times in last.values())
        mine = re.sub("^An? ", "", option).lower()
        return last[mine] == max(last.values())

    def first_doer(self, option: str, words: str) -> bool:
        offered = {re.sub("^An? ", "", o) for o in self.options}
        doers = (f"{worn(t, time)} {t.shape}" for time, _, t in self.doings(words))
        return next(d for d in doers if d in offered) == re.sub("^An? ", "", option)

    def nth_doer(self, option: str, nth: str, words: str, since: str = "0:00") -> bool:
        doers = [
            f"{worn(t, time)} {t.shape}"
            for time, _, t in self.doings(words)
            if time > parse_time(since)
        ]
        return doers[ORDINALS[nth] - 1] == re.sub("^An? ", "", option)

    def extreme_colour(self, option: str, word: str, shape: str) -> bool:
        things = [t for shot in self.film.shots for t in shot.things if t.shape == shape]
        return things[0 if word == "first" else -1].colours == (option.lower(),)

    def in_sight(self, option: str, *ref: str) -> bool:
        shot, index = self.meant(*ref)
        times = np.arange(shot.span.start, shot.span.end, 0.02)
        seen = 0.02 * float((tracks(shot, times).seen[:, index] > 0.5).sum())
        return abs(seen - int(re.findall(r"\d+", option)[0])) < 0.5

    def at_rest(self, option: str, *ref: str) -> bool:
        shot, index = self.meant(*ref)
        (stop,) = (e.span.start for e in shot.events_of(index) if e.kind == "stop")
        return abs(shot.span.end - stop - int(re.findall(r"\d+", option)[0])) < 0.5

    def longest(self, option: str, what: str, word: str) -> bool:
        def lasts(told: str) -> float:
            if what == "shots lasts":
                return self.at(told.removeprefix("The one at ")).span.duration
            found = re.fullmatch(f"The {NAME} in the shot at {TIME}", told)
            assert found
            shot, index = self.meant(found[1], found[2], found[3])
            times = np.arange(shot.span.start, shot.span.end, 0.02)
            return 0.02 * float((tracks(shot, times).seen[:, index] > 0.5).sum())

        lengths = sorted(map(lasts, self.options), reverse=word == "longest")
        assert abs(lengths[0] - lengths[1]) > 0.6
        return lasts(option) == lengths[0]

    def comes_next(self, option: str, since: str) -> bool:
        following = min(t for t, *_ in self.happened if t > parse_time(since))
        return following in self.told(re.sub("^An? ", "", option))

    def undone(self, option: str, *ref: str) -> bool:
        shot, index = self.meant(*ref)
        return any(event.cause == index for event in shot.events) and (
            self.sentence(option)
            in [event.span.start for event in shot.events if event.cause == index]
        )

    def otherwise(self, option: str, *ref: str) -> bool:
        """Whether it goes its way because of the thing, at first or second hand."""
        shot, index = self.meant(*ref)
        name = re.sub("^An? ", "", option)
        touched = {index}
        for _ in shot.events:
            touched |= {
                one
                for event in shot.events
                for one, other in ((event.thing, event.other), (event.other, event.thing))
                if one is not None and other in touched
            }
        return any(name in names(shot.things[other]) for other in touched - {index})

    def nth(self, wanted: Iterable[str], nth: str, since: str | None) -> tuple[Shot, int]:
        shown = [
            (shot, [i for i, t in enumerate(shot.things) if set(wanted) & {*names(t), t.shape}])
            for shot in self.film.shots
            if since is None or shot.span.start > parse_time(since)
        ]
        shot, indices = [item for item in shown if item[1]][ORDINALS[nth] - 1]
        (index,) = indices
        return shot, index

    def nth_colour(self, option: str, shape: str, nth: str, since: str | None) -> bool:
        shot, index = self.nth([shape], nth, since)
        return shot.things[index].colours == (option.lower(),)

    def nth_story(self, option: str, name: str, *rest: str) -> bool:
        shot, index = self.nth([name], *rest[2:])
        return option == f"It {story(shot.things[index], shot.events_of(index))}"

    def when(self, option: str, words: str) -> bool:
        (time,) = self.told(words, infinitive=True)
        return abs(time - parse_time(option.removeprefix("At about "))) <= 0.5

    def mark(self, option: str, nth: str | None) -> bool:
        assert nth or len(self.film.marks) == 1
        span = self.film.marks[ORDINALS[nth or "first"] - 1]
        shot = self.film.shot_at(span.start)
        name = re.sub("^An? ", "", option)
        seen = tracks(shot, [span.start, span.middle, span.end - 0.01]).seen
        return any(
            name in names(thing) and seen[:, i].min() > 0.5 for i, thing in enumerate(shot.things)
        )

    def backwards(self, option: str) -> bool:
        return self.turns(option, -1.0)

    def frozen(self, option: str) -> bool:
        return self.turns(option, 0.0)

    def turns(self, option: str, rate: float) -> bool:
        start, end = map(parse_time, option.split(" to "))
        middle = (start + end) / 2
        shot = self.film.shot_at(middle)
        assert any(thing.motion != "still" for thing in shot.things)
        return math.isclose(
            shot.moment(middle + 0.1) - shot.moment(middle), rate * 0.1, abs_tol=1e-9
        )
