"""``python -m rlm.world.train FOLDER`` trains the built-in models into ``FOLDER/weights``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from rlm.encoders.machine import device_name, pick_device
from rlm.world.train.export import export
from rlm.world.train.loop import minutes
from rlm.world.train.model import Sizes, Trainee
from rlm.world.train.readers import train_readers, train_text
from rlm.world.train.recipe import Recipe, Run
from rlm.world.train.stages import train_encoder, train_predictor


def main(arguments: list[str] | None = None) -> int:
    """Train, or go on training; returns an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rlm.world.train",
        description="Train the built-in models. Stopped at any time, it goes on from there.",
    )
    parser.add_argument("folder", type=Path, help="where states, curves and weights go")
    parser.add_argument("--seed", type=int, default=0, help="of weights and films (default 0)")
    parser.add_argument("--steps", type=float, default=1.0, help="of each stage, as a factor")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    chosen = parser.parse_args(arguments)
    device = torch.device(chosen.device) if chosen.device else pick_device()
    chosen.folder.mkdir(parents=True, exist_ok=True)

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    torch.manual_seed(chosen.seed)
    model = Trainee(Sizes()).to(device)
    # A GPU takes film faster than one process draws it; on CPUs training itself needs the cores.
    workers = 1 if device.type == "cpu" else max(1, (os.cpu_count() or 1) // 2)
    recipe = Recipe().shortened(chosen.steps)
    run = Run(recipe, chosen.seed, chosen.folder, device, tell, workers)
    train_encoder(model, run)
    train_predictor(model, run)
    readers = train_readers(model, run)
    train_text(model, run)
    history = {
        "seed": chosen.seed,
        "hardware": device_name(device),
        "stages": minutes(chosen.folder),
    }
    export(model, readers, chosen.folder / "weights", history)
    print(chosen.folder / "weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
