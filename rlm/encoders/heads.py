"""The text side of the built-in models: a text tower and a video pool that share one space.

Both are trained together by contrast (as in CLIP, Radford et al. 2021) on V-JEPA tokens. The text
tower reads hashed words, word pairs and letter trigrams (the hashing trick, Weinberger et al.
2009), so it needs no vocabulary file and reads words it has never met by their spelling.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.presets import HEADS_FILE
from rlm.errors import WeightsMissing

_SIZES_FILE = "heads.json"


def text_features(text: str, buckets: int) -> list[int]:
    """Bucket numbers of the words, neighbouring pairs and letter trigrams of ``text``.

    Case and punctuation are dropped. CRC-32 is the hash: it is the same in every process.
    """
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    pairs = zip(["^", *words], [*words, "$"], strict=True)
    features = [f"w:{word}" for word in words]
    features += [f"b:{first}_{second}" for first, second in pairs]
    features += [f"c:{f'#{word}#'[i : i + 3]}" for word in words for i in range(len(word))]
    return [zlib.crc32(feature.encode()) % buckets for feature in features]


def _projection(width: int, inner: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, out)
    )


class TextTower(nn.Module):
    """Texts to L2-normalised vectors: the mean of feature embeddings, then a projection."""

    def __init__(self, buckets: int, width: int, inner: int, out: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.embedding = nn.EmbeddingBag(buckets, width, mode="mean")
        self.project = _projection(width, inner, out)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """N texts to [N, out]."""
        device = self.embedding.weight.device
        features = [text_features(text, self.buckets) for text in texts]
        ends = torch.tensor([len(row) for row in features], device=device).cumsum(0)
        flat = torch.tensor([bucket for row in features for bucket in row], device=device)
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        projected: Tensor = self.project(self.embedding(flat, starts))
        return functional.normalize(projected, dim=-1)


class AttentionPool(nn.Module):
    """Layer-normed V-JEPA tokens to L2-normalised vectors: learned queries look over all tokens."""

    def __init__(self, hidden: int, queries: int, inner: int, out: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(queries, hidden))
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.project = _projection(queries * hidden, inner, out)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, hidden] to [B, out]."""
        scores = self.key(tokens) @ self.query.T / tokens.size(-1) ** 0.5  # [B, N, queries]
        pooled = scores.softmax(dim=1).transpose(1, 2) @ self.value(tokens)  # [B, queries, hidden]
        projected: Tensor = self.project(pooled.flatten(1))
        return functional.normalize(projected, dim=-1)


class JointHeads(nn.Module):
    """The two sides of the joint space."""

    def __init__(
        self, hidden: int, queries: int, buckets: int, width: int, inner: int, out: int
    ) -> None:
        super().__init__()
        self.out = out
        self.pool = AttentionPool(hidden, queries, inner, out)
        self.text = TextTower(buckets, width, inner, out)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``heads.json`` (sizes) and ``heads.safetensors`` from ``folder``.

        Raises ``WeightsMissing`` when either is damaged or they do not fit each other.
        """
        try:
            sizes = json.loads((folder / _SIZES_FILE).read_text())["joint"]
            state = {
                name: value.float()
                for name, value in load_file(folder / HEADS_FILE).items()
                if name.partition(".")[0] in ("pool", "text")
            }
            heads = cls(**sizes)
            heads.load_state_dict(state)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise WeightsMissing(f"the heads in {folder} cannot be used: {reason}") from error
        return heads.eval().requires_grad_(False)
