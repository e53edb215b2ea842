"""How fast the sandbox is on this machine, beside what was measured of other REPLs.

::

    python tests/bench/bench_sandbox.py

The numbers of the other REPLs were taken once, on two shared x86-64 cores under Linux 6.18.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from machine import here

from sandbox import Pool, Sandbox, SandboxUnavailable, shared_empty

# REPL, warm start, trivial cell, host call, loop of a million steps; milliseconds.
PEERS = [
    ("rlms local (in process, no isolation)", "0.6", "0.011", "0.0001", "54"),
    ("rlms ipython subprocess", "517", "4.9", "0.29", "58"),
    ("smolagents LocalPythonExecutor (AST)", "0.13", "0.076", "0.0036", "2773"),
    ("dspy LocalInterpreter (no isolation)", "24", "0.098", "0.12", "51"),
    ("dspy PythonInterpreter (Deno/WASM)", "1474-3056", "1.9", "0.14", "107"),
    ("pydantic-monty (no numpy)", "1.8", "0.015", "0.017", "54"),
    ("ipykernel over jupyter_client", "614", "2.7", "0.8", ""),
]
GOALS = {
    "warm start": 5.0,
    "cold start": 120.0,
    "trivial cell": 0.1,
    "host call": 0.08,
    "50 MB array": 5.0,
}
LOOP = """
import time
def loop():
    began = time.perf_counter()
    total = 0
    for step in range(1_000_000):
        total += step
    return (time.perf_counter() - began) * 1e3
"""
CALLS = """
import time
began = time.perf_counter()
for _ in range(500): nothing()
print((time.perf_counter() - began) / 500 * 1e3)
"""
ARRAY = """
import time
began = time.perf_counter()
array = picture()
first = array[0], array[-1]
print((time.perf_counter() - began) * 1e3)
del array
"""


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of one run."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def measure(level: str) -> dict[str, list[float]]:
    """All samples of a level, in milliseconds."""
    samples: dict[str, list[float]] = {}
    picture = shared_empty((50 << 20,))
    picture[:] = 1
    plain = np.ones(50 << 20, np.uint8)
    functions = {"nothing": lambda: None, "picture": lambda: picture, "plain": lambda: plain}

    samples["cold start"] = []
    for _ in range(10):
        began = time.perf_counter()
        with Sandbox(functions, level=level) as sandbox:  # type: ignore[arg-type]
            samples["cold start"].append((time.perf_counter() - began) * 1e3)
    with Pool(level=level, spares=8) as pool:  # type: ignore[arg-type]
        time.sleep(3)
        samples["warm start"], samples["first cell"] = [], []
        for _ in range(8):
            sandbox = pool.sandbox(functions)
            samples["warm start"].append(timed(sandbox.start))
            samples["first cell"].append(timed(lambda sandbox=sandbox: sandbox.run("x = 1")))
            sandbox.close()
    with Sandbox(functions, level=level) as sandbox:  # type: ignore[arg-type]
        time.sleep(1)
        sandbox.run(LOOP)
        samples["trivial cell"] = [timed(lambda: sandbox.run("x = 1")) for _ in range(2000)]
        samples["host call"] = [float(sandbox.run(CALLS).stdout) for _ in range(12)]
        samples["50 MB array"] = [float(sandbox.run(ARRAY).stdout) for _ in range(20)]
        copied = ARRAY.replace("picture", "plain")
        samples["50 MB, copied"] = [float(sandbox.run(copied).stdout) for _ in range(10)]
        samples["10^6-step loop"] = [float(sandbox.run("loop()").stdout) for _ in range(7)]
    return samples


def main() -> None:
    """Measure and print."""
    print(f"sandbox on {here('numpy')}\n")
    rows = {}
    for level in ("bubblewrap", "landlock"):
        try:
            rows[level] = measure(level)
        except SandboxUnavailable as error:
            print(f"{level}: not measured: {error.cause}")
    namespace: dict[str, Callable[[], float]] = {}
    exec(LOOP, namespace)  # type: ignore[arg-type]
    outside = min(namespace["loop"]() for _ in range(7))
    print(
        f"{'milliseconds (least / median)':32}"
        + "".join(f"{level:>22}" for level in rows)
        + "   goal"
    )
    for name in next(iter(rows.values())):
        line = f"{name:32}"
        for samples in rows.values():
            least, middle = min(samples[name]), statistics.median(samples[name])
            line += f"{least:12.3f} /{middle:8.3f}"
        print(line + (f"{GOALS[name]:7g}" if name in GOALS else ""))
    print(f"{'10^6-step loop, outside of a jail':32}{outside:12.3f}\n")
    head = ("", "warm start", "trivial cell", "host call", "loop")
    print(f"{head[0]:42}" + "".join(f"{word:>14}" for word in head[1:]))
    for peer in PEERS:
        print(f"{peer[0]:42}" + "".join(f"{number:>14}" for number in peer[1:]))
    for level, samples in rows.items():
        names = ("warm start", "trivial cell", "host call", "10^6-step loop")
        best = [f"{min(samples[name]):.3f}" for name in names]
        print(f"{'this sandbox, ' + level:42}" + "".join(f"{number:>14}" for number in best))


if __name__ == "__main__":
    main()
