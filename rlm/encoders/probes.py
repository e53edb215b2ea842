"""Attentive probes: what a frozen encoder knows, read by one query that looks over all tokens.

The form is that of V-JEPA 2's evaluation (Assran et al. 2025, section 5) with its self-attention
layers left out: small features need none, and a few labelled spans could not train them. Published
probes, which have them, are in ``published``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

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
        """[B, N, hidden] to [B, classes].

        With one query for all, multi-head cross-attention need not project every token: the query
        goes through the key matrix instead, and the value matrix is applied to what was pooled. It
        is the same function at a ``hidden``-th of the arithmetic.
        """
        batch, _, hidden = tokens.shape
        width = hidden // _HEADS
        queries = self.query.view(_HEADS, 1, width)
        # The bias of the keys adds the same to every score of a head: the softmax cannot see it.
        looking = (queries @ self.key.weight.view(_HEADS, width, hidden)).squeeze(1)
        shares = (tokens @ looking.T / width**0.5).softmax(dim=1)  # [B, N, heads]
        pooled = shares.transpose(1, 2) @ tokens  # [B, heads, hidden]
        values = self.value.weight.view(_HEADS, width, hidden)
        looked = torch.einsum("bhi,hwi->bhw", pooled, values).reshape(batch, hidden)
        logits: Tensor = self.classify(self.norm(looked + self.value.bias))
        return logits


Reads = Literal["normed", "tokens", "future"]
"""What a probe is shown of a window: its tokens layer-normed, as ours are trained; its tokens as
the encoder leaves them, as published ones are; or those and what the predictor foretells."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A module from tokens [B, N, hidden] to logits, and the names of the classes it tells apart.

    ``ahead`` is how many seconds after the window that lies of which it speaks: 0, or for a probe
    that ``reads`` the future, the moment it foretells.
    """

    head: nn.Module
    classes: tuple[str, ...]
    reads: Reads = "normed"
    ahead: float = 0.0

    @torch.no_grad()
    def classify(self, tokens: Tensor) -> list[dict[str, float]]:
        """The probability of each class for ``tokens`` [B, N, hidden], of the kind it reads."""
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
