"""Decoded pictures: one (``Frame``) or a span of them (``Clip``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.spans import Span


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One picture.

    ``time`` is in seconds from the first picture of the video; ``rgb`` is uint8 ``[H, W, 3]``.
    """

    time: float
    rgb: NDArray[np.uint8]


@dataclass(frozen=True, eq=False, slots=True)
class Clip:
    """The pictures of a span.

    ``times`` is float64 ``[T]``, seconds, never decreasing; ``rgb`` is uint8 ``[T, H, W, 3]``.
    Raises ``UsageError`` when the arrays have other shapes or types.
    """

    span: Span
    times: NDArray[np.float64]
    rgb: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 4 or self.rgb.shape[-1] != 3:
            raise UsageError(
                "the pictures of a clip are uint8 [T, H, W, 3],"
                f" not {self.rgb.dtype} {list(self.rgb.shape)}"
            )
        if self.times.dtype != np.float64 or self.times.shape != self.rgb.shape[:1]:
            raise UsageError(
                f"a clip of {len(self.rgb)} pictures needs as many float64 times,"
                f" not {self.times.dtype} {list(self.times.shape)}"
            )

    def __len__(self) -> int:
        return len(self.rgb)
