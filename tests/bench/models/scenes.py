"""Scenes of unseen films: boundaries found within 0.3 s."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from rlm.index import VideoIndex
from rlm.world import make_film, write_film

NEAR = 0.3


@cache
def boundaries(seeds: tuple[int, ...], seconds: float) -> tuple[float, float, float]:
    """(precision, recall, F1) over the films of ``seeds``."""
    right = found = real = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            film = make_film(seed, seconds)
            files = write_film(film, Path(folder) / str(seed))
            index = VideoIndex.build(files.film, cache=Path(folder) / "index", tier=2)
            starts = [scene.start for scene in index.scenes()[1:]]
            left = list(starts)
            for cut in film.cuts:
                near = [start for start in left if abs(start - cut) <= NEAR]
                if near:
                    left.remove(min(near, key=lambda start: abs(start - cut)))
                    right += 1
            found, real = found + len(starts), real + len(film.cuts)
    precision, recall = right / max(1, found), right / max(1, real)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)
