"""Published probes: self-attention over all tokens, one query that looks at them, a linear map.

That is the attentive probe of V-JEPA 2's evaluation (Assran et al. 2025, section 5). The pooler is
transformers' own; ``vjepa2-...-ssv2`` on the hub brings one beside the encoder, and ``meta_probes``
brings the tensors of Meta's own files into the same names. Its class makes one query; where a file
has three, each is a probe of its own, since queries do not see each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from rlm.encoders.folder import weight_files
from rlm.encoders.heads import read_sizes, read_tensors, usable
from rlm.encoders.presets import HEADS_FILE, EncoderSpec
from rlm.encoders.probes import Probe

TASK = "action"
"""What the classification head beside an encoder is asked for as."""
HEADS = 16
"""Attention heads of Meta's published probes, of all sizes; no tensor tells it."""
META_EPS = 1e-5
"""What Meta's code adds to variances in the layer norms of a probe; transformers takes 1e-6."""
_POOLER, _CLASSIFIER = "pooler.", "classifier."


class PooledClassifier(nn.Module):
    """Tokens [B, N, hidden] as an encoder leaves them to logits [B, classes]."""

    def __init__(self, config: Any, classes: int) -> None:
        from transformers.models.vjepa2.modeling_vjepa2 import VJEPA2AttentivePooler

        super().__init__()
        self.pooler = VJEPA2AttentivePooler(config)
        self.classifier = nn.Linear(config.hidden_size, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.classifier(self.pooler(tokens))
        return logits

    @classmethod
    def of(
        cls, state: Mapping[str, Tensor], *, heads: int = HEADS, eps: float = META_EPS
    ) -> PooledClassifier:
        """The module whose sizes are those of the tensors, which become its own.

        ``state`` has transformers' names, ``pooler.*`` and ``classifier.*``. Raises whatever torch
        or Python raise for tensors that do not fit each other.
        """
        from transformers import VJEPA2Config

        hidden = state[f"{_POOLER}query_tokens"].shape[-1]
        layers = {
            name.split(".")[2] for name in state if name.startswith("pooler.self_attention_layers.")
        }
        config = VJEPA2Config(
            hidden_size=hidden,
            num_attention_heads=heads,
            num_pooler_layers=len(layers),
            layer_norm_eps=eps,
            attn_implementation="sdpa",
        )
        with torch.device("meta"):  # random numbers for a hundred million weights take a second
            made = cls(config, state[f"{_CLASSIFIER}weight"].shape[0])
        made.load_state_dict(dict(state), assign=True)
        return made.eval().requires_grad_(False)


def tasks_of(spec: EncoderSpec) -> tuple[str, ...]:
    """The tasks that the weights of ``spec`` bring probes for, told without loading them.

    Raises ``WeightsMissing`` when what tells them is damaged.
    """
    if spec.preset.kind != "vjepa2":
        return ()
    own: tuple[str, ...] = ()
    if (spec.folder / HEADS_FILE).is_file():
        with usable("probes", spec.folder):
            own = tuple(read_sizes(spec.folder).get("probes", {}))
    return (*own, TASK) if _brings_head(spec.folder) else own


def _brings_head(folder: Path) -> bool:
    """Whether a folder with a V-JEPA 2 also has a classification head of transformers."""
    files = weight_files(folder)
    with usable("weights", folder):
        for file in files:
            with safe_open(file, framework="pt") as tensors:
                if f"{_CLASSIFIER}weight" in tensors.keys():  # noqa: SIM118
                    return True
    return False


def load_head(folder: Path, device: torch.device) -> Probe:
    """The classification head beside an encoder, as ``VJEPA2ForVideoClassification`` is saved.

    The names of its classes are those of ``id2label`` in ``config.json``.

    Raises ``WeightsMissing`` when it is damaged or does not fit the configuration.
    """
    with usable("classification head", folder):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state: dict[str, Tensor] = {}
        for file in weight_files(folder):
            state |= read_tensors(file, _POOLER, _CLASSIFIER)
        head = PooledClassifier.of(
            state,
            heads=int(config.get("num_attention_heads", HEADS)),
            eps=float(config.get("layer_norm_eps", 1e-6)),
        )
        names = {int(number): str(name) for number, name in config["id2label"].items()}
        classes = tuple(names[number] for number in range(len(state[f"{_CLASSIFIER}bias"])))
        check_names(classes)
    return Probe(head.to(device), classes, reads="tokens")


def check_names(classes: tuple[str, ...]) -> None:
    """Raise ``ValueError`` when two classes share a name: only one could be told."""
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise ValueError(f"two classes are called {twice!r}")
