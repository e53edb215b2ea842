"""A seed becomes a film: what is shown when, how shots follow each other, what flashes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES, Film, Shot, Warp
from rlm.world.shots import FADE_SECONDS, Pair, make_shot, possible

SHOT_SECONDS = (5.0, 6.4, 8.0)  # shortest, average, longest
TICK = 5  # cuts lie on fifths of a second, which the usual frame rates share
FRAME = 25  # flashes and passages begin and end on frames of the usual frame rate
SHORTEST_FILM = 8 * SHOT_SECONDS[0]
PALETTE = 6  # colours in one film: few enough that each comes back
COUNTS = (1,) * 9 + (2,) * 4 + (3,) * 3 + (4, 4, 5, 5)  # how many things there are in 20 shots
FADES = 0.15  # of the transitions; the others are cuts
UNWARPED = 60.0  # films up to here have no passage that stands or runs backwards
SECONDS_PER_WARP = 180.0  # of each kind
WARP_SECONDS = (1.6, 2.4)
WARPED_THINGS = (2, 2, 3)
WARP_ROOM = 0.6  # before it time runs for so much longer than it lasts, after it for a bit longer
MARK_FRAMES = 12
MARKS = (2, 4)
SECONDS_PER_MARK = 120.0  # in films where that makes more of them
MARK_ROOM = 0.6  # from any cut
MARK_APART = 0.4  # from what happens: the frame covers the edge of the picture


Card = TypeVar("Card")


class _Deck(Generic[Card]):
    """Cards dealt in random order, each once before any comes again."""

    def __init__(self, cards: Sequence[Card], rng: np.random.Generator) -> None:
        self._cards, self._rng, self._left = tuple(cards), rng, list[Card]()

    def left(self, card: Card) -> bool:
        """Whether the card can be dealt before all come again."""
        return card in self._left or not self._left

    def deal(self, wanted: Sequence[Card] | None = None) -> Card:
        """The next card, or the next of the ``wanted`` ones."""
        while True:
            for card in self._left:
                if wanted is None or card in wanted:
                    self._left.remove(card)
                    return card
            self._left += [self._cards[i] for i in self._rng.permutation(len(self._cards))]

    def put_back(self, card: Card) -> None:
        """Let a card that was dealt and not used be the next."""
        self._left.insert(0, card)

    def take(self, card: Card) -> None:
        """Use a card out of turn."""
        if card in self._left:
            self._left.remove(card)


def make_film(seed: int, seconds: float = 75.0) -> Film:
    """A film of about ``seconds`` (to 0.2 s): at least 8 shots with 1 to 5 things in each.

    In films of up to 90 s a pair of colour and shape mostly names one thing of the film; in longer
    ones all pairs come back. From a minute on there are passages that stand still and that run
    backwards. Raises ``UsageError`` when ``seconds`` is under 40 or ``seed`` under 0.
    """
    if not (math.isfinite(seconds) and seconds >= SHORTEST_FILM):
        raise UsageError(
            f"a film of 8 shots takes at least {SHORTEST_FILM:.0f} s, not {seconds:g}: ask for more"
        )
    if seed < 0:
        raise UsageError(f"a seed is 0 or more, not {seed}")
    rng = np.random.default_rng(seed)
    spans = list(_spans(seconds, rng))
    kinds_of_warp = _warped(rng, len(spans), seconds)
    director = _Director(rng)
    shots = [director.shot(span, kinds_of_warp.get(number)) for number, span in enumerate(spans)]
    return Film(seed, tuple(_joined(rng, shots)), _marks(rng, shots, seconds))


def _spans(seconds: float, rng: np.random.Generator) -> Iterator[Span]:
    """Shot spans of varied length that tile the film, on the grid of cuts."""
    shortest, average, longest = SHOT_SECONDS
    total, count = round(seconds * TICK), max(8, round(seconds / average))
    ticks = np.full(count, round(shortest * TICK))
    spare = np.repeat(np.arange(count), round((longest - shortest) * TICK))
    ticks += np.bincount(rng.permutation(spare)[: max(0, total - ticks.sum())], minlength=count)
    for end, length in zip(np.cumsum(ticks), ticks, strict=True):
        # Division, not multiplication: k / 5 is the float that "k fifths" prints as.
        yield Span(int(end - length) / TICK, int(end) / TICK)


def _warped(rng: np.random.Generator, count: int, seconds: float) -> dict[int, str]:
    """Which of ``count`` shots have a passage in which time does something else, and what.

    They are spread over the film, and never two in a row.
    """
    if seconds <= UNWARPED:
        return {}
    warped = {}
    parts = max(1, round(seconds / SECONDS_PER_WARP))
    for part in range(parts):
        first, last = part * count // parts, (part + 1) * count // parts - 1
        one, other = np.sort(rng.choice(last - first - 1, 2, replace=False))
        kinds = rng.permutation(["freeze", "reverse"])
        warped[int(first + one)], warped[int(first + other + 1)] = (str(kind) for kind in kinds)
    return warped


class _Director:
    """Decides who is in a shot and what may happen, so that all come back evenly."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._palette = [COLOURS[i] for i in np.sort(rng.permutation(len(COLOURS))[:PALETTE])]
        self._pairs = _Deck([(colour, shape) for colour in self._palette for shape in SHAPES], rng)
        self._counts, self._kinds = _Deck(COUNTS, rng), _Deck(EVENTS, rng)
        self._before: list[Pair] = []

    def shot(self, span: Span, warp: str | None = None) -> Shot:
        """The next shot, with a passage of the kind ``warp`` if that is given."""
        if warp is not None:
            pairs = self._cast(int(self._rng.choice(WARPED_THINGS)))
            moving = [motion for motion in MOTIONS if motion != "still"]
            shot = make_shot(
                self._rng, span, pairs=pairs, kinds=["none"], motions=moving, palette=self._palette
            )
            return replace(shot, warp=_warp(self._rng, span, warp))
        count = self._counts.deal()
        pairs = self._cast(count)
        kinds = [self._kinds.deal(possible(count)) for _ in range(1 if count == 1 else 2)]
        for _ in range(4):
            shot = make_shot(self._rng, span, pairs=pairs, kinds=kinds, palette=self._palette)
            turned = [(event.colour, shot.things[event.thing].shape) for event in shot.events]
            taken = [(colour, shape) for colour, shape in turned if colour is not None]
            if all(self._pairs.left(pair) for pair in taken):
                break
        for pair in taken:
            self._pairs.take(pair)
        happened = [event.kind for event in shot.events if event.cause is None] or ["none"]
        for kind in kinds:
            if kind not in happened:
                self._kinds.put_back(kind)
        return shot

    def _cast(self, count: int) -> list[Pair]:
        """Pairs of different colours; if it can be, new in the film and unlike those before."""
        colours, shapes = ({pair[i] for pair in self._before} for i in (0, 1))
        chosen: list[Pair] = []
        for _ in range(count):
            used = {pair[0] for pair in chosen}
            free = [
                (colour, shape)
                for colour in self._palette
                for shape in SHAPES
                if colour not in used and (colour, shape) not in self._before
            ]
            unlike = [pair for pair in free if pair[0] not in colours and pair[1] not in shapes]
            new, newer = ([p for p in group if self._pairs.left(p)] for group in (free, unlike))
            chosen.append(self._pairs.deal(newer or new or unlike or free))
        self._before = chosen
        return chosen


def _warp(rng: np.random.Generator, span: Span, kind: str) -> Warp:
    """A passage that leaves time for what it runs back over, and for what comes after it."""
    most = (span.duration - 2 * WARP_ROOM) / 2 - 1 / FRAME
    seconds = _framed(rng.uniform(WARP_SECONDS[0], min(WARP_SECONDS[1], most)))
    first, last = span.start + seconds + WARP_ROOM, span.end - WARP_ROOM - seconds
    start = _framed(rng.uniform(first, last))
    return Warp(kind, Span(start, _framed(start + seconds)))


def _framed(time: float) -> float:
    return round(time * FRAME) / FRAME


def _joined(rng: np.random.Generator, shots: Sequence[Shot]) -> Iterator[Shot]:
    """The shots with a fade through black between some, and hard cuts between the others."""
    before = 0.0
    for number, shot in enumerate(shots):
        fades = number + 1 < len(shots) and rng.random() < FADES
        out, after = (
            round(float(rng.uniform(*FADE_SECONDS)), 2) if fades else 0.0 for _ in range(2)
        )
        yield replace(shot, fade_in=before, fade_out=out)
        before = after


def _marks(rng: np.random.Generator, shots: Sequence[Shot], seconds: float) -> tuple[Span, ...]:
    """Flashes of the white frame, in different shots and apart from cuts and events."""
    wanted = max(int(rng.integers(MARKS[0], MARKS[1] + 1)), round(seconds / SECONDS_PER_MARK))
    length = MARK_FRAMES / FRAME
    marks: list[Span] = []
    for number in rng.permutation(len(shots)):
        shot = shots[number]
        first = math.ceil((shot.span.start + MARK_ROOM) * FRAME)
        last = math.floor((shot.span.end - MARK_ROOM) * FRAME) - MARK_FRAMES
        starts = np.arange(first, last + 1) / FRAME
        for event in shot.events:
            early = starts + length + MARK_APART < event.span.start
            starts = starts[early | (starts - MARK_APART > event.span.end)]
        if shot.warp is None and len(starts) and len(marks) < wanted:
            start = float(rng.choice(starts))
            marks.append(Span(start, _framed(start + length)))
    return tuple(sorted(marks, key=lambda mark: mark.start))
