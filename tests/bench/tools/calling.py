"""How long calls take: a search over an index, and the way from the jail to the host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from films import made

from rlm.index import fields
from rlm.spans import Span
from sandbox import Sandbox

REPEATS = 200


def searched(folder: Path, seconds: float) -> Iterator[tuple[str, float, float | None]]:
    """The median over calls, the first ones left out, which load a model or map a file."""
    _, index = made(folder, seconds)
    rng = np.random.default_rng(0)
    long = f"{seconds / 60:.0f} minutes"
    embedding = index.embed("a red circle moves to the right")
    yield f"search by embedding, {long}", _median(lambda: index.nearest(embedding, 5)), 5.0

    def example() -> None:
        start = float(rng.uniform(0, seconds - 5))
        fields.search(index, Span(start, start + 4), "motion", 5)

    def text() -> None:
        fields.search(index, "a red circle moves to the right", "all", 5)

    yield f"search by text, its embedding included, {long}", _median(text), None
    yield f"search by a span, {long}", _median(example), None


def called() -> tuple[float, float]:
    """Milliseconds that a call from the jail adds to the function itself, and the function's."""

    def tool() -> int:
        return 1

    with Sandbox({"tool": tool}) as jail:
        cell = f"""
import time
for _ in range(20): tool()
began = time.perf_counter()
for _ in range({REPEATS}): tool()
print((time.perf_counter() - began) / {REPEATS} * 1000)
"""
        told = float(jail.run(cell).stdout.strip().splitlines()[-1])
    bare = _median(tool)
    return told - bare, bare


def _median(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return float(np.median(taken[REPEATS // 10 :]))
