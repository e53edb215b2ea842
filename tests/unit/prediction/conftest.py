"""A film and its index with small random weights: encoder, predictor and all heads."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_heads import save_seeing

from rlm.index import VideoIndex


@pytest.fixture(scope="session")
def index(film: Path, tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """Of the procedural film of 40 s."""
    folder = tmp_path_factory.mktemp("prediction")
    weights = save_seeing(folder / "seeing")
    return VideoIndex.build(film / "film.mp4", weights, cache=folder / "cache")


@pytest.fixture(scope="session")
def deep(film: Path, tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """The same in tier 3, with a vector for each tubelet."""
    folder = tmp_path_factory.mktemp("deep")
    weights = save_seeing(folder / "seeing")
    return VideoIndex.build(film / "film.mp4", weights, tier=3, cache=folder / "cache")
