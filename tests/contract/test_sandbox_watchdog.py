"""What the kernel's own limits do not count, hidden from the watchdog as cleverly as may be."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox import Limits, Sandbox, SandboxUnavailable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jails exist on Linux only")

LIMITS = Limits(
    memory_bytes=256 << 20,
    array_bytes=32 << 20,
    scratch_bytes=20 << 20,
    scratch_files=100,
    cell_seconds=20.0,
    grace_seconds=0.5,
)
PREAMBLE = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
"""


def array() -> NDArray[np.uint8]:
    return np.ones(24 << 20, np.uint8)


@pytest.fixture(params=["bubblewrap", "landlock"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    try:
        with Sandbox({"array": array}, level=request.param, limits=LIMITS) as opened:
            yield opened
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def killed_for(sandbox: Sandbox, code: str) -> str:
    outcome = sandbox.run(PREAMBLE + code)
    assert outcome.restarted, (outcome.stdout, outcome.error)
    assert outcome.error is not None
    return outcome.error.message


FILL = """
for n in range(400):
    open(f"{n}", "w").close()
time.sleep(5)
"""


@pytest.mark.parametrize("name", [rb"\xff", rb"a\x0bb", rb"VmRSS:\t1 kB", rb"a\x85b"])
def test_no_name_of_a_process_blinds_the_watchdog(sandbox: Sandbox, name: bytes) -> None:
    code = f'''
libc.prctl(15, b"{name.decode()}", 0, 0, 0)
try:
    open("/proc/self/comm", "wb").write(b"{name.decode()}")
except OSError:
    pass
'''
    assert "more than 100 files" in killed_for(sandbox, code + FILL)


def test_arrays_that_are_kept_and_never_mapped_are_memory(sandbox: Sandbox) -> None:
    code = """
sys.modules["sandbox.channel"]._close = lambda frame: None
def kept(descriptor, length):
    raise ValueError("kept")
sys.modules["sandbox.arrays"].map_private = kept
for _ in range(40):
    try: array()
    except Exception: time.sleep(0.02)
time.sleep(5)
"""
    assert "bytes of memory" in killed_for(sandbox, code)


@pytest.mark.parametrize("name", ["plain", "a\\x0bb", "a\\x85b", "a\\u2028b", "a\\nb"])
def test_no_name_of_a_file_hides_what_it_holds(sandbox: Sandbox, name: str) -> None:
    code = f"""
import mmap
kept = []
for n in range(40):
    try:
        fd = os.open(f"{name}{{n}}", os.O_RDWR | os.O_CREAT)
        os.write(fd, bytes(4 << 20))
        kept.append(mmap.mmap(fd, 4096))
        os.close(fd)
        os.unlink(f"{name}{{n}}")
    except OSError:  # the folder is full, where it has a size of its own
        break
    time.sleep(0.01)
else:
    time.sleep(5)
print("held", len(kept) * 4)
"""
    outcome = sandbox.run(PREAMBLE + code)
    held = int(outcome.stdout.split()[1]) if outcome.stdout else 0
    assert outcome.restarted or held <= 20, outcome


def test_threads_share_their_files_and_cannot_hide_them(sandbox: Sandbox) -> None:
    outcome = sandbox.run(
        PREAMBLE + "print(libc.syscall(436, 1000, 1000, 2), libc.syscall(436, 1000, 1000, 0))"
    )
    assert outcome.stdout == "-1 0\n"


def test_locks_nobody_counts_are_refused(sandbox: Sandbox) -> None:
    code = """
import fcntl
file = open("f", "w")
try:
    fcntl.lockf(file, fcntl.LOCK_EX)
except OSError as error:
    print(error.errno)
"""
    assert sandbox.run(code).stdout == "1\n"
