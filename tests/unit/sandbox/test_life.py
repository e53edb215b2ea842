"""Interrupts, Ctrl-C, spares, and that nothing of a jail outlives its host."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox import Limits, Pool, Sandbox, concurrent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jails exist on Linux only")

ROOT = Path(__file__).resolve().parents[3]
LEVELS = [
    pytest.param(
        "bubblewrap", marks=pytest.mark.skipif(not shutil.which("bwrap"), reason="no bwrap")
    ),
    "landlock",
]


@pytest.mark.parametrize("level", LEVELS)
def test_400_random_interrupts_lose_no_session(level: Any) -> None:
    """Half of them at each level; they land at any moment of calls, arrays and batches."""
    rng = random.Random(7)
    large = np.arange(60_000)
    begun = threading.Semaphore(0)

    @concurrent
    def work(item: int) -> int:
        return item

    functions = {
        "begin": begun.release,
        "echo": lambda value: value,
        "large": lambda: large,
        "work": work,
    }
    code = """
begin()
while True:
    count += 1
    echo([1, {'a': b'x' * 1000}]); large()[-1]; work.map(range(3)); print(count)
"""
    with Sandbox(functions, Limits(cell_seconds=100, grace_seconds=30), level=level) as sandbox:
        sandbox.run("count = 0")

        def interrupter() -> None:
            for _ in range(200):
                begun.acquire()
                time.sleep(rng.uniform(0, 0.004))
                sandbox.interrupt()

        thread = threading.Thread(target=interrupter)
        thread.start()
        for _ in range(200):
            outcome = sandbox.run(code)
            assert outcome.interrupted and not outcome.restarted and not outcome.timed_out
            assert outcome.error is not None and outcome.error.type == "KeyboardInterrupt"
        thread.join()
        assert sandbox.run("print(count > 0)").stdout == "True\n"


def _processes(mark: str) -> list[int]:
    """Processes whose command line holds a mark, zombies left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if mark in line:
                found.append(int(folder.name))
    return found


def _gone(mark: str, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while _processes(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _marking(mark: str) -> str:
    """Code of a host that puts a mark into the command lines of its jails."""
    return f"""
import sys, time; sys.path.insert(0, {str(ROOT)!r})
from sandbox import Pool, Sandbox, levels
levels.BOOT = "# {mark}" + levels.BOOT
"""


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_left_of_a_jail_that_is_closed_while_it_starts(level: Any) -> None:
    mark = f"early-{os.getpid()}-{level}"
    code = f"""{_marking(mark)}
for n in range(20):
    with Pool(preload=(), level={level!r}, spares=2) as pool:
        pool.refill()
        time.sleep(n / 4000)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd="/", timeout=200)
    assert done.returncode == 0
    assert _gone(mark)


@pytest.mark.parametrize("level", LEVELS)
def test_no_orphan_survives_the_death_of_the_host(level: Any) -> None:
    mark = f"orphans-{os.getpid()}-{level}"
    code = f"""{_marking(mark)}
sandbox = Sandbox({{}}, level={level!r}, preload=()); sandbox.start()
print("started", flush=True)
sandbox.run("import signal\\nsignal.signal(2, signal.SIG_IGN)\\nwhile True: pass")
"""
    host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd="/")
    assert host.stdout is not None
    with host.stdout:
        assert host.stdout.readline() == b"started\n"
        time.sleep(0.2)
        assert len(_processes(mark)) >= 2
        host.kill()
        host.wait()
    assert _gone(mark)


@pytest.mark.parametrize("exit_by", ["sys.exit(0)", "raise ValueError('on purpose')", "pass"])
def test_a_host_that_forgets_to_close_ends_cleanly(exit_by: str) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from sandbox import Sandbox
sandbox = Sandbox({{}}, preload=())
sandbox.run("1")
{exit_by}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert "Fatal" not in done.stderr and (done.returncode == 0) == ("raise" not in exit_by)


def test_ctrl_c_interrupts_the_cell_and_the_session_lives() -> None:
    code = f"""
import os, signal, sys, threading, time; sys.path.insert(0, {str(ROOT)!r})
from sandbox import Sandbox
def hit():
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
def hit_here():
    hit()
    time.sleep(20)
with Sandbox({{"hit": hit, "hit_here": hit_here}}, preload=()) as sandbox:
    for cell in ("x = 1; hit()\\nwhile True: x += 1", "hit_here()"):
        try:
            sandbox.run(cell)
        except KeyboardInterrupt:
            print(cell[:5], "interrupted;", sandbox.run("print(x > 0)").stdout.strip())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.stdout == "x = 1 interrupted; True\nhit_h interrupted; True\n", done.stderr


def test_other_exceptions_of_a_host_function_end_the_run() -> None:
    class Budget(BaseException):
        pass

    def spend() -> None:
        raise Budget

    with Sandbox({"spend": spend}, preload=()) as sandbox:
        with pytest.raises(Budget):
            sandbox.run("x = 1\nspend()\nx = 2")
        assert sandbox.run("x").stdout == "1\n"


def test_a_spare_makes_the_next_session_instant() -> None:
    with Pool(preload=(), spares=2) as pool:
        with pool.sandbox({}) as first:
            first.run("1")
            deadline = time.monotonic() + 100
            while len(pool._spares) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            spare = pool._spares[0]
            with pool.sandbox({}) as second:
                assert second._process is spare
                assert second.run("2").stdout == "2\n"
        assert first.level == second.level == pool.level


def test_a_dead_spare_is_not_handed_out() -> None:
    with Pool(preload=(), spares=1) as pool:
        pool._spares[0].kill()
        pool._spares[0].wait_status()
        with pool.sandbox({}) as sandbox:
            assert sandbox.run("1").stdout == "1\n"


def test_a_session_takes_up_no_more_descriptors_and_threads_than_it_gives_back() -> None:
    def held() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    with Sandbox({}, preload=()) as sandbox:
        sandbox.run("1")
    before = held()
    for _ in range(3):
        with Sandbox({"big": lambda: np.zeros(1 << 20, "u1")}, preload=()) as sandbox:
            sandbox.run("a = big(); del a")
            sandbox.run("import os; os._exit(0)")
            sandbox.run("1")
    assert held() == before


def test_a_host_function_may_outlast_its_session() -> None:
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    @concurrent
    def slow() -> None:
        began.set()
        go_on.wait(100)
        ended.set()

    with Sandbox({"slow": slow}, preload=()) as sandbox:
        thread = threading.Thread(target=lambda: (began.wait(100), sandbox.interrupt()))
        thread.start()
        assert sandbox.run("slow()").interrupted
        thread.join()
    go_on.set()
    assert ended.wait(100)


def test_calls_that_an_ended_cell_left_behind_count_as_parallel() -> None:
    go_on, lock = threading.Event(), threading.Lock()
    active = [0, 0]

    @concurrent
    def slow(item: int) -> None:
        with lock:
            active[0] += 1
            active[1] = max(active)
        go_on.wait(100)
        with lock:
            active[0] -= 1

    with Sandbox({"slow": slow}, Limits(parallel_calls=2), preload=()) as sandbox:
        for _ in range(3):
            timer = threading.Timer(0.2, sandbox.interrupt)
            timer.start()
            assert sandbox.run("slow.map(range(3))").interrupted
            timer.join()
        go_on.set()
        assert active[1] == 2


def test_open_calls_hold_no_more_than_the_arrays_of_one() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    @concurrent
    def slow(data: bytes) -> int:
        begun.release()
        go_on.wait(100)
        return len(data)

    limits = Limits(array_bytes=3 << 20)
    with Sandbox({"slow": slow}, limits, preload=()) as sandbox:
        outcomes: list[Any] = []
        code = "sum(slow.map([bytes(2 << 20)] * 6))"
        thread = threading.Thread(target=lambda: outcomes.append(sandbox.run(code)))
        thread.start()
        assert begun.acquire(timeout=100) and begun.acquire(timeout=100)
        assert not begun.acquire(timeout=0.3)
        go_on.set()
        thread.join()
        assert outcomes[0].stdout == f"{6 * (2 << 20)}\n"


def test_a_cell_that_computes_beside_its_calls_runs_out_of_time() -> None:
    @concurrent
    def rest() -> None:
        time.sleep(0.05)

    code = """
import threading, time
def ask():
    while True: rest()
for _ in range(2):
    threading.Thread(target=ask, daemon=True).start(); time.sleep(0.025)
while True: pass
"""
    with Sandbox({"rest": rest}, Limits(grace_seconds=0.5), preload=()) as sandbox:
        outcome = sandbox.run(code, timeout=0.5)
        assert outcome.timed_out


@pytest.mark.parametrize("name", ["Timeout", "SessionLost"])
def test_the_sandboxs_own_errors_cannot_be_imitated(name: str) -> None:
    with Sandbox({}, preload=()) as sandbox:
        error = sandbox.run(f"class {name}(Exception): pass\nraise {name}('x')").error
        assert error is not None and error.type == f"__main__.{name}"


def test_a_closed_sandbox_leaves_no_process_and_no_folder() -> None:
    with Sandbox({}, preload=(), level="landlock") as sandbox:
        sandbox.run("import os\nfor n in range(1500): os.mkdir('d'); os.chdir('d')")
        process = sandbox._process
        assert process is not None and process.scratch is not None
        path, pid = process.scratch.path, process.pid
        assert path.is_dir()
    assert not path.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


def test_a_thread_left_waiting_takes_no_cell_from_the_session() -> None:
    @concurrent
    def slow() -> None:
        time.sleep(1.0)

    with Sandbox({"slow": slow}, level="none") as sandbox:
        sandbox.run("import threading, time")
        for n in range(3):
            sandbox.run("threading.Thread(target=slow, daemon=True).start(); time.sleep(0.1)")
            outcome = sandbox.run(f"print({n})", timeout=5)
            assert (outcome.stdout, outcome.timed_out) == (f"{n}\n", False)


def test_the_next_cell_does_not_wait_for_the_end_of_a_killed_process() -> None:
    with Sandbox({}, preload=()) as sandbox:
        sandbox.run("x = 1")
        release, said = sandbox._pool.release, []

        def slowly(process: Any) -> None:
            said.append(sandbox.run("print('x' in globals())").stdout)
            release(process)

        sandbox._pool.release = slowly  # type: ignore[method-assign]
        assert sandbox.kill()
        sandbox._pool.release = release  # type: ignore[method-assign]
    assert said == ["False\n"]
