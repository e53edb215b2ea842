"""How long a search takes: in an index of an hour, and in a million vectors beside reading them.

::

    python tests/bench/bench_search.py [--rows 1000000] [--folder DIR]

The hour is that of the largest preset: 7,200 moments of 1408 numbers and 14,400 looks of 300, in
shots of 8 s, searched as ``search(example)`` does once the example has its vectors: both fields,
suppressed and made diverse, then fused. The gate is 5 ms.

The million are vectors of 1024 half-precision numbers, 2 GB, written to a folder and mapped into
memory. Beside each search the same bytes are merely read, by as many threads: eight at a time,
added up. Both are done in turn and the medians compared; the gate is a ratio of 1.5. The first ten
of every query are compared with an exact single-precision ranking. It needs 2 GB of disk and, in
the page cache, of memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from machine import here
from numpy.typing import NDArray
from torch.utils.dlpack import from_dlpack

from rlm.encoders import Embedding
from rlm.index.fields import DEPTH
from rlm.index.fusion import fuse
from rlm.index.ranking import best
from rlm.index.search import nearest
from rlm.index.snapshot import Field
from rlm.index.storage.store import Track

DIMENSIONS, K = 1024, 10
ROUNDS = 7
AT_A_TIME = 10_000
HOUR, SHOT = 3600.0, 8.0
RATIO, MILLISECONDS = 1.5, 5.0


def unit(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Random vectors of length 1."""
    rows = rng.standard_normal(shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def hour(rng: np.random.Generator) -> tuple[float, float]:
    """Median and least seconds of a search in both fields of an hour."""
    shots = np.arange(0, HOUR, SHOT)

    def made(name: str, step: float, dimensions: int) -> Field:
        edges = np.arange(0, HOUR + step, step)
        spans = np.stack([edges[:-1], edges[1:]], axis=1)
        rows = unit(rng, len(spans), dimensions) + 2 * unit(rng, dimensions)  # in a cone, as real
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Field(name, name, Track(f"space of {name}", name, rows), spans, None)

    fields = [made("deep", 0.5, 1408), made("look", 0.25, 300)]

    def search() -> None:
        rankings = {}
        for field in fields:
            example = Embedding(field.track.space, field.track.vectors[99])
            rankings[field.name] = nearest(field, example, DEPTH, None, (), shots)
        fuse(rankings, 5)

    search()
    taken = [seconds(search) for _ in range(50)]
    return float(np.median(taken)), min(taken)


def write(path: Path, rows: int, rng: np.random.Generator) -> None:
    matrix = np.lib.format.open_memmap(path, "w+", np.float16, (rows, DIMENSIONS))
    for first in range(0, rows, AT_A_TIME):
        count = min(AT_A_TIME, rows - first)
        matrix[first : first + count] = unit(rng, count, DIMENSIONS)
    matrix.flush()


def exact(rows: NDArray[np.float16], query: NDArray[np.float32]) -> list[int]:
    """The first ten, from the scores of all rows in single precision."""
    scores = [
        rows[first : first + AT_A_TIME].astype(np.float32) @ query
        for first in range(0, len(rows), AT_A_TIME)
    ]
    order: list[int] = np.argsort(-np.concatenate(scores), kind="stable")[:K].tolist()
    return order


def million(path: Path, rng: np.random.Generator) -> float:
    """Print both times; the median ratio."""

    def mapped() -> NDArray[np.float16]:
        return np.load(path, mmap_mode="r")

    def forget() -> None:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def read(rows: NDArray[np.float16]) -> None:
        from_dlpack(rows).view(torch.int64).sum()

    rows = mapped()
    near = rows[len(rows) // 3].astype(np.float32) + 0.5 * unit(rng, DIMENSIONS)
    queries = [*unit(rng, 3, DIMENSIONS), near / np.linalg.norm(near)]
    for query in queries:
        assert [at for at, _ in best(rows, query, K)] == exact(rows, query), "the first ten differ"
    del rows
    print(f"the first {K} of {len(queries)} queries are those of an exact float32 ranking")
    print("                        read      search   ratio")
    ratio = 0.0
    for disk in (True, False):
        reads, searches = [], []
        for number in range(ROUNDS):
            query = queries[number % len(queries)]
            if disk:
                forget()
            reads.append(seconds(partial(read, mapped())))
            if disk:
                forget()
            searches.append(seconds(partial(best, mapped(), query, K)))
        ratio = float(np.median(searches) / np.median(reads))
        print(
            f"{'from disk' if disk else 'from memory':12}  {1e3 * np.median(reads):10.1f} ms "
            f"{1e3 * np.median(searches):8.1f} ms  {ratio:5.2f}"
        )
    return ratio


def main() -> None:
    """Measure, print, and fail when a gate is missed."""
    parser = argparse.ArgumentParser(description="search beside reading")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the vectors are written for a while")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print(here("numpy", "torch"))
    usual, least = (1e3 * taken for taken in hour(rng))
    passed = usual < MILLISECONDS
    print(f"an hour, two fields fused: {usual:.2f} ms, at best {least:.2f}  < {MILLISECONDS:g} "
          f"{'passes' if passed else 'MISSED'}\n")  # fmt: skip
    print(f"{options.rows:,} x {DIMENSIONS} float16, mapped; medians of {ROUNDS}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "rows.npy"
        write(path, options.rows, rng)
        ratio = million(path, rng)
    print(f"ratio from memory {ratio:.2f}  <= {RATIO:g} {'passes' if ratio <= RATIO else 'MISSED'}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"at most {peak:.1f} GiB in memory, the mapped file among them")
    if not passed or ratio > RATIO:
        sys.exit(1)


if __name__ == "__main__":
    main()
