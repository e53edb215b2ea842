"""Anticipation, anomalies and order on films whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from broken import KINDS, moving_film, planted_film
from films import SEED, indexed
from numpy.typing import NDArray

from rlm.index import VideoIndex
from rlm.prediction import anticipate, find_anomalies, order_segments, surprise_curve
from rlm.prediction.anomalies import APART
from rlm.prediction.order import shortest_path
from rlm.prediction.reading import pictures_of
from rlm.prediction.surprise import deviations
from rlm.spans import Span
from rlm.world.captions import Told, describe
from rlm.world.scene import MOTIONS
from rlm.world.windows import motion_of

CONTEXT, AHEAD = 2.0, 1.5  # seconds seen, and foretold
PIECES, PIECE = 5, 1.6  # of a shot that is shuffled; seconds
NEAR = 1.0  # seconds between a break and what was found
Values = NDArray[np.float64]


def anticipated(folder: Path, count: int) -> Iterator[tuple[str, float, float, float]]:
    """How often the way in which a thing moves ``AHEAD`` seconds later is the first of four:
    foretold; if the same went on; by the same text side on what is seen now.

    Half of the things have bounced by then.
    """
    film = moving_film(1, 2 * count, 6.0)
    index = indexed(folder, film, "moving")
    rng = np.random.default_rng(SEED)
    right: dict[bool, list[tuple[bool, bool, bool]]] = {False: [], True: []}
    for shot in film.shots:
        thing = shot.things[0]
        split = shot.span.start + 3.0
        ways = [motion_of([leg for leg in thing.legs if leg.time <= split + t][-1])
                for t in (-CONTEXT, 0.0, AHEAD)]  # fmt: skip
        bounced = ways[1] != ways[2]
        if ways[0] != ways[1] or len(right[bounced]) >= count // 2:
            continue
        others = [way for way in MOTIONS[:8] if way not in ways]
        options = list(dict.fromkeys([ways[2], ways[1]]))
        options += rng.permutation(others)[: 4 - len(options)].tolist()
        texts = [describe([Told(thing.colour, thing.shape, way)]) for way in options]
        seen = Span(split - CONTEXT, split)
        first = anticipate(index, seen, AHEAD, texts)[0].label
        now = index.encoder().encode_text(texts) @ index.embed(seen, "joint").vector
        right[bounced].append((first == texts[0], not bounced, int(now.argmax()) == 0))
    for what, some in (
        ("all", right[False] + right[True]),
        ("it goes on", right[False]),
        ("it bounces", right[True]),
    ):
        means = np.mean(some, axis=0)
        yield what, float(means[0]), float(means[1]), float(means[2])


def anomalies(
    folder: Path, films: int, breaks: int
) -> Iterator[tuple[str, float, float | None, str]]:
    """Precision among as many as were planted, beside frame difference and copying; then how many
    of each kind are found."""
    found: list[float] = []
    differed: list[float] = []
    copied: list[float] = []
    kinds: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for number in range(films):
        planted = planted_film(SEED + number, breaks)
        index = indexed(folder, planted.film, f"planted-{number}")
        times = [time for time, _ in planted.breaks]
        chosen = find_anomalies(index, breaks)
        found += [any(one.start - NEAR <= t <= one.end + NEAR for t in times) for one in chosen]
        for time, kind in planted.breaks:
            kinds[kind].append(any(o.start - NEAR <= time <= o.end + NEAR for o in chosen))
        curve = surprise_curve(index)
        changes = _changes(index, curve.times)
        for scores, hits in ((changes, differed), (np.log(curve.copy_energy), copied)):
            for time in _peaks(index, curve.times, scores, breaks):
                hits.append(any(abs(time + 0.25 - t) <= NEAR + 0.25 for t in times))
    precision = float(np.mean(found))
    what = f"precision of the first {breaks} of {films} films"
    yield what, precision, float(np.mean(differed)), "frame difference"
    yield what, precision, float(np.mean(copied)), "copy of the last"
    for kind, hits in kinds.items():
        yield f"{kind}, found", float(np.mean(hits)), None, ""


def _changes(index: VideoIndex, times: Values) -> Values:
    """The largest difference from picture to picture about each of ``times``."""
    shown = list(pictures_of(index, index.video.span))
    stamps = np.array([time for time, _ in shown])
    pictures = np.stack([picture for _, picture in shown]).astype(np.int16)
    by_picture = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3))
    at = np.clip(np.searchsorted(stamps, times), 1, len(by_picture) - 1)
    return np.log(np.maximum(by_picture[at - 1], by_picture[at]) + 1e-3)


def _peaks(index: VideoIndex, times: Values, scores: Values, count: int) -> list[float]:
    """The highest moments within shots, as far apart and from cuts as those of the tool."""
    cuts = np.array([scene.start for scene in index.scenes()[1:]])
    away = np.array([not ((cuts > t - 1.0) & (cuts < t + 0.5)).any() for t in times])
    own = deviations(scores[away])
    chosen: list[float] = []
    for place in np.argsort(-own):
        time = float(times[away][place])
        if len(chosen) < count and all(abs(time - other) >= APART for other in chosen):
            chosen.append(time)
    return chosen


def ordered(folder: Path, count: int) -> tuple[float, float, int]:
    """Kendall's tau of 5 shuffled pieces of a shot, and that of the order of nearest colours."""
    film = moving_film(2, count, PIECES * PIECE + 0.8)
    index = indexed(folder, film, "ordered")
    rng = np.random.default_rng(SEED)
    told, coloured = [], []
    for shot in film.shots:
        start = shot.span.start + 0.4
        pieces = [Span(start + PIECE * i, start + PIECE * (i + 1)) for i in range(PIECES)]
        shuffled = rng.permutation(PIECES)
        given = [pieces[i] for i in shuffled]
        told.append(tau([int(shuffled[i]) for i in order_segments(index, given).order]))
        coloured.append(tau([int(shuffled[i]) for i in shortest_path(_colours(index, given))]))
    return float(np.mean(told)), float(np.mean(coloured)), count


def tau(order: Sequence[int]) -> float:
    """Kendall's tau of an order against the rising one: 1 the same, -1 backwards."""
    agree = [1 if a < b else -1 for a, b in combinations(order, 2)]
    return float(np.mean(agree))


def _colours(index: VideoIndex, pieces: Sequence[Span]) -> Values:
    """Differences of the colour histograms of last and first pictures."""
    ends = []
    for piece in pieces:
        shown = [picture for _, picture in pictures_of(index, piece)]
        ends.append([_histogram(shown[0]), _histogram(shown[-1])])
    return np.array([[np.abs(a[1] - b[0]).sum() for b in ends] for a in ends])


def _histogram(picture: NDArray[np.uint8]) -> Values:
    bins = (picture // 64).reshape(-1, 3) @ np.array([16, 4, 1])
    return np.bincount(bins, minlength=64) / len(bins)
