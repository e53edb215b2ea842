"""Search by text and by example over films whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from films import made

from rlm.index import Hit, VideoIndex, fields
from rlm.spans import Span
from rlm.world.captions import Told, describe
from rlm.world.scene import Film, Shot
from rlm.world.train.losses import fits

DEPTH = 50  # hits that are looked through for the first right one
_ENOUGH = 0.5  # of a hit, or of a shot, that has to be shared for the hit to show the shot


def measured(folder: Path, seconds: float, count: int) -> Iterator[tuple[str, float, float]]:
    """Recall at 1 and 5 and mean reciprocal rank, by query and field, each with its chance."""
    film, index = made(folder, seconds)
    rng = np.random.default_rng(int(seconds))
    shots = [film.shots[i] for i in rng.permutation(len(film.shots))]
    texts = [(describe(said, rng), _showing(film, said)) for shot in shots if (said := _told(shot))]
    looks = [(shot.span, _alike(film, shot)) for shot in shots]
    asked = [(text, right) for text, right in texts[:count] if right]
    examples = [(span, right) for span, right in looks if right][:count]
    for name in (*_fields(index, "a red circle"), "all"):
        yield from _scored(index, f"text in {name}", name, asked)
    for name in (*_fields(index, examples[0][0]), "all"):
        yield from _scored(index, f"example in {name}", name, examples)


def _fields(index: VideoIndex, query: str | Span) -> list[str]:
    """The fields that take such a query."""
    able = []
    for name in fields.fields(index):
        try:
            fields.search(index, query, name, 1)
        except fields.UsageError:
            continue
        able.append(name)
    return able


def _scored(
    index: VideoIndex, what: str, field: str, queries: Sequence[tuple[str | Span, list[Span]]]
) -> Iterator[tuple[str, float, float]]:
    ranks, chances = [], []
    for query, right in queries:
        exclude = query if isinstance(query, Span) else None
        hits = fields.search(index, query, field, DEPTH, exclude=exclude)
        ranks.append(_first(hits, lambda hit, right=right: any(_shows(hit, s) for s in right)))
        chances.append(sum(span.duration for span in right) / index.video.span.duration)
    by_chance = np.array(chances)
    first = np.array(ranks)
    yield f"{what}, recall@1", float(np.mean(first == 1)), float(by_chance.mean())
    yield f"{what}, recall@5", float(np.mean(first <= 5)), float((1 - (1 - by_chance) ** 5).mean())
    reciprocal = float(np.mean(1 / first))
    yield f"{what}, mean reciprocal rank", reciprocal, float(_by_chance(by_chance))


def _by_chance(shares: np.ndarray) -> float:
    """The mean reciprocal rank of random rankings in which such shares are right."""
    ranks = np.arange(1, DEPTH + 1)
    first = (1 - shares[:, None]) ** (ranks - 1) * shares[:, None]
    return float((first / ranks).sum(1).mean())


def _first(hits: Sequence[Hit], right: Callable[[Hit], bool]) -> float:
    return next((rank for rank, hit in enumerate(hits, 1) if right(hit)), np.inf)


def _shows(hit: Hit, span: Span) -> bool:
    shared = min(hit.end, span.end) - max(hit.start, span.start)
    return shared >= _ENOUGH * min(hit.end - hit.start, span.duration)


def _told(shot: Shot) -> list[Told]:
    """What is said of a shot: all of its largest things, three at most."""
    if shot.warp is not None:
        return []
    largest = sorted(range(len(shot.things)), key=lambda i: -shot.things[i].radius)[:3]
    return [Told.of(shot.things[i], shot.events_of(i)) for i in largest]


def _showing(film: Film, said: Sequence[Told]) -> list[Span]:
    """Every shot of which what is said is true."""
    return [
        shot.span
        for shot in film.shots
        if fits(said, [Told.of(t, shot.events_of(i)) for i, t in enumerate(shot.things)])
    ]


def _alike(film: Film, shot: Shot) -> list[Span]:
    """The other shots that show the same things, whatever they do."""

    def names(other: Shot) -> frozenset[tuple[str, str]]:
        return frozenset((thing.colour, thing.shape) for thing in other.things)

    own = names(shot)
    return [other.span for other in film.shots if other is not shot and own <= names(other)]
