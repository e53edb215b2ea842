"""Runs the hostile snippets at one level and reports as JSON.

::

    python hostile.py landlock              all of them
    python hostile.py landlock machine      those against the machine

After each snippet the host must be unharmed (its canary file, sockets, arrays and environment
untouched) and the session must still run code. The script stands alone so that a test can start
it as another user or in another namespace.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[3]), str(Path(__file__).resolve().parent)]

import against_machine  # noqa: E402 - found through the path above
import against_session  # noqa: E402

from sandbox import Limits, Sandbox, cancelled, concurrent, shared_empty  # noqa: E402

SECRET = "canary-8d1f6c"
LIMITS = Limits(
    memory_bytes=192 << 20,
    cell_seconds=0.15,
    grace_seconds=0.1,
    scratch_bytes=24 << 20,
    scratch_files=300,
    processes=16,
    output_bytes=8 << 10,
    array_bytes=16 << 20,
)

# These need time to do their harm, and are stopped by something else than the clock.
_PATIENT = {
    "memory", "memory in numpy", "memory by mapping", "threads", "big file",
    "several files",
    "very many files", "very many folders", "deleted files kept open",
    "deleted files kept mapped", "files beyond the longest path",
    "folders that cannot be listed", "keys that collide",
}  # fmt: skip
_SPOILING = {"threads", "tampering with the session's own code"}  # end the process afterwards
_X86_ONLY = {"32-bit calls", "x32 calls"} | {
    name for name, code in against_machine.SNIPPETS.items() if "refused(" in code or "call(" in code
}


@dataclass(frozen=True)
class Point:
    """A record."""

    x: float
    y: float


def main(level: str, part: str = "all") -> None:
    """Run the snippets at a level; prints ``{"level", "ran", "failures"}``."""
    snippets = dict(against_machine.SNIPPETS)
    if part == "all":
        snippets |= against_session.SNIPPETS
    os.environ["CANARY_VARIABLE"] = SECRET
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="canary-")))
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o666)
        listeners = _listen(stack, folder)
        host = {
            "pid": os.getpid(),
            "secret": str(secret),
            "folder": str(folder),
            "home": str(Path.home()),
            "script": __file__,
            "variable": "CANARY_VARIABLE",
            "stream": str(folder / "stream"),
            "datagram": str(folder / "datagram"),
            "abstract": f"canary-{os.getpid()}",
            "abstract-datagram": f"canary-datagram-{os.getpid()}",
            "port": listeners["tcp"].getsockname()[1],
            "udp": listeners["udp"].getsockname()[1],
        }
        picture = shared_empty((512, 1024))
        functions = {
            "echo": lambda value: value,
            "nap": _nap,
            "rest": _rest,
            "picture": lambda: picture,
            "fresh": lambda: shared_empty((1 << 20,)),
        }
        failures: list[str] = []
        sandbox = stack.enter_context(
            Sandbox(functions, LIMITS, (), level=level, records=(Point,))  # type: ignore[arg-type]
        )
        ran = 0
        fresh = True
        for name, code in snippets.items():
            if platform.machine() != "x86_64" and name in _X86_ONLY:
                continue
            if fresh:
                sandbox.run(against_machine.PREAMBLE, timeout=10)
                sandbox.run(f"HOST = {host!r}", timeout=10)
                fresh = False
            began = time.monotonic()
            cell = sandbox._count + 1
            timeout = 3.0 if name in _PATIENT else None
            outcome = sandbox.run(f"CELL = {cell}\n{code}", timeout=timeout)
            seconds = time.monotonic() - began
            if "-v" in sys.argv:
                print(
                    f"{seconds:6.2f} {name}",
                    outcome.error and outcome.error.message,
                    file=sys.stderr,
                )
            ran += 1
            if "PWNED" in outcome.stdout or "PWNED" in str(outcome.error):
                failures.append(f"{name}: {outcome.stdout[-200:]} {str(outcome.error)[-300:]}")
            if seconds > 25:  # what nobody ends takes 30 and more
                failures.append(f"{name}: took {seconds:.1f} s")
            if outcome.error is not None and outcome.error.type == "NameError":
                failures.append(f"{name}: broken snippet: {outcome.error.message}")
            after = sandbox.run("print(6 * 7)", timeout=10)
            if name in _SPOILING:
                after = sandbox.run("import os\nos._exit(0)")
            if outcome.restarted or after.restarted:
                after = sandbox.run("print(6 * 7)", timeout=10)
                fresh = True
            if "42" not in after.stdout:
                failures.append(f"{name}: the session is broken after it: {after}")
            if secret.read_text() != SECRET or set(os.listdir(folder)) != {
                "secret", "stream", "datagram",
            }:  # fmt: skip
                failures.append(f"{name}: the canary was touched")
            if len(os.listdir("/proc/self/fd")) > 200:
                failures.append(f"{name}: descriptors pile up in the host")
            if picture.any():
                failures.append(f"{name}: the host's array was written")
        for name, listener in listeners.items():
            with contextlib.suppress(BlockingIOError):
                listener.accept() if listener.type == socket.SOCK_STREAM else listener.recv(9)
                failures.append(f"something came in over the {name} socket")
        if threading.active_count() > 3:
            failures.append(f"threads left over: {threading.enumerate()}")
        print(json.dumps({"level": sandbox.level, "ran": ran, "failures": failures}))


@concurrent
def _rest(_: str) -> None:
    _nap(0.05)


def _nap(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not cancelled():
        time.sleep(0.01)


def _listen(stack: contextlib.ExitStack, folder: Path) -> dict[str, socket.socket]:
    places: dict[str, tuple[int, int, object]] = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "stream": (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "stream")),
        "datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagram")),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0canary-{os.getpid()}"),
        "abstract datagram": (
            socket.AF_UNIX, socket.SOCK_DGRAM, f"\0canary-datagram-{os.getpid()}",
        ),
    }  # fmt: skip
    listeners = {}
    for name, (family, kind, address) in places.items():
        listener = stack.enter_context(socket.socket(family, kind))
        listener.bind(address)
        listener.setblocking(False)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        listeners[name] = listener
    for name in ("stream", "datagram"):
        (folder / name).chmod(0o777)
    return listeners


if __name__ == "__main__":
    main(*(word for word in sys.argv[1:] if word != "-v"))
