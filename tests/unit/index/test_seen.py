"""How a span is cut for what reads windows, and what is made of what they say."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from saved_heads import save_seeing
from saved_models import save_vjepa

from rlm.encoders import Encoder, load_encoder
from rlm.errors import UsageError, VideoDamaged
from rlm.index import Scene
from rlm.index.seen import WINDOW, Caption, Detection, _parts, caption, detect
from rlm.index.windows import FullWindower, Window
from rlm.spans import Span
from rlm.video import Video

CUTS = (4.0, 13.0, 17.0, 19.5)
EDGES = (0.0, *CUTS, 23.5)
SCENES = tuple(Scene(start, end) for start, end in itertools.pairwise(EDGES))


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(save_seeing(tmp_path_factory.mktemp("weights") / "seeing"))


@pytest.fixture(scope="module")
def video(five_shots: Path) -> Video:
    return Video.open(five_shots)


def _picture(number: int) -> np.ndarray:
    return np.full((1, 1, 3), number % 256, np.uint8)


def _cut(context: int, count: int) -> list[Window]:
    """Windows of ``count`` samples a second apart, the first ``context`` of which are before."""
    windower = FullWindower(WINDOW)
    windows = []
    for number in range(context + count):
        windows += windower.add(float(number), _picture(number), context=number < context)
    return [*windows, *windower.flush(float(context + count))]


@given(st.integers(0, WINDOW), st.integers(1, 70))
def test_every_sample_is_spoken_for_once(context: int, count: int) -> None:
    windows = _cut(context, count)
    moments = np.concatenate([window.moments for window in windows])
    assert moments[0, 0] == context and moments[-1, 1] == context + count
    assert np.array_equal(moments[1:, 0], moments[:-1, 1])
    assert set(np.diff(moments).ravel()) <= {1.0, 2.0}
    total = context + count
    for window in windows:
        shown, (first, last) = window.pictures[:, 0, 0, 0], window.keep
        assert np.array_equal(np.diff(shown), np.ones(len(shown) - 1))
        # As many pictures as there are, in whole tubelets.
        assert len(shown) == (min(WINDOW, total // 2 * 2) or 1) or len(windows) > 1
        assert len(shown) % 2 == 0 or total == 1
        assert first % 2 == 0 and last == len(shown)
        assert len(window.moments) == -(-(last - first) // 2)
        # Each moment is that of its tubelet, or of the later half of it.
        starts = shown[first::2].astype(float)
        assert (window.moments[:, 0] - starts <= 1).all()
        assert (window.moments[1:, 0] == starts[1:]).all()


def test_a_short_tail_reaches_back() -> None:
    first, tail = _cut(0, 21)
    assert first.keep == (0, 16)
    assert tail.pictures[:, 0, 0, 0].tolist() == list(range(5, 21)) and tail.keep == (10, 16)
    assert tail.moments.tolist() == [[16, 17], [17, 19], [19, 21]]


@given(
    st.lists(st.floats(0.1, 99), max_size=8, unique=True).map(sorted),
    st.floats(0, 90),
    st.floats(0.05, 60),
)
def test_slivers_of_shots_are_left_out(cuts: list[float], start: float, seconds: float) -> None:
    span = Span(start, start + seconds)
    parts = _parts(np.array(cuts), span)
    assert parts and all(span.start <= part.start < part.end <= span.end for part in parts)
    assert all(not any(part.start < cut < part.end for cut in cuts) for part in parts)
    longest = max(part.duration for part in parts)
    assert all(part.duration >= 0.5 or part.duration == longest for part in parts)


class TestDetect:
    def test_detections_stay_within_shots(self, video: Video, seeing: Encoder) -> None:
        found = detect(video, seeing, SCENES, video.span, 4.0)
        moments = sorted({(d.start, d.end) for d in found})
        assert moments[0][0] == 0 and moments[-1][1] == pytest.approx(23.5, abs=0.1)
        assert all(0 < end - start <= 0.5 + 1e-9 for start, end in moments)
        for cut in CUTS:
            assert not any(start < cut - 1e-6 < cut + 1e-6 < end for start, end in moments)
        assert [d.start for d in found] == sorted(d.start for d in found)
        assert {d.space for d in found} == {f"seeing@{seeing.revision}/objects"}

    @pytest.mark.parametrize("fps", [1.0, 4.0, 8.0])
    def test_moments_follow_the_rate(self, video: Video, seeing: Encoder, fps: float) -> None:
        found = detect(video, seeing, SCENES, Span(4.0, 13.0), fps)
        moments = sorted({(d.start, d.end) for d in found})
        assert len(moments) == pytest.approx(9 * fps / 2, abs=1)
        assert moments[0][0] == 4.0

    def test_motion_is_told_a_second(
        self, video: Video, seeing: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[float] = []
        detect_windows = seeing.detect

        def spy(*arguments: object) -> object:
            seen = detect_windows(*arguments)
            given.extend(s.dx for window in seen for tubelet in window for s in tubelet)
            return seen

        monkeypatch.setattr(seeing, "detect", spy)
        found = detect(video, seeing, SCENES, Span(5.0, 9.0), 8.0)
        assert [d.dx for d in found] == pytest.approx([8 * dx for dx in given])

    def test_a_short_span_is_seen_among_what_comes_before(
        self, video: Video, seeing: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown: list[tuple[int, tuple[int, int]]] = []
        detect_windows = seeing.detect

        def spy(windows: list[np.ndarray], keep: list[tuple[int, int]]) -> object:
            shown.extend((len(w), k) for w, k in zip(windows, keep, strict=True))
            return detect_windows(windows, keep)

        monkeypatch.setattr(seeing, "detect", spy)
        found = detect(video, seeing, SCENES, Span(10.0, 11.0), 4.0)
        assert shown == [(16, (12, 16))]
        assert {(d.start, d.end) for d in found} == {(10.0, 10.5), (10.5, 11.0)}
        shown.clear()
        detect(video, seeing, SCENES, Span(4.5, 5.5), 4.0)
        assert shown == [(6, (2, 6))]  # no more of its shot comes before

    def test_weights_that_find_nothing(self, video: Video, tmp_path: Path) -> None:
        plain = load_encoder(save_vjepa(tmp_path / "plain"))
        with pytest.raises(UsageError, match="preset plain brings no object head"):
            detect(video, plain, SCENES, Span(0.0, 2.0), 4.0)
        with pytest.raises(UsageError, match="preset plain brings no captioner"):
            caption(video, plain, SCENES, Span(0.0, 2.0))

    def test_what_cannot_be_decoded(
        self, video: Video, seeing: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Video, "frames", lambda *_, **__: iter(()))
        with pytest.raises(VideoDamaged, match="no picture in"):
            detect(video, seeing, SCENES, Span(0.0, 2.0), 4.0)


class TestCaption:
    @pytest.mark.parametrize(
        ("span", "shown"),
        [
            (Span(4.0, 8.0), [16]),
            (Span(4.0, 9.5), [16]),  # 22 pictures at 4 a second: one window is nearer than two
            (Span(4.0, 12.0), [16, 16]),
            (Span(4.0, 5.0), [8]),  # never more than 8 a second
            (Span(4.0, 4.1), [2]),
            (Span(2.0, 6.0), [16, 16]),  # two shots
            (Span(3.8, 6.0), [16]),  # a sliver of one
        ],
    )
    def test_how_many_pictures_are_shown(
        self,
        video: Video,
        seeing: Encoder,
        monkeypatch: pytest.MonkeyPatch,
        span: Span,
        shown: list[int],
    ) -> None:
        lengths: list[int] = []
        say = seeing.caption

        def spy(windows: list[np.ndarray]) -> object:
            lengths.extend(len(window) for window in windows)
            return say(windows)

        monkeypatch.setattr(seeing, "caption", spy)
        told = caption(video, seeing, SCENES, span)
        assert lengths == shown
        assert isinstance(told, Caption) and (told.start, told.end) == tuple(span)
        assert 0 < told.score <= 1 and told.space == f"seeing@{seeing.revision}/captioner"

    def test_nothing_is_said_twice_running(
        self, video: Video, seeing: Encoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = [("a red ring stops", 0.9), ("a red ring stops", 0.5), ("a blue ring stops", 0.8)]
        monkeypatch.setattr(seeing, "caption", lambda _: said)
        told = caption(video, seeing, SCENES, Span(1.0, 11.0))
        assert told.text == "a red ring stops; then a blue ring stops" and told.score == 0.5


def test_records_keep_quiet_about_their_space() -> None:
    one = Detection(0.0, 0.5, "red", "ring", 0.5, 0.5, 0.1, 0.0, 0.1, 0.9, "a/objects", "so")
    assert "space" not in repr(one) and "method" not in repr(one)
    assert "colour='red'" in repr(one)


def test_a_whole_film_is_read_in_one_pass(
    make_film: Callable[..., Path], shot: type, seeing: Encoder, tmp_path: Path
) -> None:
    path = make_film(tmp_path / "one.mp4", [shot(2.25, "red", "circle", "right")])
    video = Video.open(path)
    found = detect(video, seeing, [Scene(0.0, 2.25)], video.span, 4.0)
    # Nine pictures: eight side by side, and the last with the one before it.
    assert sorted({d.start for d in found}) == [0.0, 0.5, 1.0, 1.5, 2.0]
