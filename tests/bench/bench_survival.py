"""Builds of an index killed at random moments: what was whole stands, and nothing goes wrong later.

::

    python tests/bench/bench_survival.py         some minutes

Each time a tier is built in a process of its own, on top of the tier below, and killed (SIGKILL)
at a moment drawn from the time such a build takes, from when it begins to work.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np

from rlm.encoders import load_encoder
from rlm.index import VideoIndex
from rlm.world import make_film, write_film

KILLS = 20
SECONDS = 60.0
BUILD = """
import sys
from pathlib import Path
from rlm.index import VideoIndex
VideoIndex.build(sys.argv[1], "builtin", tier=int(sys.argv[2]), cache=Path(sys.argv[3]))
"""


def kill(path: Path, tier: int, cache: Path, after: float) -> bool:
    """Build ``tier`` and kill that ``after`` seconds of work; whether it was still at work."""
    command = [sys.executable, "-c", BUILD, str(path), str(tier), str(cache)]
    process = subprocess.Popen(command, cwd=ROOT)
    while process.poll() is None and not list(cache.glob("*.lock")):
        time.sleep(0.002)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def main() -> None:
    """Kill, look, build again, and compare with an undisturbed build."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write_film(make_film(5, seconds=SECONDS), folder).film
        encoder = load_encoder("builtin")
        times = {}
        whole = VideoIndex.build(path, tier=1, cache=folder / "whole", encoder=encoder)
        for tier in (2, 3):
            began = time.perf_counter()
            whole.upgrade(tier)
            times[tier] = time.perf_counter() - began + 5.0  # a new process loads torch first
        rng = np.random.default_rng(0)
        killed = stood = same = left = 0
        for number in range(KILLS):
            tier, cache = 2 + number % 2, folder / f"cache-{number}"
            VideoIndex.build(path, tier=tier - 1, cache=cache, encoder=encoder)
            killed += kill(path, tier, cache, rng.uniform(0, times[tier]))
            left += bool(list(cache.rglob("*.building")))
            stood += VideoIndex.load(path, cache=cache).tier >= tier - 1
            index = VideoIndex.build(path, tier=tier, cache=cache, encoder=encoder)
            same += all(index.track(f).tobytes() == whole.track(f).tobytes() for f in index.fields)
        print(f"tiers 2 and 3 of {SECONDS:.0f} s, {killed} of {KILLS} builds killed at work")
        print(f"  {left} left something unfinished behind")
        print(f"  the tier below stood {stood} of {KILLS} times")
        print(f"  built again, {same} of {KILLS} were byte for byte an undisturbed build")


if __name__ == "__main__":
    main()
