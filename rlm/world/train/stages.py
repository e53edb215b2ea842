"""The first stages of training: the encoder with all that teaches it, then the predictor alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from rlm.world.train import losses
from rlm.world.train.batches import Batch, Batches, stream
from rlm.world.train.clips import TUBELET, Mix
from rlm.world.train.loop import digest, only
from rlm.world.train.model import Trainee, layer_norm
from rlm.world.train.recipe import Run

_KEPT = [0.1, 0.15, 0.45, 0.15, 0.15]
"""How often the predictor's context is 2 to 6 of the 8 tubelets."""


def train_encoder(model: Trainee, run: Run) -> None:
    """Stage 1: dense and pooled labels, captions, the latent future, variance and covariance.

    Masked prediction alone loses rank on film like this; labels for every token do not.
    """
    recipe = run.recipe
    steps = recipe.encoder_steps
    easy = round(recipe.easy * steps)
    batches = run.batches(1, recipe.encoder_batch, Mix(), (32, *[16] * 15), easy)

    def step(number: int, batch: Batch) -> Mapping[str, Tensor]:
        rng = run.rng(2, number)
        seen, batch = run.pixels(batch.rgb), batch.to(run.device)
        features = layer_norm(model.encode(seen))
        found = losses.dense_losses(model, features, batch)
        found |= losses.clip_losses(model, features, batch)
        found |= losses.caption_loss(model.joint, model.scale, features, batch.certain, rng)
        found |= losses.spread_losses(features)
        if number % 3 == 0:
            kept = int(rng.integers(2, batch.mark.size(1) - 1))
            found |= _from_context(model, seen, features, batch, kept)
        return found

    stage = run.stage("encoder", model, steps, recipe.encoder_rate)
    stage.run(lambda first, last: stream(batches, first, last, run.workers), step)


def _from_context(
    model: Trainee, seen: Tensor, features: Tensor, batch: Batch, kept: int
) -> losses.Losses:
    """Clips cut to ``kept`` tubelets: they must be read as well as whole ones, and foretell."""
    half = max(1, len(seen) // 2)
    context = model.encode(seen[:half, : TUBELET * kept])
    found = losses.dense_losses(model, layer_norm(context), batch.part(half, kept))
    found = {f"short {name}": 0.5 * loss for name, loss in found.items()}
    expected = model.predict(context, kept, batch.mark.size(1) - kept).float()
    target = features[:half, kept * model.sizes.grid**2 :].detach()
    return found | {"future": 0.7 * (expected - target).abs().mean()}


def train_predictor(model: Trainee, run: Run) -> None:
    """Stage 2: the predictor alone on the frozen encoder, pure futures, L1 in layer-norm space.

    Tokens that change weigh more, since most of a picture stays as it is.
    """
    recipe = run.recipe
    predictor: nn.Module = model.vjepa.predictor
    grid = model.sizes.grid**2
    mix = Mix(things=(0.6, 0.2, 0.1, 0.05, 0.05), fast=0.15, cut=0.02)
    batches = run.batches(3, recipe.predictor_batch, mix)

    def features(number: int, batch: Batch) -> tuple[Tensor, ...]:
        kept = int(run.rng(4, number).choice([2, 3, 4, 5, 6], p=_KEPT))
        seen = run.pixels(batch.rgb)
        context = model.encode(seen[:, : TUBELET * kept])
        target = layer_norm(model.encode(seen))[:, kept * grid :]
        return context.bfloat16(), target.bfloat16()

    def step(number: int, given: tuple[object, ...]) -> Mapping[str, Tensor]:
        context, target = (value.float() for value in cast("tuple[Tensor, Tensor]", given))
        kept, ahead = context.size(1) // grid, target.size(1) // grid
        expected = model.predict(context, kept, ahead).float()
        off = (expected - target).abs()
        last = layer_norm(context)[:, -grid:].repeat(1, ahead, 1)
        change = (last - target).abs().mean(-1)
        weight = change / change.mean().clamp_min(1e-6)
        means = [v.view(len(target), ahead, grid, -1).mean(2) for v in (expected, target)]
        return {
            "l1": off.mean(),
            "moving": 0.5 * (off.mean(-1) * weight).mean(),
            "pooled": 0.5 * (means[0] - means[1]).abs().mean(),
        }

    stage = run.stage(
        "predictor",
        predictor,
        recipe.predictor_steps,
        recipe.predictor_rate,
        origin=digest(model.vjepa.encoder),
        warmup_steps=100,
        weight_decay=0.02,
        max_grad_norm=1.0,
    )
    with only(model, predictor):
        stage.run(cached(run, batches, features), step)


Features = Callable[[int, Batch], tuple[object, ...]]


def cached(
    run: Run, batches: Batches, features: Features
) -> Callable[[int, int], Iterator[tuple[int, tuple[object, ...]]]]:
    """Frozen features for a stage: made once, kept, one batch of them renewed now and then.

    A stage that was stopped begins with none kept, so that it goes on with other batches than it
    would have seen.
    """
    recipe = run.recipe

    def give(first: int, last: int) -> Iterator[tuple[int, tuple[object, ...]]]:
        rng = run.rng(5, first)
        kept: list[tuple[object, ...]] = []
        source = stream(batches, first, recipe.cached + last, run.workers)
        for number in range(first, last):
            if len(kept) < recipe.cached or number % recipe.renewed == 0:
                drawn, batch = next(source)
                with torch.no_grad(), torch.autocast(run.device.type, dtype=torch.bfloat16):
                    fresh = features(drawn, batch)
                if len(kept) < recipe.cached:
                    kept.append(fresh)
                else:
                    kept[int(rng.integers(len(kept)))] = fresh
                yield number, fresh
            else:
                yield number, kept[int(rng.integers(len(kept)))]

    return give
