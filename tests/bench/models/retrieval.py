"""Text to clip: the right one of 100 whose captions all differ."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from loaded import Models, share_first, stack

from rlm.world.captions import Told, describe
from rlm.world.scene import COLOURS, MOTIONS, SHAPES
from rlm.world.train.clips import LabelledClip, Mix, draw_clip
from rlm.world.train.losses import SPOKEN
from rlm.world.train.model import Sizes, Trainee
from rlm.world.train.readers import train_text
from rlm.world.train.recipe import Recipe, Run

POOL = 100
LOOKS = (COLOURS, SHAPES, MOTIONS)


def recall(
    models: Models, rng: np.random.Generator, things: tuple[float, ...], held: bool, pools: int
) -> float:
    """Recall@1 of texts in random wordings among clips of unseen films."""
    mix = Mix(things=things, fast=0.0, cut=0.0, held=held)
    first = []
    for _ in range(pools):
        chosen = _distinct(rng, mix)
        videos = _pooled(models, chosen)
        with torch.inference_mode():
            texts = models.joint.text([describe(clip.told[:SPOKEN], rng) for clip in chosen])
        first.append(share_first(-(texts @ videos.T)))
    return float(np.mean(first))


def _distinct(rng: np.random.Generator, mix: Mix) -> list[LabelledClip]:
    """Clips no two of which tell the same."""
    found: dict[frozenset[Told], LabelledClip] = {}
    while len(found) < POOL:
        clip = draw_clip(rng, mix)
        if clip.told and clip.sure and clip.seen[:, clip.numbers[0]].sum() >= 3:
            found.setdefault(frozenset(clip.told[:SPOKEN]), clip)
    return list(found.values())


@torch.inference_mode()
def _pooled(models: Models, chosen: list[LabelledClip]) -> torch.Tensor:
    return models.joint.pool(models.features(stack(chosen)))


@torch.inference_mode()
def binding(models: Models, rng: np.random.Generator, count: int = 400) -> float:
    """How often a caption of two things is nearer to another wording of it than to the one in
    which the two have changed colours: 0.5 is chance."""
    nearer = []
    while len(nearer) < count:
        one, other = (Told(*(str(rng.choice(names)) for names in LOOKS)) for _ in range(2))
        if one.colour == other.colour or one.shape == other.shape:
            continue
        swapped = (replace(one, colour=other.colour), replace(other, colour=one.colour))
        said = [describe(things, rng) for things in ((one, other), (one, other), swapped)]
        caption, same, wrong = models.joint.text(said)
        nearer.append(bool(caption @ same > caption @ wrong))
    return float(np.mean(nearer))


def heads_on_random(seed: int, steps: int) -> Models:
    """The baseline: the same text side, taught for ``steps`` steps on a random encoder."""
    torch.manual_seed(seed)
    model = Trainee(Sizes())
    with tempfile.TemporaryDirectory() as folder:
        recipe = replace(Recipe(), text_steps=steps, cached=30)
        train_text(model, Run(recipe, seed, Path(folder), tell=lambda line: None))
    return Models.from_trainee(model)
