"""Films that are searched, made once for all parts of a run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rlm.index import VideoIndex
from rlm.world import make_film
from rlm.world.files import write_pictures
from rlm.world.scene import Film

FPS, SIDE = 8, 96
SEED = 940  # no film of training or of another bench has it


@lru_cache(maxsize=2)
def made(folder: Path, seconds: float, seed: int = SEED) -> tuple[Film, VideoIndex]:
    """A film of so many seconds and its index by the built-in models."""
    film = make_film(seed, seconds)
    return film, indexed(folder, film, f"film-{seed}-{seconds:.0f}")


def indexed(folder: Path, film: Film, name: str) -> VideoIndex:
    """The index of a film that is written into ``folder``."""
    path = write_pictures(film, folder / f"{name}.mp4", fps=FPS, side=SIDE)
    return VideoIndex.build(path, "builtin", cache=folder / "cache")
