"""What is read off a window in words and things: the captioner and the object head."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from loaded import GRID, Models, clips, stack

from rlm.encoders.captioner import Captioner
from rlm.encoders.objects import Sight
from rlm.world.captions import Told, course
from rlm.world.scene import COLOURS, MOTIONS, SHAPES
from rlm.world.train.clips import LabelledClip, Mix, draw_clip
from rlm.world.train.losses import SPOKEN

ONE = (1.0, 0.0, 0.0, 0.0, 0.0)
TWO_OR_THREE = (0.0, 0.5, 0.5, 0.0, 0.0)
SEVERAL = (0.0, 0.25, 0.25, 0.25, 0.25)
_CLAUSE = re.compile(r"\b(?:an?|the) (\w+) (\w+) (.*)")
_NEAR = 4 / 64
# "moves down" is the beginning of "moves down and to the left": the longest wording first.
_COURSES = sorted(MOTIONS, key=lambda motion: -len(course(motion)))


def captioned(
    models: Models,
    captioner: Captioner,
    rng: np.random.Generator,
    things: tuple[float, ...],
    n: int,
) -> tuple[float, float]:
    """Shares of unseen clips (all of the told things right; of single things right).

    Right is: colour, shape and motion as in the truth.
    """
    chosen = clips(rng, n, Mix(things=things, fast=0.0, cut=0.0, held=None), _whole)
    told = captioner.captions(models.features(stack(chosen)))
    whole, single = [], []
    for clip, (text, _) in zip(chosen, told, strict=True):
        said = said_things(text)
        truth = [(t.colour, t.shape, t.motion) for t in clip.told[:SPOKEN]]
        whole.append(sorted(map(str, said)) == sorted(map(str, truth)))
        single += [thing in said for thing in truth]
    return float(np.mean(whole)), float(np.mean(single))


def _whole(clip: LabelledClip) -> bool:
    return bool((clip.seen[:, list(clip.numbers)].sum(0) >= 3).all())


def said_things(text: str) -> list[tuple[str | None, str | None, str | None]]:
    """Colour, shape and first motion of each thing a plain caption speaks of."""
    found = []
    for clause in re.split(r", while |, (?=an? )| and (?=an? )", text):
        if parts := _CLAUSE.search(clause):
            told = Told(parts[1], parts[2], _motion(parts[3]))
            if told.colour in COLOURS and told.shape in SHAPES:
                found.append((told.colour, told.shape, told.motion))
    return found


def _motion(words: str) -> str | None:
    if started := re.search(r"(?:starts|begins) to (.*)", words):
        verb, _, rest = started[1].partition(" ")
        words = f"{verb}s {rest}"
    return next((motion for motion in _COURSES if course(motion) in words), None)


def detected(
    models: Models, rng: np.random.Generator, things: tuple[float, ...], n: int
) -> dict[str, float]:
    """Precision and recall of things per tubelet; of those found, colour, shape, place right."""
    mix = Mix(things=things, fast=0.25, cut=0.1, held=None)
    chosen = [draw_clip(rng, mix) for _ in range(n)]
    features = models.features(stack(chosen))
    sights = models.objects.sights(features.view(n, -1, GRID**2, features.size(-1)))
    found = real = matched = coloured = shaped = 0
    off: list[float] = []
    for clip, seen in zip(chosen, sights, strict=True):
        for tubelet in np.flatnonzero(clip.whole).tolist():  # others show two shots
            here = seen[tubelet]
            there = [i for i in range(clip.seen.shape[1]) if clip.seen[tubelet, i]]
            found, real = found + len(here), real + len(there)
            for i, sight in _pairs(clip, tubelet, there, here):
                matched += 1
                x, y = clip.position[tubelet, i]
                off.append(64 * float(np.hypot(sight.x - x, sight.y - y)))
                coloured += COLOURS[clip.colour[tubelet, i]] == sight.colour
                shaped += SHAPES[clip.shape[tubelet, i]] == sight.shape
    return {
        "precision": matched / max(1, found),
        "recall": matched / max(1, real),
        "colour": coloured / max(1, matched),
        "shape": shaped / max(1, matched),
        "px": float(np.mean(off)) if off else float("nan"),
    }


def _pairs(
    clip: LabelledClip, tubelet: int, there: Sequence[int], here: Sequence[Sight]
) -> list[tuple[int, Sight]]:
    """Each thing with the nearest sight of it that is free, nearest pairs first."""
    away = sorted(
        (float(np.hypot(*(clip.position[tubelet, i] - (sight.x, sight.y)))), i, k)
        for i in there
        for k, sight in enumerate(here)
    )
    taken: set[int] = set()
    paired: dict[int, Sight] = {}
    for distance, i, k in away:
        if distance <= 1.5 * _NEAR and i not in paired and k not in taken:
            paired[i] = here[k]
            taken.add(k)
    return list(paired.items())
