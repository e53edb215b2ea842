"""How long and how fast the built-in models are trained, and what the stages of a run share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rlm.encoders.pixels import normalised
from rlm.world.train.batches import Batches
from rlm.world.train.clips import Mix
from rlm.world.train.loop import TrainingStage


@dataclass(frozen=True)
class Recipe:
    """Steps, batch sizes and peak rates; the defaults made the weights in the wheel.

    Of the encoder's steps the share ``easy`` comes first and is mostly of one thing. ``cached``
    batches of frozen features are kept while the predictor and the readers are trained; one of
    them is made anew every ``renewed`` steps.
    """

    encoder_steps: int = 2700
    encoder_batch: int = 48
    encoder_rate: float = 3e-3
    easy: float = 0.15
    predictor_steps: int = 1600
    predictor_batch: int = 64
    predictor_rate: float = 1.5e-3
    reader_steps: int = 900
    reader_batch: int = 64
    reader_rate: float = 1.5e-3
    text_steps: int = 500
    text_batch: int = 96
    text_rate: float = 2e-3
    cached: int = 120
    renewed: int = 6

    def shortened(self, factor: float) -> Recipe:
        """The same with ``factor`` times as many steps of each stage."""

        def steps(usual: int) -> int:
            return max(1, round(usual * factor))

        return replace(
            self,
            encoder_steps=steps(self.encoder_steps),
            predictor_steps=steps(self.predictor_steps),
            reader_steps=steps(self.reader_steps),
            text_steps=steps(self.text_steps),
        )


@dataclass(frozen=True)
class Run:
    """One training run: its recipe, where its states and curves go, and whom it tells.

    ``workers`` processes draw the film.
    """

    recipe: Recipe
    seed: int
    folder: Path
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    tell: Callable[[str], None] = print
    workers: int = 1

    def stage(
        self,
        name: str,
        module: nn.Module,
        steps: int,
        learning_rate: float,
        origin: str = "",
        **how: Any,
    ) -> TrainingStage:
        """A stage that trains ``module``; ``how`` are further fields of ``TrainingStage``."""
        return TrainingStage(
            name,
            self.folder,
            module,
            steps,
            learning_rate,
            origin=f"seed {self.seed} {origin}".strip(),
            tell=self.tell,
            device=self.device,
            **how,
        )

    def batches(
        self, number: int, size: int, mix: Mix, lengths: Sequence[int] = (16,), easy: int = 0
    ) -> Batches:
        """The clips of stage ``number``, which no other stage and no run of another seed sees."""
        return Batches(self.seed * 1000 + number, size, mix, lengths, easy)

    def rng(self, *numbers: int) -> np.random.Generator:
        """The chance of this run that belongs to ``numbers``."""
        return np.random.default_rng((self.seed, *numbers))

    def pixels(self, rgb: Tensor) -> Tensor:
        """uint8[B, T, S, S, 3] to what the encoder takes."""
        return normalised(list(rgb.numpy()), "vjepa2", self.device, torch.float32)
