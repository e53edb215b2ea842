"""Text to clip: the right one of 100 whose captions all differ."""

from __future__ import annotations

import numpy as np
import torch
from loaded import Models, stack
from torch import nn

from rlm.world.captions import Told, describe
from rlm.world.train.batches import Batch
from rlm.world.train.clips import Clip, Mix, draw_clip
from rlm.world.train.losses import caption_loss
from rlm.world.train.model import Sizes, Trainee

POOL = 100


def recall(
    models: Models, rng: np.random.Generator, things: tuple[float, ...], held: bool, pools: int
) -> tuple[float, float]:
    """(recall@1, recall@5) of texts in random wordings among clips of unseen films."""
    mix = Mix(things=things, fast=0.0, cut=0.0, held=held)
    first, five = [], []
    for _ in range(pools):
        chosen = _distinct(rng, mix)
        videos = _pooled(models, chosen)
        with torch.inference_mode():
            texts = models.joint.text([describe(clip.told[:3], rng) for clip in chosen])
        likeness = texts @ videos.T
        better = (likeness > likeness.diagonal()[:, None]).sum(1)
        first.append(float((better == 0).float().mean()))
        five.append(float((better < 5).float().mean()))
    return float(np.mean(first)), float(np.mean(five))


def _distinct(rng: np.random.Generator, mix: Mix) -> list[Clip]:
    """Clips no two of which tell the same."""
    found: dict[frozenset[Told], Clip] = {}
    while len(found) < POOL:
        clip = draw_clip(rng, mix)
        if clip.told and clip.sure and clip.seen.sum(0).max() >= 3:
            found.setdefault(frozenset(clip.told[:3]), clip)
    return list(found.values())


@torch.inference_mode()
def _pooled(models: Models, chosen: list[Clip]) -> torch.Tensor:
    return models.joint.pool(models.features(stack(chosen)))


def heads_on_random(seed: int, steps: int) -> Models:
    """The baseline: the same heads taught the same way, on an encoder that was not."""
    torch.manual_seed(seed)
    model = Trainee(Sizes())
    untrained = Models.from_trainee(model)
    model.joint.requires_grad_(True)
    model.scale.requires_grad_(True)
    rng = np.random.default_rng((seed, 77))
    trained = [*model.joint.parameters(), model.scale]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, betas=(0.9, 0.98))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, (step + 1) / 30) * (1 - step / steps)
        batch = Batch.of([draw_clip(rng, Mix(cut=0.0)) for _ in range(32)])
        tokens = untrained.features(batch.rgb.numpy()).clone()
        for loss in caption_loss(model, tokens, batch, rng).values():
            loss.backward()
        nn.utils.clip_grad_norm_(trained, 2.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.eval().requires_grad_(False)
    return untrained
