"""The predictor against copying the last tubelet: what comes next, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from broken import FPS, SPLIT, going_on
from loaded import GRID, TUBELETS, Models, share_first
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlm.spans import Span
from rlm.world.draw import pictures
from rlm.world.scene import Shot
from rlm.world.shots import make_shot
from rlm.world.tracks import positions, tracks
from rlm.world.train.clips import SIDE

CONTEXT = SPLIT // 2  # tubelets that are seen
AHEAD = TUBELETS - CONTEXT
UNPREDICTABLE = ("recolour", "vanish", "stop", "turn", "grow", "shrink")
UNPREDICTED = 0.2  # of the true continuations hold such an event
DETECTED = 0.95  # of the continuations known to be true lie below the threshold
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Horizon:
    """How well one tubelet ahead is foretold: predicted, and by copying the last one seen."""

    cosine: tuple[float, float]
    l1: tuple[float, float]
    pixels: tuple[float, float]


def moving(rng: np.random.Generator, count: int) -> list[tuple[Shot, float]]:
    """Shots of one moving thing in which nothing happens, each with where its window starts."""
    found: list[tuple[Shot, float]] = []
    while len(found) < count:
        shot = make_shot(rng, Span(0.0, 6.0), things=1, kinds=("none",), plain=True)
        if shot.things[0].motion not in ("still", "orbit"):
            found.append((shot, float(rng.uniform(0, 1.9))))
    return found


def window(shot: Shot, begin: float) -> Pictures:
    """16 pictures of a shot with light noise that follows from where it starts."""
    times = begin + np.arange(2 * TUBELETS) / FPS
    noise = np.random.default_rng(int(begin * 1e6)).standard_normal((len(times), SIDE, SIDE, 3))
    noisy = pictures(shot, times, SIDE) + 4 * noise
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def horizons(models: Models, rng: np.random.Generator, count: int) -> list[Horizon]:
    """The four tubelets after four, on moving things that may bounce off the edge."""
    chosen = []
    while len(chosen) < count:
        shot = make_shot(rng, Span(0.0, 6.0), things=1, kinds=("none", "bounce"), plain=True)
        if shot.things[0].motion not in ("still", "orbit"):
            chosen.append((shot, float(rng.uniform(0, 1.9))))
    rgb = np.stack([window(shot, begin) for shot, begin in chosen])
    truth = _future(models.features(rgb))
    expected, last = models.expected(rgb[:, :SPLIT], AHEAD)
    copied = last[:, None].expand_as(expected)
    real = torch.from_numpy(np.stack([_places(shot, begin) for shot, begin in chosen])).float()
    rows = []
    for step in range(AHEAD):
        pair = [(guess[:, step], truth[:, step]) for guess in (expected, copied)]
        cosine = [float(functional.cosine_similarity(a, b, dim=-1).mean()) for a, b in pair]
        l1 = [float((a - b).abs().mean()) for a, b in pair]
        off = [(models.place(a) - real[:, step]).norm(dim=-1).mean() * SIDE for a, _ in pair]
        rows.append(Horizon((cosine[0], cosine[1]), (l1[0], l1[1]), (float(off[0]), float(off[1]))))
    return rows


def _future(features: Tensor) -> Tensor:
    return features.view(len(features), TUBELETS, GRID**2, -1)[:, CONTEXT:]


def _places(shot: Shot, begin: float) -> NDArray[np.float64]:
    """Where the thing is in each tubelet of the future, [AHEAD, 2]."""
    times = begin + np.arange(SPLIT, 2 * TUBELETS) / FPS
    placed: NDArray[np.float64] = tracks(shot, times).position[:, 0].reshape(AHEAD, 2, 2).mean(1)
    return placed


@dataclass(frozen=True)
class Ranking:
    """How often the true future is the first of 32: predicted, copied, shuffled predictions."""

    predicted: float
    copied: float
    shuffled: float
    predicted_place: float
    copied_place: float


def rank(models: Models, rng: np.random.Generator, count: int, alone: bool = True) -> Ranking:
    """The true future among 32 of the same thing on the same ground.

    ``alone``: the candidates' pictures after the split are encoded without those before it, so
    that nothing of the context is in them, nor of them in what is copied.
    """
    others = [(step * math.pi / 4, pace) for step in range(8) for pace in (0.5, 1.0, 1.5, 2.0)]
    others = [other for other in others if other not in ((0.0, 1.0), (math.pi, 1.0))]
    picked = [others[i] for i in rng.permutation(len(others))[:29]]
    ways = [(0.0, 1.0), (math.pi, 1.0), (0.0, 0.0), *picked]
    chosen = moving(rng, count)
    rgb = np.stack([window(going_on(shot, begin), begin) for shot, begin in chosen])
    expected, last = models.expected(rgb[:, :SPLIT], AHEAD)
    far: dict[str, list[Tensor]] = {}
    mixed = expected.roll(1, 0)
    for turn, pace in ways:
        pictures_ = np.stack([window(going_on(s, b, turn, pace), b) for s, b in chosen])
        future = encoded(models, pictures_, alone)
        for name, guess in (("p", expected), ("c", last[:, None]), ("s", mixed)):
            far.setdefault(name, []).append((guess - future).abs().mean((1, 2, 3)))
        place = models.place(future)
        for name, guess in (("pp", expected), ("cp", last[:, None])):
            off = (models.place(guess) - place).norm(dim=-1).mean(1)
            far.setdefault(name, []).append(off)
    true = torch.zeros(count, dtype=torch.int64)
    first = {name: share_first(torch.stack(rows, 1), true) for name, rows in far.items()}
    return Ranking(first["p"], first["c"], first["s"], first["pp"], first["cp"])


def encoded(models: Models, rgb: Pictures, alone: bool) -> Tensor:
    """The future's tokens [B, AHEAD, G^2, hidden] of whole windows."""
    if alone:
        features = models.features(rgb[:, SPLIT:])
        return features.view(len(features), AHEAD, GRID**2, -1)
    return _future(models.features(rgb))


@dataclass(frozen=True)
class Broken:
    """How well one kind of impossible continuation is told from true ones, as AUC."""

    predicted: float
    copied: float
    ratio: float
    place: float
    missed: float


def coherence(
    models: Models, rng: np.random.Generator, count: int
) -> tuple[dict[str, Broken], dict[str, float]]:
    """AUC for each kind of broken continuation, and false alarms on true ones.

    Among the true continuations ``UNPREDICTED`` hold an event that nobody could foresee. The
    threshold is that below which ``DETECTED`` of other, quiet continuations lie.
    """
    chosen = moving(rng, count)
    true = [window(going_on(s, b), b) for s, b in chosen]
    eventful = _eventful(rng, round(count * UNPREDICTED))
    true[: len(eventful)] = [window(s, b) for s, b in eventful]
    calm = [window(going_on(s, b), b) for s, b in moving(rng, count)]
    whole = {"true": true, "calm": calm}
    whole |= {
        "reversed": [window(going_on(s, b, math.pi), b) for s, b in chosen],
        "frozen": [window(going_on(s, b, pace=0.0), b) for s, b in chosen],
        "teleported": [window(going_on(s, b, to=_elsewhere(rng, s, b)), b) for s, b in chosen],
        "swapped": [
            np.concatenate([window(s, b)[:SPLIT], window(replace(s, things=t.things), b)[SPLIT:]])
            for (s, b), (t, _) in zip(chosen, chosen[1:] + chosen[:1], strict=True)
        ],
    }
    energies = {name: _energies(models, np.stack(rgb)) for name, rgb in whole.items()}
    limit = float(energies["calm"]["predicted"].quantile(DETECTED))
    found = {}
    for name in ("reversed", "swapped", "teleported", "frozen"):
        auc = {
            score: _auc(energies["true"][score], energies[name][score])
            for score in ("predicted", "copied", "ratio", "place")
        }
        missed = float((energies[name]["predicted"] <= limit).float().mean())
        found[name] = Broken(**auc, missed=missed)
    alarm = energies["true"]["predicted"] > limit
    few = len(eventful)
    return found, {
        "quiet": float(alarm[few:].float().mean()),
        "with an event": float(alarm[:few].float().mean()),
    }


def _eventful(rng: np.random.Generator, count: int) -> list[tuple[Shot, float]]:
    found: list[tuple[Shot, float]] = []
    while len(found) < count:
        shot = make_shot(rng, Span(0.0, 7.0), things=1, kinds=UNPREDICTABLE, plain=True)
        if shot.things[0].motion in ("still", "orbit") or not shot.events:
            continue
        begin = shot.events[0].span.start - (SPLIT + float(rng.uniform(0.5, 5))) / FPS
        if 0 <= begin <= shot.span.end - 4.1:
            found.append((shot, begin))
    return found


def _elsewhere(rng: np.random.Generator, shot: Shot, begin: float) -> Sequence[float]:
    """A place in the picture at least 14 pixels of 64 from where the thing was last seen."""
    r = shot.things[0].radius
    (here,) = positions(shot.things[0], np.array([begin + (SPLIT - 1) / FPS]))
    while True:
        there = rng.uniform(r, 1 - r, 2)
        if np.hypot(*(there - here)) > 14 / 64:
            return [float(there[0]), float(there[1])]


def _energies(models: Models, rgb: Pictures) -> dict[str, Tensor]:
    expected, last = models.expected(rgb[:, :SPLIT], AHEAD)
    truth = _future(models.features(rgb))
    predicted = (expected - truth).abs().mean((1, 2, 3))
    copied = (last[:, None] - truth).abs().mean((1, 2, 3))
    place = (models.place(expected) - models.place(truth)).norm(dim=-1).mean(1)
    ratio = (predicted / copied).log()
    return {"predicted": predicted, "copied": copied, "ratio": ratio, "place": place}


def _auc(low: Tensor, high: Tensor) -> float:
    """The chance that a broken one scores above a true one."""
    above = (high[:, None] > low[None]).float() + 0.5 * (high[:, None] == low[None]).float()
    return float(above.mean())
