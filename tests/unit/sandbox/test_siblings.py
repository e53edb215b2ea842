"""Sessions that share a pool, and how they end."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from sandbox import Pool, Sandbox, SandboxError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jails exist on Linux only")


def test_siblings_end_with_the_sandbox_whose_cell_waits_for_them() -> None:
    begun = threading.Event()
    took: list[float] = []

    def ask() -> None:
        with box.sibling({}) as sibling:
            begun.set()
            started = time.monotonic()
            try:
                sibling.run("import time; time.sleep(60)")
            finally:
                took.append(time.monotonic() - started)

    with Sandbox({"ask": ask}, preload=()) as box:
        running = threading.Thread(target=lambda: box.run("ask()"))
        running.start()
        assert begun.wait(100)
        time.sleep(0.2)
        box.close()
        running.join(100)
        with pytest.raises(SandboxError, match="closed"):
            box.sibling({}).start()
    assert took[0] < 50


def test_processes_that_nobody_took_are_not_prepared_again() -> None:
    with Pool(preload=(), spares=1) as pool:
        for _ in range(4):
            pool.prepare(3)
        deadline = time.monotonic() + 100
        while pool._starting and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(pool._spares) == 3


def test_a_pool_that_closes_leaves_processes_in_use_to_their_threads() -> None:
    ended: list[BaseException] = []

    def work(sandbox: Sandbox) -> None:
        try:
            with sandbox:
                ready.release()
                sandbox.run("import time; time.sleep(60)")
        except BaseException as error:
            ended.append(error)

    with Pool(preload=(), spares=1) as pool:
        ready = threading.Semaphore(0)
        threads = [threading.Thread(target=work, args=(pool.sandbox({}),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert ready.acquire(timeout=100)
        time.sleep(0.1)
    for thread in threads:
        thread.join(100)
    assert [str(error) for error in ended] == ["the sandbox is closed; open another one"] * 4
    assert pool._busy == {}
