"""V-JEPA 2's rotary positions from tables that are made once.

transformers works out sines and cosines anew in every layer, in the number type of the model, and
turns queries and keys part by part: on a GPU that is half of an encoder's time. Angles in bfloat16
are also off by up to 1/16 radian at the end of a clip; the tables are made in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_BASE = 10_000


def quicken(model: Any) -> None:
    """Have the attention of ``model``, a part of a ``VJEPA2Model``, use tables.

    For tokens that are numbered from 0 without a gap: an encoder's always are, a predictor's
    only where what is foretold follows at once upon the context.
    """
    from transformers.models.vjepa2.modeling_vjepa2 import VJEPA2RopeAttention

    tables: dict[tuple[int, int], RotaryTables] = {}
    for module in model.modules():
        if isinstance(module, VJEPA2RopeAttention):
            shape = module.d_dim, module.grid_size
            module.apply_rotary_embeddings = tables.setdefault(shape, RotaryTables(*shape))


class RotaryTables:
    """What ``VJEPA2RopeAttention.apply_rotary_embeddings`` computes, a table for each length.

    ``part`` of a head's numbers are for time, as many for the row and for the column of a token in
    a picture of ``grid`` x ``grid`` tokens; the rest are not turned.
    """

    def __init__(self, part: int, grid: int) -> None:
        self._part, self._grid = part, grid
        self._tables: dict[tuple[object, ...], tuple[Tensor, Tensor]] = {}

    def __call__(self, heads: Tensor, _: object) -> Tensor:
        """[B, heads, N, D] to the same, turned by the places of the N tokens."""
        count, width = heads.shape[2:]
        key = (count, width, heads.dtype, heads.device)
        if key not in self._tables:
            with torch.inference_mode(False):  # a table made there could not be trained with
                sin, cos = self._table(count, width)
                self._tables[key] = (sin.to(heads), cos.to(heads))
        sin, cos = self._tables[key]
        swapped = heads.reshape(*heads.shape[:-1], -1, 2).flip(-1).flatten(-2)
        return torch.addcmul(heads * cos, swapped, sin)

    def _table(self, count: int, width: int) -> tuple[Tensor, Tensor]:
        """Sines, signed for swapped pairs, and cosines, both float32[count, width]."""
        number = torch.arange(count)
        places = (number // self._grid**2, number // self._grid % self._grid, number % self._grid)
        pace = 1 / _BASE ** (torch.arange(self._part // 2) / (self._part / 2))
        angle = torch.cat([(place[:, None] * pace).repeat(1, 2) for place in places], -1)
        sign = torch.ones(angle.size(-1))
        sign[::2] = -1
        still = width - angle.size(-1)
        sin = functional.pad(angle.sin() * sign, (0, still))
        return sin, functional.pad(angle.cos(), (0, still), value=1.0)
