"""``python -m rlm.world.train FOLDER`` trains the built-in models into ``FOLDER/weights``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from rlm.world.train.export import export
from rlm.world.train.model import Sizes, Trainee
from rlm.world.train.readers import train_captioner, train_probes
from rlm.world.train.run import minutes
from rlm.world.train.stages import Recipe, train_encoder, train_joint, train_predictor


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
    device = torch.device(chosen.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    chosen.folder.mkdir(parents=True, exist_ok=True)
    usual = Recipe()
    recipe = Recipe(
        encoder_cycles=tuple(
            (max(1, round(steps * chosen.steps)), rate) for steps, rate in usual.encoder_cycles
        ),
        predictor_steps=max(1, round(usual.predictor_steps * chosen.steps)),
        joint_steps=max(1, round(usual.joint_steps * chosen.steps)),
        reader_steps=max(1, round(usual.reader_steps * chosen.steps)),
    )

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    torch.manual_seed(chosen.seed)
    model = Trainee(Sizes()).to(device)
    train_encoder(model, recipe, chosen.seed, chosen.folder, device, tell)
    train_predictor(model, recipe, chosen.seed, chosen.folder, device, tell)
    train_joint(model, recipe, chosen.seed, chosen.folder, device, tell)
    probes = train_probes(model, recipe, chosen.seed, chosen.folder, device, tell)
    captioner = train_captioner(model, recipe, chosen.seed, chosen.folder, device, tell)
    hardware = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{os.cpu_count()} CPU cores"
    )
    history = {"seed": chosen.seed, "hardware": hardware, "stages": minutes(chosen.folder)}
    export(model, chosen.folder / "weights", probes, captioner, history)
    print(chosen.folder / "weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
