"""Futures and coherence, as the model reads them, through a real jail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rlm.tools import RECORDS, ToolContext, bind
from rlm.tools.get_scenes import get_scenes
from rlm.tools.predict_future import predict_future
from rlm.tools.verify_temporal_coherence import verify_temporal_coherence
from sandbox import Sandbox

TOOLS = (predict_future, verify_temporal_coherence, get_scenes)


@pytest.fixture(scope="module")
def jail(seen: ToolContext) -> Iterator[Sandbox]:
    with Sandbox(bind(TOOLS, seen), records=RECORDS) as sandbox:
        yield sandbox


def run(jail: Sandbox, code: str) -> str:
    return jail.run(code).stdout.strip()


def test_a_future_prints_well_and_can_be_searched_with(jail: Sandbox) -> None:
    run(jail, "futures = predict_future(0, 2, horizon=0.5, steps=2)")
    assert run(jail, "print(len(futures), futures[0].nearest)") == "2 ()"
    line = run(jail, "print(futures[0])")
    assert line.startswith("Future(start=2.500, end=3.000, score=") and "copy_energy=" in line
    assert "embedding" not in line and "method" not in line
    assert run(jail, "print(futures[0].space == futures[0].embedding.space)") == "True"


def test_coherence_prints_well(jail: Sandbox) -> None:
    line = run(jail, "print(verify_temporal_coherence((0, 2), (2, 3)))")
    assert line.startswith("Coherence(start=2.000, end=3.000, score=") and "ratio=" in line
    run(jail, "one, other = get_scenes()[:2]")
    assert run(jail, "print(verify_temporal_coherence(one, other).start == other.start)") == "True"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("predict_future(0, 2, horizon=60)", "UsageError: 1 steps of 60 s are out of the trained"),
        ("predict_future(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
        ("predict_future(0, 2, horizon='a')", "ValueError"),
        ("verify_temporal_coherence(3, (4, 5))", "TypeError: a span is (start, end) in seconds"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = run(
        jail, f"try:\n    {call}\nexcept Exception as e:\n    print(type(e).__name__ + ':', e)"
    )
    assert shown.startswith(error)
