"""A seed becomes a film; a film becomes an mp4 with its ground truth and questions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.world.captions import captions
from rlm.world.draw import frames
from rlm.world.questions import ask
from rlm.world.scene import (
    COLOURS,
    EVENTS,
    MOTIONS,
    SHAPES,
    Coat,
    Event,
    Film,
    Ground,
    Leg,
    Point,
    Shot,
    Thing,
)

# All lengths are in seconds or fractions of the picture; 1/64 is a pixel of the smallest encoder.
PIXEL = 1 / 64
SHOT_SECONDS = (5.0, 6.4, 8.0)  # shortest, average, longest
TICK = 0.2  # cuts lie on this grid, which the usual frame rates share
SHORTEST_FILM = 8 * SHOT_SECONDS[0]
RADIUS = (7.2 * PIXEL, 11.5 * PIXEL)
SPEED = (4.0 * PIXEL, 9.0 * PIXEL)
EVENT_AFTER_CUT = (1.4, 2.7)
TURN_ROOM = 8 * PIXEL  # whoever turns around does so clear of the wall, or it would be a bounce
PALETTE = 6  # colours in one film: few enough that each comes back


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


def make_film(seed: int, seconds: float = 75.0) -> Film:
    """A film of about ``seconds`` (to 0.2 s): hard cuts, at least 8 shots, one thing in each.

    A pair of colour and shape names one shot of the film, as long as there are pairs left.
    Raises ``UsageError`` when ``seconds`` is under 40.
    """
    if not (math.isfinite(seconds) and seconds >= SHORTEST_FILM):
        raise UsageError(
            f"a film of 8 shots takes at least {SHORTEST_FILM:.0f} s, not {seconds:g}: ask for more"
        )
    if seed < 0:
        raise UsageError(f"a seed is 0 or more, not {seed}")
    rng = np.random.default_rng(seed)
    palette = [COLOURS[i] for i in np.sort(rng.permutation(len(COLOURS))[:PALETTE])]
    kinds, motions = _Deck(EVENTS, rng), _Deck(MOTIONS, rng)
    pairs = _Deck([(colour, shape) for colour in palette for shape in SHAPES], rng)
    shots: list[Shot] = []
    before = ("", "")
    for span in _spans(seconds, rng):
        kind = kinds.deal()
        moving = kind in ("stop", "bounce", "turn")
        motion = motions.deal(MOTIONS[:-1] if moving else None)
        fresh = [
            (colour, shape)
            for colour in palette
            for shape in SHAPES
            if colour != before[0] and shape != before[1]
        ]
        turned = None
        if kind == "recolour":
            # What it turns into is named as well, so of that shape two colours have to be left.
            twice = [
                (colour, shape)
                for colour, shape in fresh
                if any(c != colour and pairs.left((c, shape)) for c in palette)
            ]
            colour, shape = before = pairs.deal(twice or fresh)
            turned = pairs.deal([(other, shape) for other in palette if other != colour])[0]
        else:
            colour, shape = before = pairs.deal(fresh)
        shots.append(_shot(rng, span, kind, motion, colour, shape, turned))
    return Film(seed, tuple(shots))


def _spans(seconds: float, rng: np.random.Generator) -> Iterator[Span]:
    """Shot spans of varied length that tile the film, on the grid of cuts."""
    shortest, average, longest = SHOT_SECONDS
    total, count = round(seconds / TICK), max(8, round(seconds / average))
    ticks = np.full(count, round(shortest / TICK))
    while ticks.sum() < total:
        ticks[rng.choice(np.flatnonzero(ticks < round(longest / TICK)))] += 1
    ends = np.cumsum(ticks)
    for end, length in zip(ends, ticks, strict=True):
        # Division, not multiplication: k / 5 is the float that "k fifths" prints as.
        yield Span(int(end - length) / round(1 / TICK), int(end) / round(1 / TICK))


def _shot(
    rng: np.random.Generator,
    span: Span,
    kind: str,
    motion: str,
    colour: str,
    shape: str,
    turned: str | None,
) -> Shot:
    time = span.start + round(float(rng.uniform(*EVENT_AFTER_CUT)), 2)
    radius = float(rng.uniform(*RADIUS))
    legs = _legs(rng, span, kind, motion, radius, time)
    visible = Span(time if kind == "appear" else span.start, time if kind == "vanish" else span.end)
    coats = [Coat(span.start, colour)]
    if turned is not None:
        coats.append(Coat(time, turned))
    thing = Thing(
        shape=shape,
        motion=motion,
        radius=radius,
        tilt=float(rng.uniform(-0.15, 0.15)),
        shade=_triple(rng.uniform(-0.05, 0.05, 3)),
        legs=legs,
        coats=tuple(coats),
        visible=visible,
    )
    events = () if kind == "none" else (Event(kind, Span(time, time), 0, turned),)
    ground = Ground(
        colour=_triple(rng.uniform(0.12, 0.37, 3)),
        contrast=float(0.3 * rng.random()) if rng.random() < 0.6 else 0.0,
        seed=int(rng.integers(2**31)),
    )
    return Shot(span, ground, (thing,), events)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 4) for value in values)
    return red, green, blue


def _legs(
    rng: np.random.Generator, span: Span, kind: str, motion: str, radius: float, time: float
) -> tuple[Leg, ...]:
    """A path that keeps the whole thing inside the picture while it is visible."""
    if motion == "still":
        x, y = rng.uniform(radius, 1 - radius, 2)
        return (Leg(span.start, (float(x), float(y)), (0.0, 0.0)),)
    angle = MOTIONS.index(motion) * math.pi / 4 + rng.uniform(-math.pi / 18, math.pi / 18)
    heading = np.array([math.cos(angle), math.sin(angle)])
    wall_axis = int(np.argmax(np.abs(heading)))
    after = heading.copy()
    if kind == "stop":
        after[:] = 0
    elif kind == "turn":
        after *= -1
    elif kind == "bounce":
        after[wall_axis] *= -1

    # The path at speed 1, from where it is at the event: so much back to the start, on to the end.
    corners = [np.zeros(2)]
    if kind != "appear":
        corners.append(-heading * (time - span.start))
    if kind != "vanish":
        corners.append(after * (span.end - time))
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    spare = TURN_ROOM * np.abs(heading) if kind == "turn" else np.zeros(2)
    room = 1 - 2 * radius - spare
    speed = rng.uniform(SPEED[0], min(SPEED[1], float(np.min(room / np.maximum(high - low, 1e-9)))))
    least = radius - speed * low + spare * (heading < 0)
    most = 1 - radius - speed * high - spare * (heading > 0)
    middle = least + rng.random(2) * (most - least)
    if kind == "bounce":
        middle[wall_axis] = 1 - radius if heading[wall_axis] > 0 else radius

    def leg(begin: float, at: np.ndarray, velocity: np.ndarray) -> Leg:
        return Leg(begin, _point(at), _point(velocity))

    first = leg(span.start, middle - speed * heading * (time - span.start), speed * heading)
    if kind in ("stop", "turn", "bounce"):
        return first, leg(time, middle, speed * after)
    return (first,)


def _point(values: np.ndarray) -> Point:
    return round(float(values[0]), 6), round(float(values[1]), 6)


@dataclass(frozen=True, slots=True)
class FilmFiles:
    """Where :func:`write_film` put things."""

    film: Path
    truth: Path
    questions: Path

    @classmethod
    def in_folder(cls, folder: Path | str) -> FilmFiles:
        """Where they are, or would be, in ``folder``."""
        where = Path(folder)
        return cls(where / "film.mp4", where / "truth.json", where / "questions.jsonl")

    def hold(self, seed: int) -> bool:
        """Whether all of them are there, whole, and tell of the film of ``seed``."""
        try:
            told = json.loads(self.truth.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        tells = isinstance(told, dict) and told.get("seed") == seed
        return tells and self.film.exists() and self.questions.exists()


def write_film(
    film: Film, folder: Path | str, *, fps: Fraction | float = 25, side: int = 320
) -> FilmFiles:
    """Write ``film.mp4`` (H.264), ``truth.json`` and ``questions.jsonl`` into ``folder``.

    Pictures are drawn and encoded one by one; none is kept. Raises ``UsageError`` when ``side``
    is odd (4:2:0 video has none) or the folder cannot be made or written.
    """
    if side < 32 or side % 2:
        raise UsageError(f"the side of the picture must be even and at least 32, not {side}")
    files = FilmFiles.in_folder(folder)
    rows = (asdict(question) | {"video": files.film.name} for question in ask(film))
    partial = files.film.with_suffix(".part.mp4")
    try:
        files.film.parent.mkdir(parents=True, exist_ok=True)
        # The truth goes first and comes back last: while it is there, so is all it tells of.
        files.truth.unlink(missing_ok=True)
        _encode(film, partial, Fraction(fps), side)
        partial.replace(files.film)
        files.questions.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        files.truth.write_text(json.dumps(truth(film), indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write a film into {folder}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return files


def truth(film: Film) -> dict[str, object]:
    """The film as JSON: its seed, its cuts and all of its shots, each with captions."""
    return {
        "seed": film.seed,
        "duration": film.span.end,
        "cuts": list(film.cuts),
        "shots": [asdict(shot) | {"captions": captions(shot)} for shot in film.shots],
    }


def _encode(film: Film, path: Path, fps: Fraction, side: int) -> None:
    import av
    from av.video.reformatter import Colorspace

    options = {"crf": "16", "preset": "fast"}
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 6, 6, 6  # SMPTE 170M
        context.color_range = 1  # 16 to 235
        for number, rgb in enumerate(frames(film, fps, side)):
            drawn = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            shown = drawn.reformat(format="yuv420p", dst_colorspace=Colorspace.SMPTE170M)
            shown.pts, shown.time_base = number, 1 / fps
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
