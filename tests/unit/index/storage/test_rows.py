from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from rlm.index.storage.rows import RowWriter, read_rows


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_rows_are_read_as_written(tmp_path: Path, count: int) -> None:
    rows = np.random.default_rng(count).normal(size=(count, 2, 3)).astype(np.float32)
    with closing(RowWriter(tmp_path / "a.npy", (2, 3), np.float32)) as writer:
        for row in rows[: count // 2]:
            writer.add(row)
        writer.extend(rows[count // 2 :])
        array = writer.array()
    assert writer.count == count and isinstance(array, np.memmap)
    assert np.array_equal(array, rows) and np.array_equal(np.load(tmp_path / "a.npy"), rows)
    for size in (1, 3, 2000):
        parts = list(read_rows(array, size))
        assert all(len(part) <= size for part in parts)
        assert np.array_equal(np.concatenate([*parts, rows[:0]]), rows)


def test_other_rows_are_refused(tmp_path: Path) -> None:
    with closing(RowWriter(tmp_path / "a.npy", (2,), np.uint8)) as writer:
        for row in (np.zeros(3, np.uint8), np.zeros(2, np.int64)):
            with pytest.raises(ValueError, match="a row is uint8"):
                writer.add(row)
