"""The stages of training: the encoder with all that teaches it, then the predictor alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from rlm.encoders.pixels import normalised
from rlm.world.train import losses
from rlm.world.train.batches import Batch, Batches, stream
from rlm.world.train.clips import TUBELET, Mix
from rlm.world.train.model import Trainee, layer_norm
from rlm.world.train.run import Stage

ONE_THING = Mix(things=(0.8, 0.1, 0.1, 0.0, 0.0), cut=0.05, plain=0.7)


@dataclass(frozen=True)
class Recipe:
    """How long and how fast; the defaults made the weights in the wheel.

    Each of ``encoder_cycles`` is so many steps at so high a peak rate.
    """

    encoder_cycles: tuple[tuple[int, float], ...] = ((1800, 1e-3), (3000, 8e-4), (6000, 8e-4))
    encoder_batch: int = 16
    predictor_steps: int = 1600
    predictor_batch: int = 64
    predictor_rate: float = 1.5e-3
    joint_steps: int = 2000
    reader_steps: int = 900
    reader_batch: int = 64
    reader_rate: float = 1.5e-3
    cached: int = 120  # batches of features kept while the predictor and the readers are trained
    renewed: int = 6  # one of them is made anew every so many steps


def pixels(rgb: Tensor, device: torch.device) -> Tensor:
    """uint8[B, T, S, S, 3] to what the encoder takes."""
    return normalised(rgb.numpy(), "vjepa2", device, torch.float32)


def train_encoder(
    model: Trainee,
    recipe: Recipe,
    seed: int,
    folder: Path,
    device: torch.device,
    tell: Callable[[str], None],
) -> None:
    """Stage 1: dense and pooled labels, captions, the latent future, variance and covariance.

    Masked prediction alone loses rank on film like this; labels for every token do not.
    """
    for number, (steps, rate) in enumerate(recipe.encoder_cycles, start=1):
        _cycle(model, recipe, seed, folder, device, tell, number, steps, rate)


def _cycle(
    model: Trainee,
    recipe: Recipe,
    seed: int,
    folder: Path,
    device: torch.device,
    tell: Callable[[str], None],
    cycle: int,
    steps: int,
    rate: float,
) -> None:
    """One warm-up and cosine on films that no other cycle sees; the first sees mostly one thing."""
    easy = cycle == 1
    batches = Batches(
        seed * 1000 + 100 * cycle,
        recipe.encoder_batch,
        ONE_THING if easy else Mix(),
        (16,) if easy else (32, *[16] * 15),
    )

    def step(number: int, batch: Batch) -> Mapping[str, Tensor]:
        rng = np.random.default_rng((seed, 2, cycle, number))
        seen = pixels(batch.rgb, device)
        tokens = model.encode(seen)
        features = layer_norm(tokens)
        found = losses.dense_losses(model, features, batch)
        found |= losses.clip_losses(model, features, batch)
        found |= losses.caption_loss(model, features, batch, rng)
        found |= losses.spread_losses(features)
        if number % 2 == 0:
            found |= _from_context(model, seen, features, batch, rng)
        return found

    stage = Stage(f"encoder-{cycle}", folder, model, steps, rate, tell=tell, device=device)
    stage.run(lambda first, last: stream(batches, first, last), step)


def _from_context(
    model: Trainee, seen: Tensor, features: Tensor, batch: Batch, rng: np.random.Generator
) -> losses.Losses:
    """Clips cut short: they must be read as well as whole ones, and foretell the rest."""
    tubelets = batch.mark.size(1)
    kept = int(rng.integers(2, tubelets - 1))
    half = max(1, len(seen) // 2)
    context = model.encode(seen[:half, : TUBELET * kept])
    found = losses.dense_losses(model, layer_norm(context), batch.part(half, kept))
    found = {f"short {name}": 0.5 * loss for name, loss in found.items()}
    ahead = tubelets - kept
    expected = model.predict(context, kept, ahead).float()
    target = features[:half, kept * model.sizes.grid**2 :].detach()
    return found | {"future": 0.7 * (expected - target).abs().mean()}


def train_predictor(
    model: Trainee,
    recipe: Recipe,
    seed: int,
    folder: Path,
    device: torch.device,
    tell: Callable[[str], None],
) -> None:
    """Stage 2: the predictor alone on the frozen encoder, pure futures, L1 in layer-norm space.

    Tokens that change weigh more, since most of a picture stays as it is.
    """
    predictor: nn.Module = model.vjepa.predictor
    grid = model.sizes.grid**2
    mix = Mix(things=(0.6, 0.2, 0.1, 0.05, 0.05), fast=0.15, cut=0.02)
    batches = Batches(seed * 1000 + 3, recipe.predictor_batch, mix)

    def features(number: int, batch: Batch) -> tuple[Tensor, ...]:
        kept = int(np.random.default_rng((seed, 4, number)).choice([2, 3, 4, 5, 6], p=_KEPT))
        seen = pixels(batch.rgb, device)
        context = model.encode(seen[:, : TUBELET * kept])
        target = layer_norm(model.encode(seen))[:, kept * grid :]
        return context.bfloat16(), target.bfloat16()

    def step(number: int, cached: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        context, target = (value.float() for value in cached)
        kept, ahead = context.size(1) // grid, target.size(1) // grid
        expected = model.predict(context, kept, ahead).float()
        off = (expected - target).abs()
        last = layer_norm(context)[:, -grid:].repeat(1, ahead, 1)
        change = (last - target).abs().mean(-1)
        weight = change / change.mean().clamp_min(1e-6)
        pooled = expected.view(len(target), ahead, grid, -1).mean(2) - target.view(
            len(target), ahead, grid, -1
        ).mean(2)
        return {
            "l1": off.mean(),
            "moving": 0.5 * (off.mean(-1) * weight).mean(),
            "pooled": 0.5 * pooled.abs().mean(),
        }

    stage = Stage(
        "predictor",
        folder,
        predictor,
        recipe.predictor_steps,
        recipe.predictor_rate,
        warm_up=100,
        decay=0.02,
        clip=1.0,
        tell=tell,
        device=device,
    )
    with _Only(model, predictor):
        stage.run(cached(batches, recipe, seed, features, device), step)


def train_joint(
    model: Trainee,
    recipe: Recipe,
    seed: int,
    folder: Path,
    device: torch.device,
    tell: Callable[[str], None],
) -> None:
    """Stage 3: the text side alone on the frozen encoder, in larger batches than the encoder had.

    Contrast lives on many captions at a time, and on frozen features they cost little.
    """
    mix = Mix(things=(0.45, 0.25, 0.2, 0.05, 0.05), cut=0.0)
    batches = Batches(seed * 1000 + 5, recipe.reader_batch, mix)

    def features(number: int, batch: Batch) -> tuple[object, ...]:
        return layer_norm(model.encode(pixels(batch.rgb, device))).bfloat16(), batch

    def step(number: int, given: tuple[object, ...]) -> Mapping[str, Tensor]:
        tokens, batch = cast("tuple[Tensor, Batch]", given)
        rng = np.random.default_rng((seed, 6, number))
        return losses.caption_loss(model, tokens.float(), batch, rng)

    steps, rate = recipe.joint_steps, recipe.reader_rate
    stage = Stage("joint", folder, model, steps, rate, clip=1.0, tell=tell, device=device)
    with _Only(model, model.joint):
        model.scale.requires_grad_(True)
        stage.run(cached(batches, recipe, seed, features, device), step)


_KEPT = [0.1, 0.15, 0.45, 0.15, 0.15]
"""How often the context is 2 to 6 of the 8 tubelets."""

Features = Callable[[int, Batch], tuple[object, ...]]


def cached(
    batches: Batches, recipe: Recipe, seed: int, features: Features, device: torch.device
) -> Callable[[int, int], Iterator[tuple[int, tuple[object, ...]]]]:
    """Frozen features for a stage: made once, kept, one batch of them renewed now and then."""

    def give(first: int, last: int) -> Iterator[tuple[int, tuple[object, ...]]]:
        rng = np.random.default_rng((seed, 5, first))
        kept: list[tuple[object, ...]] = []
        made = first
        source = stream(batches, made, made + recipe.cached + last - first)
        for number in range(first, last):
            if len(kept) < recipe.cached or number % recipe.renewed == 0:
                drawn, batch = next(source)
                with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
                    fresh = features(drawn, batch)
                if len(kept) < recipe.cached:
                    kept.append(fresh)
                else:
                    kept[int(rng.integers(len(kept)))] = fresh
                yield number, fresh
            else:
                yield number, kept[int(rng.integers(len(kept)))]

    return give


class _Only:
    """Only ``part`` of ``whole`` is trained within."""

    def __init__(self, whole: nn.Module, part: nn.Module) -> None:
        self._whole, self._part = whole, part

    def __enter__(self) -> None:
        self._whole.eval().requires_grad_(False)
        self._part.requires_grad_(True)

    def __exit__(self, *_: object) -> None:
        self._whole.requires_grad_(True)
