"""A film as its questions see it: who is in which shot, what happens when, and how to refer to it.

What a question says of the film must not answer another one. So each draft of a question lists
the facts its words tell and the facts it asks for; ``ask`` keeps the two apart.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span, format_time
from rlm.world.captions import a, deed, name, story, worn
from rlm.world.scene import Event, Film, Shot, Thing
from rlm.world.tracks import tracks

CLEAR = 0.6
"""Seconds between a moment a question names and the nearest cut or event that matters to it."""

Fact = tuple[int, int | None, str]
"""Shot number, thing (``None``: the shot itself), and what is told or asked of it.

``"when"`` it is there, ``"what"`` it does, ``"clock"``: at about what time it does so, ``"named"``:
when it does so is asked; of shots also ``"cast"``: who is in it, ``"next"``: what it is next to,
and ``"passage"``: a stretch of it.
"""

# In a passage that runs backwards an event looks like its opposite.
_OPPOSITE = {
    "appear": "vanish",
    "vanish": "appear",
    "grow": "shrink",
    "shrink": "grow",
    "enter": "leave",
    "leave": "enter",
}
# And when time stands still or turns, so does everything.
_ALL_DO = ("stop", "start", "turn")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing in one shot."""

    at: int
    index: int
    shot: Shot

    @property
    def thing(self) -> Thing:
        """The thing itself."""
        return self.shot.things[self.index]

    @property
    def events(self) -> tuple[Event, ...]:
        """What happens to it."""
        return self.shot.events_of(self.index)

    @property
    def name(self) -> str:
        """By its first colour: ``"red circle"``."""
        return name(self.thing)

    @property
    def names(self) -> tuple[str, ...]:
        """By every colour it ever has."""
        return tuple(f"{colour} {self.thing.shape}" for colour in self.thing.colours)

    @property
    def story(self) -> str:
        """``"moves up and then stops"``."""
        return story(self.thing, self.events)

    @property
    def what(self) -> Fact:
        """The fact of what it does."""
        return self.at, self.index, "what"

    @property
    def when(self) -> Fact:
        """The fact of when it is there."""
        return self.at, self.index, "when"

    @property
    def phases(self) -> tuple[Span, ...]:
        """Before, between and after its events."""
        inner = {event.span.start for event in self.events if event.span.start in self.shot.span}
        times = sorted({self.shot.span.start, *inner, self.shot.span.end})
        return tuple(Span(*pair) for pair in pairwise(times))


@dataclass(frozen=True, slots=True)
class Deed:
    """One event, told in words."""

    act: Act
    event: Event

    @property
    def time(self) -> float:
        """When it begins, in seconds."""
        return self.event.span.start

    @property
    def kind(self) -> str:
        """One of ``EVENTS``."""
        return self.event.kind

    @property
    def name(self) -> str:
        """That of the thing as it looks just before."""
        return worn(self.act.thing, self.time)

    @property
    def words(self) -> str:
        """``"turns blue"``."""
        return deed(self.event, self.act.shot)

    @property
    def sentence(self) -> str:
        """``"a red circle turns blue"``."""
        return f"{a(self.name)} {self.words}"

    @property
    def key(self) -> tuple[str, ...]:
        """The same for all events that the sentence could be about."""
        if self.event.other is None:
            return self.name, self.words
        other = worn(self.act.shot.things[self.event.other], self.time)
        return (*sorted((self.name, other)), "collide")

    @property
    def acts(self) -> tuple[Act, ...]:
        """That of its thing, and of what this bumps into."""
        if self.event.other is None:
            return (self.act,)
        return self.act, Act(self.act.at, self.event.other, self.act.shot)

    @property
    def sides(self) -> tuple[Span, ...]:
        """The shot before it, and after it: to see it one must look at both."""
        start, end = self.act.shot.span
        return Span(start, self.time), Span(self.time, end)


class Cast:
    """All acts and deeds of a film."""

    def __init__(self, film: Film) -> None:
        self.film = film
        self._by_shot = tuple(
            tuple(Act(at, index, shot) for index in range(len(shot.things)))
            for at, shot in enumerate(film.shots)
        )
        self.acts = tuple(act for acts in self._by_shot for act in acts)
        self.plain = tuple(act for act in self.acts if act.shot.warp is None)
        """Those in shots where time just passes: the only ones whose doings are asked for."""
        self.warped = tuple(act for act in self.acts if act.shot.warp is not None)
        deeds = (Deed(act, event) for act in self.plain for event in act.events)
        # Of two that bump into each other both are told; it is one event.
        single = {(deed.time, deed.key): deed for deed in deeds}
        self.deeds = tuple(sorted(single.values(), key=lambda deed: deed.time))
        self._spoilt = tuple(shot.span for shot in film.shots if shot.warp is not None)
        self._named = Counter(called for act in self.acts for called in set(act.names))
        self._seen: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._told = Counter(deed.key for deed in self.deeds)

    @cached_property
    def lone(self) -> tuple[Deed, ...]:
        """Deeds whose sentence is true of them alone."""
        return tuple(
            deed
            for deed in self.deeds
            if self._told[deed.key] == 1 and not self.doubtful(deed.kind, named=deed.name)
        )

    @cached_property
    def apart(self) -> frozenset[int]:
        """Places in ``deeds`` of those that nothing else happens close to."""
        times = np.array([-math.inf, *(deed.time for deed in self.deeds), math.inf])
        gaps = np.diff(times) >= CLEAR
        return frozenset(np.flatnonzero(gaps[:-1] & gaps[1:]).tolist())

    def acts_of(self, at: int) -> tuple[Act, ...]:
        """Those of one shot."""
        return self._by_shot[at]

    def seen(self, act: Act) -> Span | None:
        """From when to when it is in sight (to 0.1 s); ``None`` if not whole and in one go."""
        if act.at not in self._seen:
            times = np.arange(act.shot.span.start + 0.05, act.shot.span.end, 0.1)
            self._seen[act.at] = times, tracks(act.shot, times).seen
        times, seen = self._seen[act.at]
        there = np.flatnonzero(seen[:, act.index] > 0.05)
        whole = seen[there, act.index].min(initial=1.0) > 0.95
        if not whole or not len(there) or there[-1] - there[0] >= len(there):
            return None
        return Span(float(times[there[0]]) - 0.05, float(times[there[-1]]) + 0.05)

    def together(self, one: Act, other: Act) -> bool:
        """Whether either's name is heard in the shot of the other."""
        return any(
            act.name in near.names
            for act, its in ((one, other), (other, one))
            for near in self.acts_of(its.at)
        )

    def whens(self, *places: int) -> frozenset[Fact]:
        """When the things of these shots are there."""
        return frozenset(act.when for act in self.acts if act.at in places)

    def kin(self, one: Act, colours: Collection[str]) -> frozenset[Fact]:
        """When it is there, and those of its shape and the ``colours`` that never come back."""
        names = {f"{colour} {one.thing.shape}" for colour in colours}
        once = (act for act in self.acts if act.name in names and self._named[act.name] == 1)
        return frozenset({one.when, *(act.when for act in once)})

    def at(self, time: float) -> int:
        """The number of the shot on screen at ``time``."""
        return bisect_right(self.film.cuts, time)

    def warps(self, span: Span) -> bool:
        """Whether a shot in which time turns lies in ``span``."""
        return any(spoilt.overlap(span) > 0 for spoilt in self._spoilt)

    def doubtful(self, kind: str, *, named: str = "", within: Span | None = None) -> bool:
        """Whether time's own turns let something look as if it did this.

        ``named`` is a name, a colour or a shape that it must have, ``within`` part of the film.
        """
        return any(
            (within is None or act.shot.span.overlap(within) > 0)
            and any(set(named.split()) <= set(called.split()) for called in act.names)
            and (
                kind in _ALL_DO or any(kind in (e.kind, _OPPOSITE.get(e.kind)) for e in act.events)
            )
            for act in self.warped
        )

    def under_way(self, time: float) -> bool:
        """Whether an event that began before ``time`` still goes on, or has hardly ended."""
        return any(deed.time <= time < deed.event.span.end + CLEAR for deed in self.deeds)

    def moment(self, at: int, rng: np.random.Generator, clear_of: Iterable[float] = ()) -> float:
        """A whole second well inside a shot; NaN where there is none.

        It is ``CLEAR`` from its ends, its fades and the times it is to be ``clear_of``.
        """
        shot, avoid = self.film.shots[at], tuple(clear_of)
        low = math.ceil(shot.span.start + shot.fade_in + CLEAR)
        high = math.floor(shot.span.end - shot.fade_out - CLEAR)
        clear = [t for t in range(low, high + 1) if all(abs(t - x) >= CLEAR for x in avoid)]
        return float(rng.choice(clear)) if clear else math.nan

    def clock(self, at: int, rng: np.random.Generator) -> tuple[str, frozenset[Fact]] | None:
        """``"the shot at 12:34"`` without the noun: ``"12:34"``, and what that tells."""
        moment = self.moment(at, rng)
        if math.isnan(moment):
            return None
        return format_time(moment, 0), frozenset({(at, None, "when")})

    def known(self, act: Act) -> bool:
        """Whether its name means it and nothing else in its shot."""
        others = (other for i, other in enumerate(act.shot.things) if i != act.index)
        return not any(
            act.thing.shape == other.shape and set(act.thing.colours) & set(other.colours)
            for other in others
        )

    def refer(self, act: Act, rng: np.random.Generator) -> tuple[str, frozenset[Fact]] | None:
        """``"the red circle in the shot at 12:34"``, and what that tells.

        Where only one thing of the film ever goes by the name, it is enough.
        """
        if not self.known(act):
            return None
        if self._named[act.name] == 1:
            return f"the {act.name}", frozenset()
        clock = self.clock(act.at, rng)
        if clock is None:
            return None
        tells = clock[1] | {act.when, (act.at, None, "cast")}
        return f"the {act.name} in the shot at {clock[0]}", tells
