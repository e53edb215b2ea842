"""The tools that look: sheets, frames and scenes, as the host has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from no_host import NoHost

from rlm.index import VideoIndex
from rlm.spans import Span
from rlm.tools import Labelled, ToolContext
from rlm.tools.contact_sheet import contact_sheet
from rlm.tools.extract_frames import extract_frames
from rlm.tools.get_scenes import get_scenes


class Screen(NoHost):
    """Takes what is shown."""

    def __init__(self) -> None:
        self.shown: list[Labelled] = []

    def show(self, pictures: Sequence[Labelled]) -> None:
        self.shown += pictures


@pytest.fixture
def ctx(index: VideoIndex) -> ToolContext:
    return ToolContext(index.video, index, Screen())


def test_a_sheet_of_chosen_moments(ctx: ToolContext) -> None:
    sheet = contact_sheet(ctx, times=np.array([30, 2, 11.5, 2]))  # type: ignore[arg-type]
    assert (sheet.start, sheet.end, sheet.times.tolist()) == (2, 30, [2, 11.5, 30])
    [(label, rgb, frames)] = ctx.host.shown  # type: ignore[attr-defined]
    assert (label, frames) == ("contact sheet of 2.0 to 30.0 s", 3)
    one = contact_sheet(ctx, times=[40.0])
    assert one.times.tolist() == pytest.approx([40])
    assert rgb.shape[1] > one.rgb.shape[1] == 240 + 8  # a cell is no larger than it need be


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ([], "times are 1 to 64 moments, not 0"),
        ([*range(65)], "times are 1 to 64 moments, not 65"),
        ([3, 50], "times are within 0.00 to 40.00 s, unlike 50"),
        ([float("nan")], "unlike nan"),
        (3, "times is a list of seconds, not 3"),
        (["0:03"], "each of times is a number of seconds, not '0:03'"),
    ],
)
def test_moments_that_are_none(ctx: ToolContext, times: object, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(says)):
        contact_sheet(ctx, times=times)  # type: ignore[arg-type]


def test_a_part_ends_where_its_session_sees_no_more(ctx: ToolContext) -> None:
    ctx.part = Span(10, 20)
    assert contact_sheet(ctx, times=[10, 20]).times.tolist() == pytest.approx([10, 20])
    with pytest.raises(ValueError, match=r"within 10\.00 to 20\.00 s, unlike 9"):
        contact_sheet(ctx, times=[9, 12])


def test_frames_are_not_enlarged_unless_asked_for_exactly(ctx: ToolContext) -> None:
    assert ctx.video.size == (320, 320)
    assert extract_frames(ctx, 0, 1).rgb.shape[1:3] == (320, 320)
    assert extract_frames(ctx, 0, 1, size=100).rgb.shape[1:3] == (100, 100)
    assert extract_frames(ctx, 0, 1, size=(500, 400)).rgb.shape[1:3] == (400, 500)
    zoomed = extract_frames(ctx, 0, 1, crop=(0, 0, 0.5, 0.25))
    assert zoomed.rgb.shape[1:3] == (320, 640)


def test_scenes_tell_whole_milliseconds_and_begin_with_their_own_picture(ctx: ToolContext) -> None:
    scenes, cuts = get_scenes(ctx), [scene.start for scene in ctx.index.scenes()]
    assert [round(scene.start, 3) for scene in scenes] == [scene.start for scene in scenes]
    assert all(0 <= s.start - cut < 1e-3 for s, cut in zip(scenes, cuts, strict=True))
    assert [s.end for s in scenes[:-1]] == [s.start for s in scenes[1:]]
    assert scenes[-1].end == ctx.video.span.end
