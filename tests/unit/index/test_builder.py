from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm.encoders import Encoder
from rlm.index import VideoIndex
from rlm.index.builder import Windower, read_windows
from rlm.index.cuts import CutDetector
from rlm.spans import Span
from rlm.video import Video

PIXEL = np.zeros((1, 1, 3), np.uint8)


def _tiles(spans: list[tuple[float, float]], duration: float) -> bool:
    edges = [0.0, *(end for _, end in spans)]
    return (
        edges[-1] == duration
        and [start for start, _ in spans] == edges[:-1]
        and all(start < end for start, end in spans)
    )


@given(
    lengths=st.lists(st.floats(0.3, 12.0), min_size=1, max_size=8),
    size=st.integers(1, 16),
    fps=st.sampled_from([1.0, 4.0, 7.5]),
)
def test_windows_tile_and_never_mix_shots(lengths: list[float], size: int, fps: float) -> None:
    edges = [0.0, *np.cumsum(lengths).tolist()]
    duration, cuts = edges[-1], edges[1:-1]
    windower = Windower(size)
    windows, used = [], 0
    for number in range(max(1, int(np.ceil(duration * fps - 1e-9)))):
        time, cut = number / fps, None
        while used < len(cuts) and cuts[used] <= time:
            cut = cuts[used] if cut is None else cut
            used += 1
        windows.append(windower.add(time, PIXEL, cut))
    windows.append(windower.flush(duration))
    made = [window for window in windows if window is not None]
    assert windower.flush(duration) is None
    assert _tiles([(w.span.start, w.span.end) for w in made], duration)
    assert all(1 <= len(window.rgb) <= size for window in made)
    for window in made:
        first = np.ceil(window.span.start * fps - 1e-9) / fps
        inside = [cut for cut in cuts if first < cut < window.span.end]
        # Only a shot too short to hold a sample shares a window with its neighbour.
        assert all(np.ceil(cut * fps) / fps >= window.span.end - 1e-9 for cut in inside)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lengths=st.lists(st.sampled_from([1, 2, 5, 9, 14, 30, 61]), min_size=1, max_size=5),
    fps=st.sampled_from([5, 12, 30]),
)
def test_any_film_is_tiled(
    lengths: list[int],
    fps: int,
    encoder: Encoder,
    shot: Callable[..., object],
    make_film: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    grounds = [(45, 50, 60), (90, 40, 40), (40, 90, 40), (120, 120, 130), (20, 20, 60)]
    shots = [
        shot(length / fps, ground=ground) for length, ground in zip(lengths, grounds, strict=False)
    ]
    folder = tmp_path_factory.mktemp("tile")
    index = VideoIndex.build(make_film(folder / "a.mp4", shots, fps), cache=folder, encoder=encoder)
    duration = index.video.span.end
    assert _tiles([(scene.start, scene.end) for scene in index.scenes()], duration)
    assert _tiles([(window.start, window.end) for window in index.windows], duration)
    for field in index.fields:
        assert len(index.track(field)) == len(index.windows)


def test_windows_hold_the_pictures_of_their_own_shot(five_shots: Path, encoder: Encoder) -> None:
    video = Video.open(five_shots)
    windows = list(read_windows(video, encoder, CutDetector(0.25)))
    spans = [(window.span.start, window.span.end) for window in windows]
    assert spans == pytest.approx(
        np.array(
            [(0, 4), (4, 8), (8, 12), (12, 13), (13, 17), (17, 19.5), (19.5, 23.5)], dtype=float
        ),
        abs=1e-3,
    )
    assert [len(window.rgb) for window in windows] == [16, 16, 16, 4, 16, 10, 16]
    for window in windows:
        corners = window.rgb[:, :4, :4].reshape(len(window.rgb), -1, 3).mean(axis=1)
        assert np.ptp(corners, axis=0).max() < 3


@pytest.mark.parametrize(
    "lengths", [[60] * 10, [600], [5, 595], [1, 1, 298, 1, 299], [299, 1, 1, 299]]
)
def test_few_samples_are_held_however_slow_the_film(
    lengths: Sequence[int], encoder: Encoder, tmp_path: Path
) -> None:
    """Slides that show for ``lengths`` seconds: what waits for its cuts is a few seconds' worth."""
    stamps = [sum(lengths[:number]) for number in range(len(lengths))]
    path = tmp_path / "slides.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"g": "1", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number, stamp in enumerate(stamps):
            rgb = np.random.default_rng(number).integers(0, 255, (4, 4, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb.repeat(16, 0).repeat(16, 1), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1)
            for packet in stream.encode(frame):
                packet.duration = int(lengths[number] / packet.time_base)
                container.mux(packet)
    prepared: list[weakref.ref[np.ndarray]] = []
    most = 0

    class Watched:
        frames, fps, spec = encoder.frames, encoder.fps, encoder.spec

        def prepare(self, rgb: np.ndarray) -> np.ndarray:
            nonlocal most
            pictures = encoder.prepare(rgb).copy()  # whatever is a view of it keeps it alive
            prepared.append(weakref.ref(pictures))
            most = max(most, sum(held() is not None for held in prepared))
            return pictures

    detector = CutDetector(0.25)
    windows = list(read_windows(Video.open(path), Watched(), detector))
    assert len(prepared) == 4 * sum(lengths)
    assert most <= 5.25 * encoder.fps + encoder.frames + 2
    assert sum(len(window.rgb) for window in windows) == len(prepared)
    assert windows[-1].span.end == sum(lengths)
    assert detector.cuts == stamps[1:]
    assert {window.span.start for window in windows} >= set(detector.cuts)


def test_progress_runs_to_the_end(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    told: list[tuple[float, float]] = []
    VideoIndex.build(
        five_shots, cache=tmp_path, encoder=encoder, progress=lambda *now: told.append(now)
    )
    assert {total for _, total in told} == {23.5}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (23.5, 23.5) and len(told) > 15


def test_one_picture(tmp_path: Path, encoder: Encoder, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "one.mp4", [np.full((64, 64, 3), 90, np.uint8)], 25)
    index = VideoIndex.build(path, cache=tmp_path, encoder=encoder)
    (window,) = index.windows
    assert (window.start, window.end) == (0.0, index.video.span.end)
    assert index.nearest(index.embed(Span(0.0, 0.02)), k=3)[0].score == pytest.approx(1, abs=1e-4)
