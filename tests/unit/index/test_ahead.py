from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import closing

import pytest

from rlm.index.ahead import ahead


def _count(to: int, made: list[int], fail_at: int | None = None) -> Generator[int, None, None]:
    try:
        for number in range(to):
            if number == fail_at:
                raise RuntimeError("no more")
            made.append(number)
            yield number
    finally:
        made.append(-1)


def test_same_items_same_order() -> None:
    assert list(ahead(_count(1000, []), 3)) == list(range(1000))


def test_only_so_far_ahead_and_no_further_than_wanted() -> None:
    made: list[int] = []
    before = threading.active_count()
    with closing(ahead(_count(1000, made), 3)) as items:
        assert next(items) == 0
        time.sleep(0.05)
        assert len(made) <= 5
    assert threading.active_count() == before
    assert made[-1] == -1 and len(made) < 10


def test_what_goes_wrong_there_is_raised_here() -> None:
    got = []
    with pytest.raises(RuntimeError, match="no more"):
        for item in ahead(_count(9, [], fail_at=4), 2):
            got.append(item)
    assert got == [0, 1, 2, 3]
