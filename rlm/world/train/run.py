"""A training run that can be stopped at any time and goes on where it was."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

SAVE_EVERY = 180.0  # seconds
TELL_EVERY = 50  # steps
_SMOOTH = 0.97

Step = Callable[[int, Any], Mapping[str, Tensor]]


@dataclass
class Stage:
    """One stage of a run: what is trained, for how long, and where it is written down.

    ``folder`` gets ``<name>.pt`` (the whole state, for going on) and ``<name>.jsonl`` (curves).
    """

    name: str
    folder: Path
    module: nn.Module
    steps: int
    rate: float
    warm_up: int = 150
    decay: float = 0.03
    clip: float = 2.0
    tell: Callable[[str], None] = print
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def path(self) -> Path:
        """Where the state is kept."""
        return self.folder / f"{self.name}.pt"

    def run(self, batches: Callable[[int, int], Iterator[tuple[int, Any]]], step: Step) -> None:
        """Train until ``steps`` are done, from the last saved state on.

        ``batches(first, last)`` gives numbered batches; ``step`` the losses of one.
        """
        optimizer = _optimizer(self.module, self.rate, self.decay)
        done, seconds = self._restore(optimizer)
        if done >= self.steps:
            return
        smooth: dict[str, float] = {}
        began = saved = time.monotonic()
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.module.train()
        for number, batch in batches(done, self.steps):
            rate = self.rate * _schedule(number, self.steps, self.warm_up)
            for group in optimizer.param_groups:
                group["lr"] = rate
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                losses = step(number, batch)
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
            total.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(parameters, self.clip)
            # A step that is not a number would end the run for good: it is left out.
            if math.isfinite(float(norm)):
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            for name, loss in losses.items():
                value = float(loss.detach())
                smooth[name] = _SMOOTH * smooth.get(name, value) + (1 - _SMOOTH) * value
            now = time.monotonic()
            last = number + 1 == self.steps
            if (number + 1) % TELL_EVERY == 0 or last:
                self._tell(number + 1, seconds + now - began, smooth)
            if now - saved > SAVE_EVERY or last:
                self._save(optimizer, number + 1, seconds + now - began)
                saved = now
        self.module.eval()

    def _tell(self, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        row = {"step": step, "minutes": round(seconds / 60, 2)}
        row |= {name: round(value, 4) for name, value in losses.items()}
        with (self.folder / f"{self.name}.jsonl").open("a", encoding="utf-8") as curves:
            curves.write(json.dumps(row) + "\n")
        told = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self.tell(f"{self.name} {step}/{self.steps}  {seconds / 60:.1f} min  {told}")

    def _save(self, optimizer: torch.optim.Optimizer, step: int, seconds: float) -> None:
        state = {
            "model": self.module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": step,
            "seconds": seconds,
        }
        partial = self.path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.path)

    def _restore(self, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
        curves = self.folder / f"{self.name}.jsonl"
        if not self.path.exists():
            curves.unlink(missing_ok=True)
            return 0, 0.0
        state = torch.load(self.path, map_location=self.device, weights_only=True)
        self.module.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        # Curves written after the state was saved would come twice.
        if curves.exists():
            rows = curves.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = (row for row in rows if json.loads(row)["step"] <= state["step"])
            curves.write_text("".join(kept), encoding="utf-8")
        return int(state["step"]), float(state["seconds"])


def minutes(folder: Path) -> dict[str, dict[str, float]]:
    """Steps and minutes of each stage that has run in ``folder``, in order of time."""
    told = {}
    for curves in sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime):
        last = json.loads(curves.read_text(encoding="utf-8").splitlines()[-1])
        told[curves.stem] = {"steps": last["step"], "minutes": last["minutes"]}
    return told


def _optimizer(module: nn.Module, rate: float, decay: float) -> torch.optim.Optimizer:
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)


def _schedule(step: int, steps: int, warm_up: int) -> float:
    """From nothing up, then down along a cosine to a fiftieth."""
    rising = min(1.0, (step + 1) / max(1, min(warm_up, steps // 10)))
    return rising * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """The module in evaluation, without gradients."""
    wanted = [p.requires_grad for p in module.parameters()]
    module.eval().requires_grad_(False)
    try:
        with torch.no_grad():
            yield
    finally:
        for parameter, want in zip(module.parameters(), wanted, strict=True):
            parameter.requires_grad_(want)
