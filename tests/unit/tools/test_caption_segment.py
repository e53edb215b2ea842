"""A span in words, as the model reads it, through a real jail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from jailed import raised, run
from saved_models import save_vjepa

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.tools import ToolContext
from rlm.tools.caption_segment import caption_segment
from rlm.tools.detect_objects import detect_objects
from sandbox import Sandbox


def test_a_caption_prints_well(jail: Sandbox) -> None:
    run(jail, "c = caption_segment(1, 3)")
    line = run(jail, "print(c)")
    assert line.startswith("Caption(start=1.000, end=3.000, text='") and "space" not in line
    assert run(jail, "print(0 < c.score <= 1, c.space.endswith('/captioner'), c.method)") == (
        "True True captioner on V-JEPA tokens"
    )


def test_the_same_span_is_told_the_same(jail: Sandbox) -> None:
    assert run(jail, "print(caption_segment(1, 9) == caption_segment((1, 9)[0], 9))") == "True"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("caption_segment(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
        ("caption_segment('a', 3)", "TypeError: times are numbers"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)


def test_a_long_span_is_refused(seen: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(caption_segment.__globals__, "MOST_SECONDS", 30.0)
    with pytest.raises(ValueError, match=r"a caption is of at most 30 s, not 40: "):
        caption_segment(seen)


def test_other_weights_say_that_they_cannot(seen: ToolContext, tmp_path: Path) -> None:
    plain = save_vjepa(tmp_path / "plain", crop=64)
    blind = replace(seen, index=VideoIndex.build(seen.video, plain, cache=tmp_path / "cache"))
    with pytest.raises(UsageError, match="preset plain brings no captioner: preset builtin does"):
        caption_segment(blind, 0, 2)
    with pytest.raises(UsageError, match="preset plain brings no object head"):
        detect_objects(blind, 0, 2)
