"""The arithmetic and memory of a model, worked out from the shape of it.

A vision transformer is counted as its matrix products, two operations a multiply-add: per block
and token ``2 * (4 * hidden**2 + 2 * hidden * mlp)`` for the projections and the MLP, and
``4 * sequence * hidden`` for the attention of one token to its sequence (Kaplan et al. 2020,
arXiv:2001.08361, section 2.1, with the attention term kept, which for video is not small).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TERA = 1e12

# Numbers that live at once in the widest part of a block, for each token, in units of the hidden
# size: the residual, its norm, queries, keys and values, and the copies that the rotary positions
# make of them. Set to the peak of ViT-L, 4 windows of 16 pictures, bfloat16: 0.38 GB.
_ACTIVATION_WIDTH = 16
# Scores, their soft cap and a float32 copy, where they are not fused into the attention kernel. Set
# to the peak of VideoPrism-LvT, bfloat16: 2.1 GB a window.
_SCORE_BYTES = 10


@dataclass(frozen=True)
class Blocks:
    """``layers`` transformer blocks of width ``hidden``, with an MLP of width ``mlp``."""

    layers: int
    hidden: int
    mlp: int

    @property
    def parameters(self) -> int:
        """Weights and biases of the projections, the MLP and two layer norms, all blocks."""
        attention = 4 * (self.hidden**2 + self.hidden)
        mlp = 2 * self.hidden * self.mlp + self.hidden + self.mlp
        return self.layers * (attention + mlp + 4 * self.hidden)

    def flop(self, tokens: int, sequence: int) -> float:
        """Operations for ``tokens`` in all, each of which attends to ``sequence`` of them."""
        products = 2 * (4 * self.hidden**2 + 2 * self.hidden * self.mlp)
        return float(self.layers * tokens * (products + 4 * sequence * self.hidden))


@dataclass(frozen=True)
class Architecture:
    """The shape of a video or image transformer, and of what is loaded along with it.

    A window becomes ``tubelet`` x ``patch`` x ``patch`` tokens. ``joint`` blocks attend over all
    tokens of a window, ``spatial`` ones within one picture, ``temporal`` ones along one place (the
    factorised encoder of ViViT, Arnab et al. 2021, section 3.3). ``companions`` are blocks that
    are loaded but not run for a window: a predictor, a text tower with ``vocabulary`` words.
    ``pooler`` counts the parameters of a pooling head. ``fused`` is false where the attention
    scores of a sequence are held in memory whole.
    """

    hidden: int
    mlp: int
    heads: int
    patch: int
    tubelet: int = 1
    joint: int = 0
    spatial: int = 0
    temporal: int = 0
    companions: tuple[Blocks, ...] = ()
    vocabulary: int = 0
    pooler: int = 0
    fused: bool = True

    def tokens(self, frames: int, crop: int) -> int:
        """Tokens of a window of ``frames`` pictures of ``crop`` x ``crop`` pixels."""
        return -(-frames // self.tubelet) * (crop // self.patch) ** 2

    def parameters(self, frames: int, crop: int) -> int:
        """Numbers in the part that encodes windows of this shape."""
        pixels = 3 * self.tubelet * self.patch**2
        embedding = self.hidden * (pixels + 1) + 2 * self.hidden
        blocks = sum(stack.parameters for stack, _ in self._stacks(frames, crop))
        return embedding + blocks + self.pooler

    def loaded_parameters(self, frames: int, crop: int) -> int:
        """Numbers in memory once the whole model is loaded."""
        words = self.vocabulary * (self.companions[0].hidden if self.companions else 0)
        others = sum(blocks.parameters for blocks in self.companions)
        return self.parameters(frames, crop) + others + words

    def flop(self, frames: int, crop: int) -> float:
        """Operations for one window."""
        tokens = self.tokens(frames, crop)
        embedding = 2.0 * tokens * self.hidden * 3 * self.tubelet * self.patch**2
        return embedding + sum(
            stack.flop(tokens, sequence) for stack, sequence in self._stacks(frames, crop)
        )

    def activation_bytes(self, frames: int, crop: int, item: int) -> int:
        """Bytes that one window needs while it is encoded in numbers of ``item`` bytes."""
        tokens = self.tokens(frames, crop)
        # The pixels come as bytes and are normalised in float32.
        pixels = frames * crop**2 * 3 * (1 + 4 + item)
        # Tokens are layer-normed and pooled in float32.
        pooled = 2 * 4 * tokens * self.hidden
        blocks = item * tokens * max(_ACTIVATION_WIDTH * self.hidden, 4 * self.hidden + self.mlp)
        scores = 0
        if not self.fused:
            longest = max(sequence for _, sequence in self._stacks(frames, crop))
            scores = _SCORE_BYTES * self.heads * tokens * longest
        return pixels + max(blocks + scores, pooled)

    def _stacks(self, frames: int, crop: int) -> Iterator[tuple[Blocks, int]]:
        """The blocks a window goes through, each with the length of its sequences."""
        places = (crop // self.patch) ** 2
        moments = -(-frames // self.tubelet)
        for layers, sequence in (
            (self.spatial, places),
            (self.temporal, moments),
            (self.joint, places * moments),
        ):
            if layers:
                yield Blocks(layers, self.hidden, self.mlp), sequence
