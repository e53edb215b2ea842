"""The text side of the built-in models: a text tower and a video pool that share one space.

Both are trained together by contrast (as in CLIP, Radford et al. 2021) on V-JEPA tokens. The text
tower reads hashed words, pairs of neighbours and letter trigrams (the hashing trick, Weinberger et
al. 2009), so it needs no vocabulary file and reads words it has never met by their spelling.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.presets import HEADS_FILE, SIZES_FILE
from rlm.errors import WeightsMissing

_WORDS = 64


def word_features(text: str, buckets: int) -> list[list[int]]:
    """For each word of ``text`` the buckets of itself, of it after its neighbour, of its trigrams.

    Case and punctuation are dropped. CRC-32 is the hash: it is the same in every process.
    """
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return [
        [zlib.crc32(feature.encode()) % buckets for feature in _word_features(before, word)]
        for before, word in pairwise(["", *words])
    ]


def _word_features(before: str, word: str) -> Iterator[str]:
    yield f"w:{word}"
    yield f"b:{before} {word}"
    yield from (f"c:{f'#{word}#'[i : i + 3]}" for i in range(len(word)))


def _hidden_layer(width: int, inner: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, out))


def _projection(width: int, inner: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), _hidden_layer(width, inner, out))


class TextTower(nn.Module):
    """Texts to L2-normalised vectors: hashed words, two transformer layers, a projection.

    Words attend to each other, since which colour belongs to which shape is a matter of order.
    """

    def __init__(self, buckets: int, width: int, inner: int, out: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.embedding = nn.EmbeddingBag(buckets, width, mode="mean")
        # As large as the words themselves, or it would be learned late which word is where.
        self.place = nn.Parameter(torch.randn(_WORDS, width) * 0.3)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.project = _projection(width, inner, out)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """N texts to [N, out]; of a text the first 64 words are read."""
        device = self.embedding.weight.device
        read = [word_features(text, self.buckets)[:_WORDS] or [[0]] for text in texts]
        words = [word for text in read for word in text]
        ends = torch.tensor([len(word) for word in words], device=device).cumsum(0)
        starts = torch.cat([ends.new_zeros(1), ends[:-1]])
        flat = torch.tensor([bucket for word in words for bucket in word], device=device)
        embedded = self.embedding(flat, starts)  # [all words, width]
        lengths = [len(text) for text in read]
        padded = nn.utils.rnn.pad_sequence(list(embedded.split(lengths)), batch_first=True)
        places = torch.arange(padded.size(1), device=device)
        empty = places[None] >= torch.tensor(lengths, device=device)[:, None]
        seen = self.layers(padded + self.place[: padded.size(1)], src_key_padding_mask=empty)
        seen = seen.masked_fill(empty[..., None], 0).sum(1) / (~empty).sum(1, keepdim=True)
        projected: Tensor = self.project(seen)
        return functional.normalize(projected.float(), dim=-1)


class AttentionPool(nn.Module):
    """Layer-normed V-JEPA tokens to L2-normalised vectors: learned queries look over all tokens.

    What a token adds is not linear in it: sums of linear values say which colours and which shapes
    there are, but not which belongs to which.
    """

    def __init__(self, hidden: int, queries: int, inner: int, out: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(queries, hidden) * 0.05)
        self.key = nn.Linear(hidden, hidden)
        self.value = _hidden_layer(hidden, 2 * hidden, hidden)
        self.project = _projection(queries * hidden, inner, out)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, hidden] to [B, out]."""
        scores = self.key(tokens) @ self.query.T / tokens.size(-1) ** 0.5  # [B, N, queries]
        pooled = scores.softmax(dim=1).transpose(1, 2) @ self.value(tokens)  # [B, queries, hidden]
        projected: Tensor = self.project(pooled.flatten(1))
        return functional.normalize(projected.float(), dim=-1)


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
        with usable("heads", folder):
            heads = cls(**read_sizes(folder)["joint"])
            heads.load_state_dict(read_tensors(folder / HEADS_FILE, "pool.", "text."))
        return heads.eval().requires_grad_(False)


def read_sizes(folder: Path) -> dict[str, Any]:
    """``heads.json``: the sizes and the names that the tensors of ``heads.safetensors`` go with."""
    sizes: dict[str, Any] = json.loads((folder / SIZES_FILE).read_text(encoding="utf-8"))
    return sizes


def read_tensors(file: Path, *beginnings: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose names begin so (default: all), in float32."""
    with safe_open(file, framework="pt") as tensors:
        names = [name for name in tensors.keys() if name.startswith(beginnings or "")]  # noqa: SIM118
        return {name: tensors.get_tensor(name).float() for name in names}


@contextmanager
def usable(what: str, folder: Path) -> Iterator[None]:
    """Whatever goes wrong within is a ``WeightsMissing``, one line that names the folder."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())
        raise WeightsMissing(f"the {what} in {folder} cannot be used: {reason}") from error
