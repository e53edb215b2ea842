from __future__ import annotations

import signal
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


def test_the_impatient_wait_for_the_thread_all_the_same() -> None:
    released, running = threading.Event(), threading.Event()

    def slow() -> Generator[int, None, None]:
        yield 0
        running.set()
        released.wait(100)
        yield 1

    items = ahead(slow(), 1)
    next(items)
    running.wait(100)
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    threading.Timer(1.0, released.set).start()
    with pytest.raises(KeyboardInterrupt):
        items.close()
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("began", [True, False])
def test_an_interrupt_at_the_very_start(monkeypatch: pytest.MonkeyPatch, began: bool) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if thread.name == "read-ahead":
            if began:
                start(thread)
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    made: list[int] = []
    items = _count(1000, made)
    with pytest.raises(KeyboardInterrupt):
        next(ahead(items, 2))
    items.close()  # whoever made it may close it: no thread is in it any more
    assert "read-ahead" not in [thread.name for thread in threading.enumerate()]
