"""One stage of training, which can be stopped at any time and goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from rlm.errors import UsageError

SAVE_EVERY = 180.0  # seconds
TELL_EVERY = 50  # steps
_SMOOTH = 0.97
_MOST_LOST = 50

Step = Callable[[int, Any], Mapping[str, Tensor]]
Optimizers = list[torch.optim.Optimizer]


@dataclass
class TrainingStage:
    """One stage of a run: what is trained, for how long, and where it is written down.

    ``folder`` gets ``<name>.pt`` (the whole state, for going on) and ``<name>.jsonl`` (curves).
    ``origin`` says what the stage starts from: a state of another origin is not gone on with.
    """

    name: str
    folder: Path
    module: nn.Module
    steps: int
    learning_rate: float
    origin: str
    warmup_steps: int = 150
    weight_decay: float = 0.03
    max_grad_norm: float = 2.0
    tell: Callable[[str], None] = print
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def run(self, batches: Callable[[int, int], Iterator[tuple[int, Any]]], step: Step) -> None:
        """Train until ``steps`` are done, from the last saved state on.

        ``batches(first, last)`` gives numbered batches; ``step`` the losses of one.

        Raises ``UsageError`` when the saved state is of another origin, ``FloatingPointError``
        when many steps running have no finite gradient.
        """
        optimizers = _optimizers(self.module, self.learning_rate, self.weight_decay)
        done, seconds = self._restore(optimizers)
        if done >= self.steps:
            return
        smooth: dict[str, float] = {}
        lost = 0
        began = saved = time.monotonic()
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.module.train()
        for number, batch in batches(done, self.steps):
            rate = self.learning_rate * _schedule(number, self.steps, self.warmup_steps)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = rate
            with torch.autocast(self.device.type, dtype=torch.bfloat16), _attention(self.device):
                losses = step(number, batch)
            # A step that is not a number would end the run for good: it is left out.
            usable = math.isfinite(_gradients(losses, parameters, self.max_grad_norm))
            lost = 0 if usable else lost + 1
            if lost == _MOST_LOST:
                raise FloatingPointError(f"{self.name}: {lost} steps running without a gradient")
            for optimizer in optimizers:
                if usable:
                    optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            for name, loss in losses.items():
                value = float(loss.detach())
                if math.isfinite(value):
                    smooth[name] = _SMOOTH * smooth.get(name, value) + (1 - _SMOOTH) * value
            now = time.monotonic()
            last = number + 1 == self.steps
            if (number + 1) % TELL_EVERY == 0 or last:
                self._tell(number + 1, seconds + now - began, smooth)
            if now - saved > SAVE_EVERY or last:
                self._save(optimizers, number + 1, seconds + now - began)
                saved = now
        self.module.eval()

    @property
    def _curves(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    def _tell(self, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        row = {"step": step, "minutes": round(seconds / 60, 2)}
        row |= {name: round(value, 4) for name, value in losses.items()}
        with self._curves.open("a", encoding="utf-8") as curves:
            curves.write(json.dumps(row) + "\n")
        told = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self.tell(f"{self.name} {step}/{self.steps}  {seconds / 60:.1f} min  {told}")

    def _save(self, optimizers: Optimizers, step: int, seconds: float) -> None:
        state = {
            "model": self.module.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "step": step,
            "seconds": seconds,
            "origin": self.origin,
        }
        path = self.folder / f"{self.name}.pt"
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(path)

    def _restore(self, optimizers: Optimizers) -> tuple[int, float]:
        path = self.folder / f"{self.name}.pt"
        if not path.exists():
            self._curves.unlink(missing_ok=True)
            return 0, 0.0
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["origin"] != self.origin:
            raise UsageError(
                f"{path} is of another run ({state['origin']}, not {self.origin}): remove it, or "
                "train in another folder"
            )
        self.module.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._forget_after(int(state["step"]))
        return int(state["step"]), float(state["seconds"])

    def _forget_after(self, step: int) -> None:
        """Drop curves written after the state was saved: they would come twice."""
        if not self._curves.exists():
            return
        rows = self._curves.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [row for row in rows if (_step_of(row) or math.inf) <= step]
        if len(kept) < len(rows):
            partial = self._curves.with_suffix(".part")
            partial.write_text("".join(kept), encoding="utf-8")
            partial.replace(self._curves)


def _gradients(
    losses: Mapping[str, Tensor], parameters: Sequence[nn.Parameter], largest: float
) -> float:
    """Leave the gradients of the sum, no longer than ``largest``; returns how long they were.

    Not a number where a batch teaches nothing.
    """
    if not losses:
        return math.nan
    total = torch.stack([loss.float() for loss in losses.values()]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    return float(nn.utils.clip_grad_norm_(parameters, largest))


def _step_of(row: str) -> int | None:
    """The step of a row of curves; ``None`` for one whose writing was cut short."""
    try:
        return int(json.loads(row)["step"])
    except ValueError:
        return None


def digest(module: nn.Module) -> str:
    """What tells one set of weights from another, in 16 hexadecimal digits."""
    told = hashlib.sha256()
    for name, value in module.state_dict().items():
        told.update(name.encode() + value.detach().float().cpu().numpy().tobytes())
    return told.hexdigest()[:16]


def minutes(folder: Path) -> dict[str, dict[str, float]]:
    """Steps and minutes of each stage that has run in ``folder``, in order of time."""
    told = {}
    for path in sorted(folder.glob("*.pt"), key=lambda path: path.stat().st_mtime):
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        told[path.stem] = {"steps": state["step"], "minutes": round(state["seconds"] / 60, 1)}
    return told


def _optimizers(module: nn.Module, learning_rate: float, weight_decay: float) -> Optimizers:
    """Muon (Jordan et al. 2024) for the matrices inside transformer layers, AdamW for the rest.

    On 2 cores the loss of motion after as many minutes is two thirds of that of AdamW alone.
    ``match_rms_adamw`` (Liu et al. 2025, section 2.2) lets one rate serve both.
    """
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    inner = [p for name, p in trained if p.ndim == 2 and ".layer" in f".{name}"]
    taken = {id(p) for p in inner}
    rest = [p for _, p in trained if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizers: Optimizers = [
        torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)
    ]
    if inner:
        optimizers.append(
            torch.optim.Muon(
                inner, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
            )
        )
    return optimizers


def _attention(device: torch.device) -> AbstractContextManager[None]:
    """Plain attention on CPUs: the backward pass of torch's fused kernel is slower there."""
    plain: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return plain if device.type == "cpu" else nullcontext()


def _schedule(step: int, steps: int, warmup_steps: int) -> float:
    """From nothing up, then down along a cosine to a fiftieth."""
    rising = min(1.0, (step + 1) / max(1, min(warmup_steps, steps // 10)))
    return rising * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


@contextmanager
def only(whole: nn.Module, part: nn.Module) -> Iterator[None]:
    """Only ``part`` of ``whole`` is trained within, the rest is in evaluation."""
    whole.eval().requires_grad_(False)
    part.requires_grad_(True)
    try:
        yield
    finally:
        whole.requires_grad_(True)
