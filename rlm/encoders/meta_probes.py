"""The attentive probes that Meta publishes beside V-JEPA 2 as ``.pt`` files.

Such a file is a dictionary. ``"classifiers"`` is a list of state dicts, one for each setting that
was tried (the published ones hold one), with ``module.`` before each name, as data-parallel
training leaves it:

- ``pooler.query_tokens`` [1, queries, D];
- ``pooler.blocks.<i>``: ``norm1``, ``attn.qkv``, ``attn.proj``, ``norm2``, ``mlp.fc1`` and
  ``mlp.fc2``;
- ``pooler.cross_attention_block``: ``norm1``, ``xattn.q``, ``xattn.kv``, ``norm2``, ``mlp.*``;
- ``linear`` for video classification (Something-Something v2, Diving48), one query; or
  ``verb_classifier``, ``noun_classifier`` and ``action_classifier`` for action anticipation
  (EPIC-KITCHENS-100), a query each in that order; or ``action_classifier`` alone (COIN).

Nothing in it says how many attention heads there are (16) or what tokens it was trained on. The
anticipation probes read the encoder's tokens of 32 pictures at 8 a second, followed by one tubelet
that the predictor foretells one second ahead, alone (Assran et al. 2025, section 6). The SSv2 ones
read the encoder's last tokens. The Diving48 ones were trained on the tokens of four layers, which
nothing here gives them: take the one that transformers loads instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from rlm.encoders.heads import usable
from rlm.encoders.published import PooledClassifier

FRAMES, FPS, AHEAD = 32, 8.0, 1.0
"""Pictures, their rate, and seconds ahead that the anticipation probes were trained with."""
_HEADS = ("verb", "noun", "action")  # in the order of their queries
_BLOCK = {
    "norm1": "layer_norm1",
    "attn.proj": "self_attn.out_proj",
    "norm2": "layer_norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "xattn.q": "cross_attn.q_proj",
}
_TOGETHER = {  # projections that Meta keeps in one matrix, in the order of its rows
    "attn.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "xattn.kv": ("cross_attn.k_proj", "cross_attn.v_proj"),
}


@dataclass(frozen=True, eq=False)
class MetaProbe:
    """One head of such a file, under transformers' names.

    ``state`` is what ``PooledClassifier.of`` takes, float32; ``anticipates`` says whether it reads
    what the predictor foretells.
    """

    state: Mapping[str, Tensor]
    hidden: int
    classes: int
    anticipates: bool


def read_meta(file: Path, head: str = "action") -> MetaProbe:
    """Read the first classifier of ``file``; ``head`` says which, where there are several.

    Only tensors and plain containers are unpickled, so the file cannot run code.

    Raises ``WeightsMissing`` when it is no such file, is damaged, or has no such head.
    """
    with usable("probe", file):
        found = _classifier(file)
        anticipates = "linear.weight" not in found
        heads = [each for each in _HEADS if f"{each}_classifier.weight" in found]
        if anticipates and head not in heads:
            raise ValueError(f"it has no head {head!r}: there are {', '.join(heads) or 'none'}")
        linear = f"{head}_classifier" if anticipates else "linear"
        state = _renamed(found, heads.index(head) if anticipates else 0)
        for part in ("weight", "bias"):
            state[f"classifier.{part}"] = _take(found, f"{linear}.{part}")
        PooledClassifier.of(state)  # or whether all fits would only be known when it is asked
    classes, hidden = state["classifier.weight"].shape
    return MetaProbe(state, hidden, classes, anticipates)


def _classifier(file: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError("it is damaged, or holds more than tensors and could run code") from error
    classifiers = content.get("classifiers") if isinstance(content, dict) else None
    if not (isinstance(classifiers, list) and classifiers and isinstance(classifiers[0], dict)):
        raise ValueError("it is no file of Meta's probes: it has no list of 'classifiers'")
    return {name.removeprefix("module."): each.float() for name, each in classifiers[0].items()}


def _take(found: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in found:
        raise ValueError(f"it lacks {name}")
    return found[name]


def _renamed(found: Mapping[str, Tensor], query: int) -> dict[str, Tensor]:
    """The pooler with the one query, under transformers' names."""
    queries = _take(found, "pooler.query_tokens")
    if query >= queries.shape[1]:
        raise ValueError(f"it has {queries.shape[1]} queries, which is not one for each head")
    state = {"pooler.query_tokens": queries[:, query : query + 1].clone()}
    for name, tensor in found.items():
        if name.startswith("pooler.blocks."):
            number, _, rest = name.removeprefix("pooler.blocks.").partition(".")
            place = f"pooler.self_attention_layers.{number}"
        elif name.startswith("pooler.cross_attention_block."):
            rest = name.removeprefix("pooler.cross_attention_block.")
            place = "pooler.cross_attention_layer"
        else:
            continue
        part, _, kind = rest.rpartition(".")  # kind is weight or bias
        if part in _TOGETHER:
            for each, rows in zip(_TOGETHER[part], tensor.chunk(len(_TOGETHER[part])), strict=True):
                state[f"{place}.{each}.{kind}"] = rows.clone()
        elif part in _BLOCK:
            state[f"{place}.{_BLOCK[part]}.{kind}"] = tensor
        else:
            raise ValueError(f"{name} is in no probe of Meta's")
    return state
