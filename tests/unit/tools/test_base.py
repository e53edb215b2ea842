import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.tools import TOOLS, describe
from rlm.tools.base import Frames, as_span, cut_to_video


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
