"""A film and its index with small random weights that have all heads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from no_host import NoHost
from saved_heads import save_seeing

from rlm.index import VideoIndex
from rlm.tools import RECORDS, TOOLS, ToolContext, bind
from rlm.video import Video
from sandbox import Sandbox


@pytest.fixture(scope="session")
def seen(film: Path, tmp_path_factory: pytest.TempPathFactory) -> ToolContext:
    """What the tools work on: the procedural film of 40 s."""
    folder = tmp_path_factory.mktemp("seen")
    video = Video.open(film / "film.mp4")
    index = VideoIndex.build(video, save_seeing(folder / "seeing"), cache=folder / "cache")
    return ToolContext(video, index, NoHost())


@pytest.fixture(scope="session")
def jail(seen: ToolContext) -> Iterator[Sandbox]:
    """A jail with all tools."""
    with Sandbox(bind(TOOLS, seen), records=RECORDS) as sandbox:
        yield sandbox
