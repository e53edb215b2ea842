"""Attentive probes: what a frozen encoder knows, read by one query that looks over all tokens.

The form is that of V-JEPA 2's evaluation (Assran et al. 2025, section 5) with its self-attention
layers left out: features of this size need none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.heads import read_sizes, read_tensors, usable
from rlm.encoders.presets import HEADS_FILE

_HEADS = 4


class AttentiveProbe(nn.Module):
    """Layer-normed tokens to class logits: one learned query, cross-attention, a linear map."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(hidden) * 0.02)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, hidden] to [B, classes]."""
        batch, _, hidden = tokens.shape

        def split(values: Tensor) -> Tensor:
            return values.view(batch, -1, _HEADS, hidden // _HEADS).transpose(1, 2)

        query = split(self.query.expand(batch, 1, hidden))
        looked = functional.scaled_dot_product_attention(
            query, split(self.key(tokens)), split(self.value(tokens))
        )
        logits: Tensor = self.classify(self.norm(looked.transpose(1, 2).reshape(batch, hidden)))
        return logits


@dataclass(frozen=True, eq=False)
class Probe:
    """A probe with the names of the classes it tells apart."""

    head: AttentiveProbe
    classes: tuple[str, ...]

    @torch.no_grad()
    def classify(self, tokens: Tensor) -> list[dict[str, float]]:
        """The probability of each class for layer-normed ``tokens`` [B, N, hidden]."""
        shares = self.head(tokens).float().softmax(-1).tolist()
        return [dict(zip(self.classes, row, strict=True)) for row in shares]


def load_probes(folder: Path, device: torch.device) -> Mapping[str, Probe]:
    """The ``probes`` of ``heads.json`` and ``heads.safetensors`` by task; there may be none.

    Raises ``WeightsMissing`` when either file is damaged or they do not fit each other.
    """
    probes = {}
    with usable("probes", folder):
        for task, classes in read_sizes(folder).get("probes", {}).items():
            state = read_tensors(folder / HEADS_FILE, start := f"probes.{task}.")
            head = AttentiveProbe(state[f"{start}query"].numel(), len(classes))
            head.load_state_dict({name.removeprefix(start): state[name] for name in state})
            head = head.to(device).eval().requires_grad_(False)
            probes[task] = Probe(head, tuple(classes))
    return probes
