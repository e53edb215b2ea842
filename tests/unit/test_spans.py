import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.spans import Span, format_time, parse_time

times = st.floats(0, 1e5, allow_nan=False)
spans = st.tuples(times, times).map(lambda pair: Span(min(pair), max(pair)))


@given(spans, spans)
def test_overlap_is_symmetric_and_bounded(a: Span, b: Span) -> None:
    assert a.overlap(b) == b.overlap(a) <= min(a.duration, b.duration)
    assert 0 <= a.iou(b) <= 1
    shared = a.intersect(b)
    assert (shared is None) == (a.overlap(b) == 0)
    if shared is not None:
        assert shared.duration == pytest.approx(a.overlap(b))


@given(times)
def test_a_formatted_time_reads_back(seconds: float) -> None:
    assert parse_time(format_time(seconds, 3)) == pytest.approx(seconds, abs=6e-4)


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [(67.46, 1, "1:07.5"), (0, 1, "0:00.0"), (59.96, 1, "1:00.0"), (3723, 0, "1:02:03")],
)
def test_format(seconds: float, digits: int, text: str) -> None:
    assert format_time(seconds, digits) == text


def test_negative_times_keep_their_sign_and_zero_has_none() -> None:
    assert format_time(-3.2) == "-0:03.2"
    assert format_time(-0.01) == "0:00.0"


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "-5", "1:", "nan"])
def test_bad_times_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="a time is written"):
        parse_time(text)


def test_span_parse() -> None:
    assert Span.parse("1:04-1:10.5") == Span(64, 70.5)
    with pytest.raises(UsageError, match="START-END"):
        Span.parse("12")


@pytest.mark.parametrize("pair", [(2, 1), (float("nan"), 1), (0, float("inf"))])
def test_bad_spans_are_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(UsageError):
        Span(*pair)


def test_half_open() -> None:
    assert 1.0 in Span(1, 2)
    assert 2.0 not in Span(1, 2)
