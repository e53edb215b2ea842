"""The models that are measured: those of a folder of weights, and the same ones untrained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlm.encoders.heads import JointHeads
from rlm.encoders.hub import find_weights
from rlm.encoders.loading import load_vjepa2
from rlm.encoders.objects import Objects
from rlm.encoders.pixels import normalised
from rlm.world.scene import COLOURS, SHAPES
from rlm.world.train.clips import LabelledClip, Mix, draw_clip
from rlm.world.train.model import Sizes, Trainee, layer_norm, predict

GRID = Sizes().grid
TUBELETS = 8
CPU = torch.device("cpu")
_BATCH = 64


@dataclass
class Models:
    """A V-JEPA 2 with its text side and object head."""

    vjepa: Any
    joint: JointHeads
    objects: Objects

    @classmethod
    def of(cls, folder: Path | str) -> Models:
        """Those of a folder, or ``"builtin"``."""
        spec = find_weights(folder)
        objects = Objects.load(spec.folder, CPU)
        assert objects is not None, f"{spec.folder} has no object head"
        return cls(load_vjepa2(spec, torch.float32), JointHeads.load(spec.folder), objects)

    @classmethod
    def untrained(cls, seed: int = 0) -> Models:
        """The same models at random initialisation."""
        torch.manual_seed(seed)
        return cls.from_trainee(Trainee(Sizes()))

    @classmethod
    def from_trainee(cls, model: Trainee) -> Models:
        """Those of a training run."""
        model.eval().requires_grad_(False)
        return cls(model.vjepa, model.joint, Objects(model.objects, COLOURS, SHAPES))

    @torch.inference_mode()
    def features(self, rgb: np.ndarray) -> Tensor:
        """Layer-normed tokens float32[B, N, hidden] of clips uint8[B, T, 64, 64, 3]."""
        return torch.cat([layer_norm(tokens) for tokens in self._encoded(rgb)])

    @torch.inference_mode()
    def expected(self, rgb: np.ndarray, ahead: int) -> tuple[Tensor, Tensor]:
        """What the predictor expects after the clips, and the last tubelet of them.

        [B, ahead, G^2, hidden] and [B, G^2, hidden], both in layer-norm space; the clips are all
        that is encoded for it.
        """
        futures, lasts = [], []
        tubelets = rgb.shape[1] // 2
        for context in self._encoded(rgb):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                future = predict(self.vjepa, context, GRID, tubelets, ahead).float()
            futures.append(future.view(len(future), ahead, GRID**2, -1))
            lasts.append(layer_norm(context)[:, -(GRID**2) :])
        return torch.cat(futures), torch.cat(lasts)

    def _encoded(self, rgb: np.ndarray) -> Sequence[Tensor]:
        found = []
        for first in range(0, len(rgb), _BATCH):
            seen = normalised(rgb[first : first + _BATCH], "vjepa2", CPU, torch.float32)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                tokens = self.vjepa.encoder(pixel_values_videos=seen).last_hidden_state
            found.append(tokens.float())
        return found

    @torch.inference_mode()
    def place(self, tokens: Tensor) -> Tensor:
        """Where the one thing is, [..., 2] in fractions of the picture, from [..., G^2, hidden].

        All tokens that a thing lies on vote by how sure they are.
        """
        objectness, centerness, _, _, offset, _, _ = self.objects.head.split(
            self.objects.head(tokens)
        )
        middle = (torch.arange(GRID) + 0.5) / GRID
        spot = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), -1).view(-1, 2)
        weight = objectness.sigmoid() + centerness.sigmoid()
        return ((spot + offset / GRID) * weight).sum(-2) / weight.sum(-2).clamp_min(1e-6)


def clips(rng: np.random.Generator, count: int, mix: Mix, wanted: Any = None) -> list[LabelledClip]:
    """``count`` clips that are ``wanted`` (by default: fully told)."""
    found: list[LabelledClip] = []
    while len(found) < count:
        clip = draw_clip(rng, mix)
        if clip.told and clip.sure and (wanted is None or wanted(clip)):
            found.append(clip)
    return found


def stack(chosen: Sequence[LabelledClip]) -> np.ndarray:
    """The pictures of clips, uint8[B, T, 64, 64, 3]."""
    return np.stack([clip.rgb for clip in chosen])


def share_first(distances: Tensor, right: Tensor | None = None) -> float:
    """How often the right one of each row of [N, M] is the least; equals share the first place.

    ``right`` int64[N] are their columns, by default that of entry i of row i.

    Raises ``ValueError`` for what is no number: all comparisons with it are false.
    """
    if not distances.isfinite().all():
        raise ValueError("a distance is not a finite number")
    columns = torch.arange(len(distances)) if right is None else right
    own = distances.gather(1, columns[:, None])
    equal = (distances == own).sum(1)
    first = (distances < own).sum(1) == 0
    return float((first / equal).mean())
