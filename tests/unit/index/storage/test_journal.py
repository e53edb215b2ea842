"""What was computed is there again, and nothing that was not."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm.index.storage.journal import Journal

KEYS = [bytes([number]) * 16 for number in range(5)]


def _rows(number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    return {
        "vjepa": rng.normal(size=(1, 7)).astype(np.float32),
        "moments": rng.normal(size=(number, 3)).astype(np.float32),
    }


def _fill(folder: Path, count: int = 5) -> bytes:
    with closing(Journal(folder)) as journal:
        for number in range(count):
            journal.put(KEYS[number], _rows(number))
    return (folder / "journal").read_bytes()


def _same(journal: Journal, number: int) -> bool:
    kept = journal.get(KEYS[number])
    if kept is None:
        return False
    expected = _rows(number)
    assert kept.keys() == expected.keys()
    return all(np.array_equal(kept[name], expected[name]) for name in expected)


def test_it_remembers(tmp_path: Path) -> None:
    _fill(tmp_path)
    with closing(Journal(tmp_path)) as journal:
        assert len(journal) == 5 and all(_same(journal, number) for number in range(5))
        assert journal.get(b"x" * 16) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 1000), flip=st.none() | st.integers(0, 1000))
def test_whatever_is_left_of_it_is_right(tmp_path: Path, cut: int, flip: int | None) -> None:
    (tmp_path / "journal").unlink(missing_ok=True)
    whole = bytearray(_fill(tmp_path))
    if flip is not None:
        whole[flip % len(whole)] ^= 0x40
    (tmp_path / "journal").write_bytes(whole[: cut % (len(whole) + 1)])
    with closing(Journal(tmp_path)) as journal:
        held = [number for number in range(5) if journal.get(KEYS[number]) is not None]
        assert held == list(range(len(held))) and len(journal) == len(held)
        assert all(_same(journal, number) for number in held)
        # What follows a torn record is found again.
        journal.put(KEYS[4], _rows(4))
    with closing(Journal(tmp_path)) as journal:
        assert _same(journal, 4) and all(_same(journal, number) for number in held)


def test_records_are_out_at_once(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.put(KEYS[0], _rows(0))
    with closing(Journal(tmp_path)) as second:
        assert _same(second, 0)
    first.close()
    with pytest.raises(ValueError, match="closed"):
        first.put(KEYS[1], _rows(1))
