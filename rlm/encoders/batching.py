"""How many windows go through a model at a time, found by what fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from rlm.encoders.machine import free_memory
from rlm.encoders.presets import Preset
from rlm.errors import EncoderError

T = TypeVar("T")
R = TypeVar("R")

# The estimate of a window's memory is rough and the allocator fragments.
_SHARE = 0.8
_MOST = 256


class Batcher:
    """Runs windows through a model in batches as large as memory allows.

    ``size`` starts at the preset's on a CPU and at what free memory holds on a GPU. When a batch
    does not fit after all it is cut in half and tried again, and the smaller size is kept.
    """

    def __init__(self, preset: Preset, device: torch.device, dtype: torch.dtype) -> None:
        self._preset = preset
        self._device = device
        self.size = first_size(preset, free_memory(device), dtype.itemsize)

    def run(self, items: Sequence[T], forward: Callable[[Sequence[T]], Sequence[R]]) -> list[R]:
        """``forward`` over ``items`` in order, one result for each.

        Raises ``EncoderError`` when not even one window fits.
        """
        results: list[R] = []
        while len(results) < len(items):
            batch = items[len(results) : len(results) + self.size]
            try:
                done = forward(batch)
            except torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    raise EncoderError(
                        f"one window of preset {self._preset.name} does not fit into the memory "
                        f"of {self._device}: take a smaller preset"
                    ) from error
                self.size = len(batch) // 2
            else:
                results.extend(done)
                continue
            # Outside the handler, where the traceback no longer holds the tensors that were made.
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        return results


def first_size(preset: Preset, free: int | None, item: int) -> int:
    """Windows to begin with, for ``free`` bytes of GPU memory and numbers of ``item`` bytes."""
    if free is None:
        return preset.batch
    return max(1, min(_MOST, int(free * _SHARE) // preset.window_memory(item)))
