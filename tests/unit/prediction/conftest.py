"""A film and its index with small random weights: encoder, predictor and all heads."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken import Planted, planted_film
from saved_heads import save_seeing

from rlm.index import VideoIndex
from rlm.world.files import write_pictures


@pytest.fixture(scope="session")
def index(seeing: VideoIndex) -> VideoIndex:
    """Of the procedural film of 40 s."""
    return seeing


@pytest.fixture(scope="session")
def deep(film: Path, tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """The same in tier 3, with a vector for each tubelet."""
    folder = tmp_path_factory.mktemp("deep")
    weights = save_seeing(folder / "seeing")
    return VideoIndex.build(film / "film.mp4", weights, tier=3, cache=folder / "cache")


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, VideoIndex]:
    """A film with a break of each kind, and its index by the built-in models."""
    folder = tmp_path_factory.mktemp("broken")
    planted = planted_film(seed=1, breaks=4)
    path = write_pictures(planted.film, folder / "film.mp4", fps=12, side=96)
    return planted, VideoIndex.build(path, "builtin", cache=folder / "cache")
