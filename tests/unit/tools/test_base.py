import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.tools import TOOLS, describe
from rlm.tools.base import Frames, Sheet, as_rgb, as_span, cut_to_video, frame_label, labelled


class FourSeconds:
    """All that the span helpers ask of a context."""

    from rlm.spans import Span

    part = None
    span = Span(0.0, 4.0)


def test_every_tool_is_described_with_an_example_of_itself() -> None:
    text = describe(TOOLS)
    for tool in TOOLS:
        doc = tool.__doc__
        assert doc is not None
        assert "Example: " in doc, tool.__name__
        assert f"{tool.__name__}(" in doc.split("Example:")[1], tool.__name__
        assert f"{tool.__name__}(" in text
    assert "ctx" not in text
    assert "ToolContext" not in text


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 5, 1), np.int64),
        np.zeros((2, 4, 5, 3), np.float32),
        np.zeros((2, 4, 5, 1), bool),
    ],
)
def test_pictures_of_any_usual_form(array: np.ndarray) -> None:
    rgb = as_rgb(array)
    assert rgb.dtype == np.uint8
    assert rgb.shape[1:] == (4, 5, 3)


def test_values_survive() -> None:
    assert as_rgb(np.full((2, 2), 0.5))[0, 0, 0].tolist() == [128] * 3
    assert as_rgb(np.ones((2, 2), bool))[0, 0, 0].tolist() == [255] * 3
    assert as_rgb(np.full((2, 2), 200))[0, 0, 0].tolist() == [200] * 3


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.full((2, 2), 256),
        np.full((2, 2), -1),
        np.full((2, 2), 1.5),
        np.full((2, 2), np.nan),
        np.zeros((2, 2), complex),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a picture"):
        as_rgb(array)


def test_labels_say_the_time_or_the_number() -> None:
    rgb = np.zeros((2, 4, 4, 3), np.uint8)
    frames = Frames(1.0, 3.0, np.array([1.0, 61.5]), rgb)
    sheet = Sheet(0.0, 4.0, np.arange(6.0), rgb[0])
    assert [name for name, _, _ in labelled(frames)] == [
        "frame at 1.00 s",
        "frame at 61.50 s (1:01.5)",
    ]
    assert [name for name, _, _ in labelled(rgb, "crop")] == ["crop, 1 of 2", "crop, 2 of 2"]
    assert [name for name, _, _ in labelled(rgb, "crop", [1, 2])] == [
        "crop, frame at 1.00 s",
        "crop, frame at 2.00 s",
    ]
    assert [name for name, _, _ in labelled(rgb[0])] == ["picture"]
    ((name, _, count),) = labelled([sheet])
    assert (name, count) == ("contact sheet of 0.0 to 4.0 s", 6)
    with pytest.raises(ValueError, match="2 times, not 1"):
        labelled(rgb, times=[1.0])


def test_times_go_with_a_list_of_as_many_pictures() -> None:
    one, two = np.zeros((4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)
    names = [name for name, _, _ in labelled([one, two], times=np.array([1.0, 2.0, 3.0]))]
    assert names == ["frame at 1.00 s", "frame at 2.00 s", "frame at 3.00 s"]
    frames = Frames(0.0, 9.0, np.array([7.0, 8.0]), two)
    names = [name for name, _, _ in labelled([frames, one], times=[1, 2, 3])]
    assert names == ["frame at 7.00 s", "frame at 8.00 s", "frame at 3.00 s"]
    with pytest.raises(ValueError, match="3 pictures need 3 times, not 2"):
        labelled([one, two], times=[1.0, 2.0])


def test_a_time_for_one_picture_is_no_label() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    assert [name for name, _, _ in labelled(picture, times=1.5)] == ["frame at 1.50 s"]
    with pytest.raises(TypeError, match="label is text, not float; times go in times="):
        labelled(picture, 1.5)  # type: ignore[arg-type]


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_a_cut_span_lies_in_the_video(start: float, end: float) -> None:
    ctx = FourSeconds()
    try:
        span = cut_to_video(start, end, ctx)  # type: ignore[arg-type]
    except ValueError:
        assert min(end, 4) <= max(start, 0)
    else:
        assert 0 <= span.start < span.end <= 4


def test_spans_from_pairs_and_records() -> None:
    ctx = FourSeconds()
    frames = Frames(1.0, 3.0, np.zeros(0), np.zeros((0, 1, 1, 3), np.uint8))
    assert tuple(as_span([1, 2], ctx)) == (1, 2)  # type: ignore[arg-type]
    assert tuple(as_span(frames, ctx)) == (1, 3)  # type: ignore[arg-type]
    for wrong in (3, "1-2", (1, 2, 3), ("a", "b"), (True, 2)):
        with pytest.raises(TypeError):
            as_span(wrong, ctx)  # type: ignore[arg-type]


def test_a_pair_in_place_of_start_and_end() -> None:
    video = FourSeconds()
    assert tuple(cut_to_video((1, 2), None, video)) == (1, 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"a span is \(start, end\) in seconds, not list"):
        cut_to_video([1, 2, 3], None, video)  # type: ignore[arg-type]


def test_what_is_wrong_with_times_is_said() -> None:
    video = FourSeconds()
    with pytest.raises(ValueError, match="from 2 to 2 is no time at all; for one picture"):
        cut_to_video(2, 2, video)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"in seconds \(1:30 is 90\), not '0:01'"):
        cut_to_video("0:01", 2, video)  # type: ignore[arg-type]


def test_frame_label_uses_seconds_first() -> None:
    assert frame_label(3725.25) == "frame at 3725.25 s (1:02:05.2)"
