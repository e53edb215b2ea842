"""A vector that knows the space it lives in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.errors import SpaceMismatch, UsageError

_NORM_TOLERANCE = 1e-3
_ORIGINS = ("video", "text")


@dataclass(frozen=True, eq=False)
class Embedding:
    """An L2-normalised vector, float32[D], and the name of its space.

    ``space`` names model, revision, layer and pooling, as in
    ``"builtin@3f1c9a0b2d4e/encoder/mean"``. Two vectors are compared only inside one space, and
    nothing is ever padded or cut to fit. ``origin`` says what was embedded, ``"video"`` or
    ``"text"``: a space may hold both.

    Raises ``UsageError`` when the vector is not one-dimensional, finite and of length 1 (within
    1e-3), or when the space has no name.
    """

    space: str
    vector: NDArray[np.float32]
    origin: str = "video"

    def __post_init__(self) -> None:
        if not self.space:
            raise UsageError("an embedding needs the name of its space")
        if self.origin not in _ORIGINS:
            raise UsageError(f"an embedding comes from video or text, not {self.origin!r}")
        vector = np.array(self.vector, dtype=np.float32)
        if vector.ndim != 1 or vector.size == 0:
            raise UsageError(f"an embedding is a vector float32[D], not of shape {vector.shape}")
        norm = float(np.linalg.norm(vector))
        if not abs(norm - 1.0) <= _NORM_TOLERANCE:
            raise UsageError(
                f"an embedding has L2 norm 1, this one in {self.space} has {norm:.4g}: normalise it"
            )
        vector.flags.writeable = False
        object.__setattr__(self, "vector", vector)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Embedding):
            return NotImplemented
        return self.space == other.space and np.array_equal(self.vector, other.vector)

    def __hash__(self) -> int:
        return hash((self.space, self.vector.tobytes()))

    def similarity(self, other: Embedding) -> float:
        """Cosine similarity in ``[-1, 1]``; ``SpaceMismatch`` when the spaces differ."""
        if self.space != other.space or self.vector.shape != other.vector.shape:
            raise SpaceMismatch(
                f"{self.space} ({self.vector.size}-d) cannot be compared with "
                f"{other.space} ({other.vector.size}-d): embed both in one space"
            )
        return float(np.clip(self.vector @ other.vector, -1.0, 1.0))


def normalise(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of ``vectors`` [..., D] scaled to L2 norm 1, float32; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled
