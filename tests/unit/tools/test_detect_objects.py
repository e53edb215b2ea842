"""What is where, as the model reads it, through a real jail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rlm.tools import RECORDS, ToolContext, bind
from rlm.tools.detect_objects import detect_objects
from rlm.tools.get_scenes import get_scenes
from sandbox import Sandbox


@pytest.fixture(scope="module")
def jail(seen: ToolContext) -> Iterator[Sandbox]:
    with Sandbox(bind((detect_objects, get_scenes), seen), records=RECORDS) as sandbox:
        yield sandbox


def run(jail: Sandbox, code: str) -> str:
    return jail.run(code).stdout.strip()


def test_detections_print_well(jail: Sandbox) -> None:
    line = run(jail, "print(detect_objects(1, 3)[0])")
    assert line.startswith("Detection(start=1.000, end=1.500, colour='")
    assert ", dx=" in line and ", score=" in line and "space" not in line


def test_moments_tile_what_was_asked_for(jail: Sandbox) -> None:
    run(jail, "found = detect_objects(2, 12, fps=8)\nm = sorted({(d.start, d.end) for d in found})")
    assert run(jail, "print(m[0][0], abs(m[-1][1] - 12) < 1e-6)") == "2.0 True"
    assert run(jail, "print(max(b - a for a, b in m) <= 0.25 + 1e-6)") == "True"
    cuts = "[s.start for s in get_scenes() if 2 < s.start < 12]"
    assert run(
        jail, f"print(any(a < c - 1e-6 and c + 1e-6 < b for a, b in m for c in {cuts}))"
    ) == ("False")
    assert run(jail, "print(found[0].space.endswith('/objects'), found[0].method)") == (
        "True object head on V-JEPA tokens"
    )


def test_a_scene_is_a_span_too(jail: Sandbox) -> None:
    run(jail, "s = get_scenes()[0]")
    assert run(jail, "print(detect_objects(s) == detect_objects(s.start, s.end))") == "True"


def test_without_times_the_whole_video(jail: Sandbox) -> None:
    run(jail, "found = detect_objects(fps=1)")
    assert run(jail, "print(found[0].start, found[-1].end > 39)") == "0.0 True"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("detect_objects(0, 4, fps=0.5)", "ValueError: fps is a number from 1 to 8, not 0.5"),
        ("detect_objects(0, 4, fps=True)", "ValueError: fps is a number from 1 to 8, not True"),
        ("detect_objects(0, 4, '4')", "ValueError: fps is a number from 1 to 8, not '4'"),
        ("detect_objects(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
        ("detect_objects('a', 3)", "TypeError: times are numbers"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = run(
        jail, f"try:\n    {call}\nexcept Exception as e:\n    print(type(e).__name__ + ':', e)"
    )
    assert shown.startswith(error)
