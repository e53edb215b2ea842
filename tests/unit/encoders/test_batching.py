"""Batches as large as memory allows. The memory that runs out is made of a number here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlm.encoders import PRESETS
from rlm.encoders.batching import Batcher, first_size
from rlm.encoders.machine import device_name, free_memory, matrix_rate, pick_device
from rlm.errors import EncoderError

CPU = torch.device("cpu")


class Memory:
    """Runs out above ``room`` items, as CUDA does, and notes how many it was given."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.given: list[int] = []

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.given.append(len(items))
        if len(items) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [item * 2 for item in items]


def _batcher(size: int) -> Batcher:
    batcher = Batcher(PRESETS["fast"], CPU, torch.float32)
    batcher.size = size
    return batcher


@given(st.integers(0, 40), st.integers(1, 64), st.integers(1, 64))
def test_everything_comes_back_once_and_in_order(count: int, size: int, room: int) -> None:
    batcher, memory = _batcher(size), Memory(room)
    items = list(range(count))
    assert batcher.run(items, memory) == [item * 2 for item in items]
    assert batcher.size <= size
    done = [given for given in memory.given if given <= room]
    assert sum(done) == count
    # Sizes only fall, but for the rest at the end.
    assert memory.given[:-1] == sorted(memory.given[:-1], reverse=True)


def test_the_size_that_was_found_is_kept() -> None:
    batcher, memory = _batcher(16), Memory(3)
    batcher.run(range(7), memory)
    assert memory.given == [7, 3, 3, 1]
    batcher.run(range(6), memory)
    assert memory.given[4:] == [3, 3] and batcher.size == 3


def test_one_window_that_does_not_fit_is_said() -> None:
    with pytest.raises(EncoderError, match="one window of preset fast does not fit"):
        _batcher(4).run(range(4), Memory(0))


def test_other_errors_are_not_swallowed() -> None:
    def fail(items: Sequence[int]) -> list[int]:
        raise RuntimeError("shape")

    with pytest.raises(RuntimeError, match="shape"):
        _batcher(4).run(range(4), fail)


def test_the_first_size_comes_from_free_memory() -> None:
    fast = PRESETS["fast"]
    window = fast.window_memory(2)
    assert first_size(fast, None, 2) == fast.batch
    assert first_size(fast, 0, 2) == 1
    assert first_size(fast, 10 * window, 2) == 8
    assert first_size(fast, 10 * window, 4) == 4
    assert first_size(fast, 10**15, 2) == 256
    quality = PRESETS["quality"]
    assert first_size(quality, 20_000_000_000, 2) < first_size(fast, 20_000_000_000, 2)


def test_this_machine_is_measured() -> None:
    device = pick_device()
    assert device_name(device)
    assert (free_memory(device) is None) == (device.type == "cpu")
    assert 1e-3 < matrix_rate(device, torch.float32, seconds=0.05) < 1e4
