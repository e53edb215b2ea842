"""Batches of clips as tensors, each following from its seed and number alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rlm.world.captions import Told
from rlm.world.train.clips import ONE_THING, LabelledClip, Mix, draw_clip

REACH = 0.45
"""A token lies on a thing when it is within its radius and this much of a token of its centre."""
TRAIL = 2
"""Tubelets before and after, in which each token is to know where its thing is."""
_BY_TUBELET = (
    "position",
    "radius",
    "motion",
    "colour",
    "shape",
    "seen",
    "camera",
    "mark",
    "whole",
    "shot",
)


@dataclass(frozen=True)
class Batch:
    """B clips. ``rgb`` uint8[B, T, 64, 64, 3]; the others are of ``LabelledClip``, stacked."""

    rgb: Tensor
    position: Tensor
    radius: Tensor
    motion: Tensor
    colour: Tensor
    shape: Tensor
    seen: Tensor
    camera: Tensor
    mark: Tensor
    whole: Tensor
    shot: Tensor
    told: tuple[tuple[Told, ...], ...]
    sure: tuple[bool, ...]
    moments: tuple[tuple[tuple[Told, ...], ...], ...]

    @property
    def certain(self) -> tuple[tuple[Told, ...], ...]:
        """What is told of each clip, nothing where some of it was half seen."""
        pairs = zip(self.told, self.sure, strict=True)
        return tuple(told if sure else () for told, sure in pairs)

    @classmethod
    def of(cls, clips: Sequence[LabelledClip]) -> Batch:
        """Clips of equal length side by side."""
        stacked = {
            name: torch.from_numpy(np.stack([getattr(clip, name) for clip in clips]))
            for name in ("rgb", *_BY_TUBELET)
        }
        return cls(
            **stacked,
            told=tuple(clip.told for clip in clips),
            sure=tuple(clip.sure for clip in clips),
            moments=tuple(clip.moments for clip in clips),
        )

    def to(self, device: torch.device) -> Batch:
        """The labels on ``device``; the pictures stay where they are."""
        moved = {name: getattr(self, name).to(device) for name in _BY_TUBELET}
        return replace(self, **moved)

    def part(self, clips: int, tubelets: int) -> Batch:
        """The first ``tubelets`` of the first ``clips``; what is told is of the whole clips."""
        cut = {name: getattr(self, name)[:clips, :tubelets] for name in _BY_TUBELET}
        rgb = self.rgb[:clips, : 2 * tubelets]
        moments = tuple(told[:tubelets] for told in self.moments[:clips])
        return Batch(
            rgb=rgb, **cut, told=self.told[:clips], sure=self.sure[:clips], moments=moments
        )


class Batches(Dataset[Batch]):
    """Batch ``number`` of a run: the same for the same seed, whatever was drawn before.

    Batches take turns in the ``lengths`` of their clips; longer clips are fewer, so that all
    batches hold about as many pictures as ``size`` clips of 16. The first ``easy`` batches are of
    ``ONE_THING`` and 16 pictures.
    """

    def __init__(
        self, seed: int, size: int, mix: Mix, lengths: Sequence[int] = (16,), easy: int = 0
    ) -> None:
        self._seed, self._size, self._mix, self._lengths = seed, size, mix, tuple(lengths)
        self._easy = easy

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng((self._seed, number))
        easy = number < self._easy
        mix = ONE_THING if easy else self._mix
        length = 16 if easy else self._lengths[number % len(self._lengths)]
        count = self._size * 16 // max(16, length)
        return Batch.of([draw_clip(rng, mix, length) for _ in range(count)])


def stream(batches: Batches, first: int, last: int, workers: int) -> Iterator[tuple[int, Batch]]:
    """Batches ``first`` to ``last`` - 1, numbered, drawn ahead by ``workers`` processes."""
    numbers = range(first, last)
    loader: DataLoader[Batch] = DataLoader(
        batches, batch_size=None, sampler=numbers, num_workers=workers
    )
    yield from zip(numbers, loader, strict=True)


@dataclass(frozen=True)
class Dense:
    """What each token of B x D x G^2 should say. ``on`` where a thing lies, ``centre`` where its
    centre is; ``colour``, ``shape``, ``offset`` (in tokens), ``motion`` (hundredths of the picture
    from picture to picture) and ``radius`` (tokens) are of the thing it lies on. ``trail``
    [B, D, G^2, 2, 2] is the offset to where that is ``TRAIL`` tubelets before and after, where
    ``trailed`` [B, D, G^2, 2] says that it is seen then. ``known`` [B, D] is false where a tubelet
    shows two shots."""

    on: Tensor
    centre: Tensor
    colour: Tensor
    shape: Tensor
    offset: Tensor
    motion: Tensor
    radius: Tensor
    trail: Tensor
    trailed: Tensor
    known: Tensor


def dense(batch: Batch, grid: int) -> Dense:
    """The targets of :class:`rlm.encoders.objects.ObjectHead` for ``grid`` x ``grid`` tokens."""
    middle = (torch.arange(grid, device=batch.position.device) + 0.5) / grid
    place = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), -1).view(-1, 2)
    offset = (batch.position[:, :, None] - place[:, None]) * grid  # [B, D, G^2, N, 2]
    seen = batch.seen[:, :, None]
    away = offset.norm(dim=-1)
    on = (away < batch.radius[:, :, None] * grid + REACH) & seen
    centre = ((offset.abs() <= 0.5).all(-1) & seen).any(-1)
    # Of two things on one token the one whose centre is nearer speaks.
    owner = away.masked_fill(~on, torch.inf).argmin(-1, keepdim=True)  # [B, D, G^2, 1]

    def of_owner(values: Tensor) -> Tensor:
        """[B, D, N] to [B, D, G^2], or with two numbers each."""
        spread = values[:, :, None].expand(*on.shape, *values.shape[3:])
        index = owner.view(*owner.shape, *[1] * (values.ndim - 3))
        return spread.gather(3, index.expand(*owner.shape, *values.shape[3:])).squeeze(3)

    trail, trailed = [], []
    for step in (-TRAIL, TRAIL):
        # Beyond the ends roll brings in the other end, which is not seen from here.
        near = torch.arange(batch.seen.size(1), device=batch.seen.device)
        inside = ((near + step >= 0) & (near + step < len(near)))[None, :, None]
        same = batch.shot.roll(-step, 1) == batch.shot
        there = batch.seen.roll(-step, 1) & inside & same[..., None]
        trail.append(of_owner(batch.position.roll(-step, 1) - batch.position))
        trailed.append(of_owner(there))
    return Dense(
        trail=torch.stack(trail, 3) * grid,
        trailed=torch.stack(trailed, 3),
        on=on.any(-1),
        centre=centre,
        colour=of_owner(batch.colour),
        shape=of_owner(batch.shape),
        offset=offset.gather(3, owner[..., None].expand(*owner.shape, 2)).squeeze(3),
        motion=of_owner(batch.motion) * 100,
        radius=of_owner(batch.radius) * grid,
        known=batch.whole,
    )
