"""A film and its index with small random weights that have all heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from saved_heads import save_seeing

from rlm.index import VideoIndex
from rlm.tools import ToolContext
from rlm.video import Video


@pytest.fixture(scope="session")
def seen(film: Path, tmp_path_factory: pytest.TempPathFactory) -> ToolContext:
    """What the tools work on: the procedural film of 40 s."""

    def never(*_: object) -> Any:
        raise AssertionError("these tools neither show nor ask")

    folder = tmp_path_factory.mktemp("seen")
    video = Video.open(film / "film.mp4")
    index = VideoIndex.build(video, save_seeing(folder / "seeing"), cache=folder / "cache")
    return ToolContext(video, index, never, never, never)
