"""What is where, as the model reads it, through a real jail."""

from __future__ import annotations

import pytest
from jailed import raised, run

from rlm.tools import ToolContext
from rlm.tools.detect_objects import detect_objects
from sandbox import Sandbox


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


@pytest.mark.parametrize("span", [(None, None), (5.25, 7.0), (3.0, 21.3)])
def test_kept_frames_stand_in_for_the_video(
    seen: ToolContext,
    monkeypatch: pytest.MonkeyPatch,
    span: tuple[float | None, float | None],
) -> None:
    """With the frames of the build nothing is decoded, and what is seen is the same."""
    monkeypatch.setattr(type(seen.index), "kept_frames", lambda *_: None)
    from_video = detect_objects(seen, *span)
    monkeypatch.undo()
    monkeypatch.setattr(type(seen.video), "frames", lambda *_, **__: pytest.fail("decodes"))
    kept = detect_objects(seen, *span)
    assert kept and len({d.start for d in kept}) == len({d.start for d in from_video})
    for one, other in zip(kept, from_video, strict=True):
        assert (one.colour, one.shape) == (other.colour, other.shape)
        assert (one.start, one.end, one.x) == pytest.approx((other.start, other.end, other.x))


@pytest.mark.parametrize("span", [(5.05, 5.2), (3.1, 3.9), (0.0, 0.1), (39.9, 40.0)])
def test_spans_between_kept_frames_are_covered(
    seen: ToolContext, span: tuple[float, float]
) -> None:
    found = detect_objects(seen, *span)
    assert found[0].start == span[0] and found[-1].end == pytest.approx(span[1])


def test_without_times_the_whole_video(jail: Sandbox) -> None:
    run(jail, "found = detect_objects()")
    assert run(jail, "print(found[0].start, found[-1].end > 39)") == "0.0 True"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("detect_objects(0, 4, fps=0.5)", "ValueError: fps is a number from 4 to 8, not 0.5"),
        ("detect_objects(0, 4, fps=True)", "ValueError: fps is a number from 4 to 8, not True"),
        ("detect_objects(0, 4, '4')", "ValueError: fps is a number from 4 to 8, not '4'"),
        ("detect_objects(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
        ("detect_objects('a', 3)", "TypeError: times are numbers"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)
