"""Linear probes on frozen features: what the mean and the maximum over tokens know."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from loaded import Models, clips, stack
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from rlm.spans import Span
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES
from rlm.world.shots import make_shot
from rlm.world.train.clips import LabelledClip, Mix, clip_of

ONE = Mix(things=(1.0, 0.0, 0.0, 0.0, 0.0), fast=0.0, cut=0.0, held=None)
SEVERAL = Mix(things=(0.0, 0.25, 0.25, 0.25, 0.25), fast=0.0, cut=0.0, held=None)
ASKED = (("red", "circle"), ("blue", "square"), ("yellow", "ring"), ("green", "cross"))
POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda tokens: tokens.mean(1),
    "max": lambda tokens: tokens.amax(1),
}
_IN_SIGHT = 3  # tubelets in which the largest thing has to be seen for the gate to ask of it


def one_thing(
    trained: Models, untrained: Models, rng: np.random.Generator, train: int, test: int
) -> Iterator[tuple[str, str, float, float]]:
    """Rows (what, pooling, trained, random initialisation) of accuracy on unseen clips."""
    learned, asked = (clips(rng, count, ONE, _in_sight) for count in (train, test))
    yield from _probed(trained, untrained, learned, asked, {
        "direction": lambda c: MOTIONS.index(str(c.told[0].motion)) if _moves(c) else None,
        "colour": lambda c: COLOURS.index(str(c.told[0].colour)),
        "shape": lambda c: SHAPES.index(str(c.told[0].shape)),
        "event": lambda c: EVENTS.index(c.told[0].events[0][0]) if c.told[0].events else 0,
    })  # fmt: skip


def several_things(
    trained: Models, untrained: Models, rng: np.random.Generator, train: int, test: int
) -> Iterator[tuple[str, str, float, float]]:
    """The same for 2 to 5 things: which way the largest moves, whether a given one is there."""
    learned, asked = (clips(rng, count, SEVERAL, _in_sight) for count in (train, test))
    yield from _probed(trained, untrained, learned, asked, {
        "largest's direction": lambda c: MOTIONS.index(str(c.told[0].motion))
        if _moves(c) else None,
    })  # fmt: skip
    rows: dict[str, list[tuple[float, float]]] = {}
    for pair in ASKED:
        learned, asked = (_with_and_without(rng, pair, n // 2) for n in (train, test))
        there: dict[str, Callable[[LabelledClip], int | None]] = {
            "there": lambda c, pair=pair: int(_shows(c, pair))
        }
        for _, pool, high, low in _probed(trained, untrained, learned, asked, there):
            rows.setdefault(pool, []).append((high, low))
    for pool, found in rows.items():
        high, low = np.mean(found, axis=0)
        yield "is there a red circle? (mean of 4 pairs)", pool, float(high), float(low)


def _in_sight(clip: LabelledClip) -> bool:
    return bool(clip.seen[:, clip.numbers[0]].sum() >= _IN_SIGHT)


def _moves(clip: LabelledClip) -> bool:
    return clip.told[0].motion in MOTIONS[:8]


def _shows(clip: LabelledClip, pair: tuple[str, str]) -> bool:
    return any((told.colour, told.shape) == pair for told in clip.told)


def _with_and_without(
    rng: np.random.Generator, pair: tuple[str, str], count: int
) -> list[LabelledClip]:
    """Half of the clips show the pair; half of the others its colour and its shape apart."""
    found: list[LabelledClip] = []
    while len(found) < count:
        kind = len(found) % 4
        things = int(rng.integers(2, 6))
        others = [(c, s) for c in COLOURS for s in SHAPES if (c, s) != pair]
        pairs = [others[i] for i in rng.permutation(len(others))[:things]]
        if kind < 2:
            pairs[0] = pair
        elif kind == 2:
            pairs[0] = (pair[0], str(rng.choice([s for s in SHAPES if s != pair[1]])))
            pairs[1] = (str(rng.choice([c for c in COLOURS if c != pair[0]])), pair[1])
        if len(set(pairs)) < things:
            continue
        pairs = [pairs[i] for i in rng.permutation(things)]
        shot = make_shot(rng, Span(0.0, 6.0), things=things, pairs=pairs, kinds=("none",))
        clip = clip_of(rng, shot, float(rng.uniform(0, 1.9)), 4.0)
        if len(clip.told) == things and _shows(clip, pair) == (kind < 2):
            found.append(clip)
    return found


def _probed(
    trained: Models,
    untrained: Models,
    learned: Sequence[LabelledClip],
    asked: Sequence[LabelledClip],
    labels: dict[str, Callable[[LabelledClip], int | None]],
) -> Iterator[tuple[str, str, float, float]]:
    features = [
        (m.features(stack(learned)), m.features(stack(asked))) for m in (trained, untrained)
    ]
    for what, label in labels.items():
        known, truth = ([label(clip) for clip in some] for some in (learned, asked))
        for pool, pooled in POOLS.items():
            scores = [_score(pooled(a), known, pooled(b), truth) for a, b in features]
            yield what, pool, scores[0], scores[1]


def _score(
    learned: Tensor, known: Sequence[int | None], asked: Tensor, truth: Sequence[int | None]
) -> float:
    (x, y), (x_new, y_new) = (
        (
            rows.numpy()[[label is not None for label in labels]],
            [v for v in labels if v is not None],
        )
        for rows, labels in ((learned, known), (asked, truth))
    )
    middle, width = x.mean(0), x.std(0) + 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        probe = LogisticRegression(max_iter=300, C=0.3).fit((x - middle) / width, y)
    return float(probe.score((x_new - middle) / width, y_new))
