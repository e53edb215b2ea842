"""A film and its index with small random weights that have all heads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from no_host import NoHost

from rlm.index import VideoIndex
from rlm.tools import RECORDS, TOOLS, ToolContext, bind
from sandbox import Sandbox


@pytest.fixture(scope="session")
def seen(seeing: VideoIndex) -> ToolContext:
    """What the tools work on: the procedural film of 40 s."""
    return ToolContext(seeing.video, seeing, NoHost())


@pytest.fixture(scope="session")
def jail(seen: ToolContext) -> Iterator[Sandbox]:
    """A jail with all tools."""
    with Sandbox(bind(TOOLS, seen), records=RECORDS) as sandbox:
        yield sandbox
