"""One pass, each frame once, nothing computed twice, nothing lost."""

from __future__ import annotations

import shutil
import threading
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
from rlm.errors import UsageError, VideoDamaged
from rlm.index import VideoIndex
from rlm.index.reading import cut_windows, read_video
from rlm.index.shots import Shots
from rlm.spans import Span
from rlm.video import Video


def _tiles(spans: list[tuple[float, float]], duration: float) -> bool:
    edges = [0.0, *(end for _, end in spans)]
    return (
        edges[-1] == duration
        and [start for start, _ in spans] == edges[:-1]
        and all(start < end for start, end in spans)
    )


class Counting:
    """An encoder that counts the pictures it is given, and may be stopped as by Ctrl-C."""

    def __init__(self, encoder: Encoder, stop_after: int | None = None) -> None:
        self._encoder = encoder
        self._stop_after = stop_after
        self.windows = 0
        self.pictures = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode(
        self, windows: Sequence[np.ndarray], keep: Sequence[tuple[int, int]] | None = None
    ) -> dict[str, np.ndarray]:
        if self._stop_after is not None and self.windows + len(windows) > self._stop_after:
            raise KeyboardInterrupt
        self.windows += len(windows)
        self.pictures += sum(map(len, windows))
        return self._encoder.encode(windows, keep)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The videos that were read from beginning to end, as often as they were."""
    told: list[Path] = []
    read = Video.read

    def counted(video: Video, *args: object, **kwargs: object) -> object:
        if "fps" in kwargs:  # as the pass asks; parts are asked for otherwise
            told.append(video.path)
        return read(video, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Video, "read", counted)
    return told


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
        assert _tiles([(start, end) for start, end in index.spans(field).tolist()], duration)
        assert len(index.track(field)) == len(index.spans(field))


def _windows(
    path: Path, encoder: Encoder, folder: Path
) -> tuple[list[tuple[tuple[float, float], int, np.ndarray]], Shots]:
    """Spans, lengths and corners of the windows of a pass."""
    video = Video.open(path)
    shots = Shots(folder, video.span.end, 0.25)
    windows = cut_windows(
        read_video(video, [encoder], shots),
        shots,
        [(encoder.frames, encoder.frames)],
        video.span.end,
        video.timing.tolerance,
    )
    made = []
    for plan, window in windows:
        assert plan == 0
        corners = window.pictures[:, :4, :4].reshape(len(window.pictures), -1, 3).mean(axis=1)
        made.append(((window.span.start, window.span.end), len(window.pictures), corners))
    shots.close()
    return made, shots


def test_windows_hold_the_pictures_of_their_own_shot(
    five_shots: Path, encoder: Encoder, tmp_path: Path
) -> None:
    windows, _ = _windows(five_shots, encoder, tmp_path)
    assert [span for span, _, _ in windows] == pytest.approx(
        np.array(
            [(0, 4), (4, 8), (8, 12), (12, 13), (13, 17), (17, 19.5), (19.5, 23.5)], dtype=float
        ),
        abs=1e-3,
    )
    assert [length for _, length, _ in windows] == [16, 16, 16, 4, 16, 10, 16]
    assert all(np.ptp(corners, axis=0).max() < 3 for _, _, corners in windows)


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
        frames, fps, crop, spec = encoder.frames, encoder.fps, encoder.crop, encoder.spec

        def prepare(self, rgb: np.ndarray) -> np.ndarray:
            nonlocal most
            pictures = encoder.prepare(rgb).copy()  # whatever is a view of it keeps it alive
            prepared.append(weakref.ref(pictures))
            most = max(most, sum(held() is not None for held in prepared))
            return pictures

    windows, shots = _windows(path, Watched(), tmp_path)
    assert len(prepared) == 4 * sum(lengths)
    assert most <= 8 * encoder.fps + encoder.frames + 2
    assert sum(length for _, length, _ in windows) == len(prepared)
    assert windows[-1][0][1] == sum(lengths)
    assert shots.times == stamps[1:]
    assert {start for (start, _), _, _ in windows} >= set(stamps[1:])


def test_progress_runs_to_the_end(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    told: dict[str, list[tuple[float, float]]] = {}
    VideoIndex.build(
        five_shots,
        cache=tmp_path,
        encoder=encoder,
        progress=lambda what, *now: told.setdefault(what, []).append(now),
    )
    assert set(told) == {"reading", "encoding builtin"} and len(told["reading"]) > 15
    for steps in told.values():
        assert {total for _, total in steps} == {23.5}
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[-1] == (23.5, 23.5)


def test_one_picture(tmp_path: Path, encoder: Encoder, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "one.mp4", [np.full((64, 64, 3), 90, np.uint8)], 25)
    index = VideoIndex.build(path, cache=tmp_path, encoder=encoder)
    (window,) = index.windows
    assert (window.start, window.end) == (0.0, index.video.span.end)
    assert index.nearest(index.embed(Span(0.0, 0.02)), k=3)[0].score == pytest.approx(1, abs=1e-4)


class TestTiers:
    def test_each_frame_is_encoded_once(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path, reads: list[Path]
    ) -> None:
        counting = Counting(encoder)
        index = VideoIndex.build(five_shots, cache=tmp_path, encoder=counting)
        assert counting.windows == len(index.windows) == 7
        assert counting.pictures == 94 == len(index.track("look"))
        assert len(reads) == 1
        VideoIndex.build(five_shots, cache=tmp_path, encoder=counting)
        assert counting.windows == 7 and len(reads) == 1

    def test_a_higher_tier_computes_what_is_new(
        self,
        five_shots: Path,
        encoder: Encoder,
        tmp_path: Path,
        reads: list[Path],
    ) -> None:
        index = VideoIndex.build(five_shots, tier=1, cache=tmp_path, encoder=encoder)
        assert index.tier == 1 and index.fields == ("look",) and reads == []
        index.upgrade(2)
        assert index.tier == 2 and len(reads) == 1
        vectors = index.track("vjepa").tobytes()
        index.upgrade(3)
        # The frames were kept: nothing is decoded for tier 3.
        assert index.tier == 3 and index.fields[0] == "deep" and len(reads) == 1
        assert index.track("vjepa").tobytes() == vectors
        index.upgrade(1)
        assert index.tier == 3

    def test_frames_too_many_to_keep_are_decoded_again(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path, reads: list[Path]
    ) -> None:
        kept = VideoIndex.build(five_shots, tier=3, cache=tmp_path / "kept", encoder=encoder)
        assert len(reads) == 1
        index = VideoIndex.build(five_shots, cache=tmp_path / "a", encoder=encoder, keep_bytes=0)
        assert list((tmp_path / "a").rglob("frames.npy")) == []
        index.upgrade(3, keep_bytes=0)
        assert len(reads) == 3
        assert index.track("deep").tobytes() == kept.track("deep").tobytes()

    def test_the_way_does_not_matter(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        at_once = VideoIndex.build(five_shots, tier=3, cache=tmp_path / "a", encoder=encoder)
        steps = VideoIndex.build(five_shots, tier=1, cache=tmp_path / "b", encoder=encoder)
        steps.upgrade(2)
        steps.upgrade(3)
        assert steps.key == at_once.key and steps.fields == at_once.fields
        for field in steps.fields:
            assert steps.track(field).tobytes() == at_once.track(field).tobytes()
            assert steps.spaces[field] == at_once.spaces[field]
        assert [steps.scenes(n) for n in range(3)] == [at_once.scenes(n) for n in range(3)]
        assert list(steps.thumbnails()) == list(at_once.thumbnails())

    def test_moments_are_half_seconds_that_tile(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        index = VideoIndex.build(five_shots, tier=3, cache=tmp_path, encoder=encoder)
        spans = index.spans("deep")
        assert _tiles([(start, end) for start, end in spans.tolist()], 23.5)
        assert np.median(spans[:, 1] - spans[:, 0]) == 0.5
        example = index.embed(Span(20.0, 20.5))
        assert example.space == index.spaces["deep"] and "tubelet" in example.space
        assert index.nearest(example, k=1)[0].start == pytest.approx(20.0, abs=0.01)

    def test_an_upgrade_under_way_disturbs_nobody(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        index = VideoIndex.build(five_shots, tier=1, cache=tmp_path, encoder=encoder)
        example = index.embed(Span(0.0, 4.0), field="look")
        seen: list[int] = []
        done = threading.Event()

        def search() -> None:
            while not done.is_set():
                tier = index.tier
                found = index.embed(Span(1.0, 3.0))
                assert index.nearest(found, k=1)[0].start < 4
                seen.append(tier)

        thread = threading.Thread(target=search)
        thread.start()
        try:
            index.upgrade(2)
        finally:
            done.set()
            thread.join()
        assert seen and set(seen) <= {1, 2} and seen == sorted(seen)
        assert index.nearest(index.embed(Span(0.0, 4.0)), k=1)[0].source == "vjepa"
        # The scan's looks were centred otherwise: they are not mistaken for those of tier 2, and
        # still find what they found.
        assert example.space not in index.spaces.values()
        assert index.nearest(example, k=1)[0].end > 4.5

    def test_windows_may_overlap(self, five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
        index = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder, scene_clip_stride=1.0)
        assert _tiles([tuple(window) for window in index.windows], 23.5)
        # The second shot, 9 s long, is seen from 0, 1, 2, 3, 4 and 5 s on.
        inside = [w for w in index.windows if w.start >= 4 - 1e-3 and w.end <= 13 + 1e-3]
        assert len(inside) == 6 and "moments" in index.fields
        for stride in (0.3, 4.5, 0.0, -1.0):
            with pytest.raises(UsageError, match=r"multiple of 0\.5 s"):
                VideoIndex.build(
                    five_shots, cache=tmp_path, encoder=encoder, scene_clip_stride=stride
                )

    @pytest.mark.parametrize("tier", [0, 4])
    def test_other_tiers_there_are_not(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path, tier: int
    ) -> None:
        with pytest.raises(UsageError, match=r"tier 1 \(scan\)"):
            VideoIndex.build(five_shots, tier=tier, cache=tmp_path, encoder=encoder)
        assert list(tmp_path.iterdir()) == []


class TestInterrupted:
    @pytest.mark.parametrize("keep_bytes", [0, 2**30])
    def test_what_was_encoded_is_not_encoded_again(
        self,
        make_film: Callable[..., Path],
        shot: Callable[..., object],
        encoder: Encoder,
        tmp_path: Path,
        keep_bytes: int,
    ) -> None:
        grounds = [(45, 50, 60), (90, 40, 40), (40, 90, 40), (120, 120, 130)]
        path = make_film(tmp_path / "a.mp4", [shot(20.0, ground=each) for each in grounds], fps=5)
        whole = Counting(encoder)
        expected = VideoIndex.build(path, cache=tmp_path / "whole", encoder=whole)
        assert whole.windows == 20
        stopped = Counting(encoder, stop_after=18)
        cache = tmp_path / "cache"
        with pytest.raises(KeyboardInterrupt):
            VideoIndex.build(path, cache=cache, encoder=stopped, keep_bytes=keep_bytes)
        assert stopped.windows == 16
        assert [thread.name for thread in threading.enumerate()].count("read-ahead") == 0
        again = Counting(encoder)
        index = VideoIndex.build(path, cache=cache, encoder=again, keep_bytes=keep_bytes)
        assert again.windows == 4
        for field in index.fields:
            assert index.track(field).tobytes() == expected.track(field).tobytes()
        assert list(cache.rglob("*.building")) == []

    def test_tier_3_goes_on_without_decoding(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path, reads: list[Path]
    ) -> None:
        def interrupt(what: str, done: float, total: float) -> None:
            if what.startswith("encoding"):
                raise KeyboardInterrupt

        index = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
        with pytest.raises(KeyboardInterrupt):
            index.upgrade(3, progress=interrupt)
        assert index.tier == 2 and VideoIndex.load(five_shots, cache=tmp_path).tier == 2
        index.upgrade(3)
        assert index.tier == 3 and len(reads) == 1


def test_a_file_that_grows_is_refused(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    path = Path(shutil.copy(five_shots, tmp_path / "growing.mp4"))

    class Growing(Counting):
        def encode(self, windows: object, keep: object = None) -> dict[str, np.ndarray]:
            with open(path, "ab") as file:
                file.write(b"\0" * 100)
            return super().encode(windows, keep)  # type: ignore[arg-type]

    with pytest.raises(VideoDamaged) as caught:
        VideoIndex.build(path, cache=tmp_path / "cache", encoder=Growing(encoder))
    assert "growing.mp4" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(Exception, match="no whole index"):
        VideoIndex.load(path, cache=tmp_path / "cache")


def test_what_cannot_be_decoded_is_named(
    make_film: Callable[..., Path], shot: Callable[..., object], encoder: Encoder, tmp_path: Path
) -> None:
    path = make_film(tmp_path / "a.mkv", [shot(12.0)])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    index = VideoIndex.build(path, cache=tmp_path / "cache", encoder=encoder)
    assert index.damage and all(0 < span.start < span.end <= 12 for span in index.damage)
    assert VideoIndex.load(path, cache=tmp_path / "cache").damage == index.damage
    assert _tiles([tuple(scene.span) for scene in index.scenes()], index.video.span.end)


def test_feature_maps(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    index = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
    maps = index.feature_maps(Span(2.0, 9.3))
    assert maps.tokens.dtype == np.float16 and maps.tokens.shape[1:] == (4, 4, 192)
    # 2 s to the cut at 4 s, then 16 and 6 pictures.
    assert maps.windows == (4, 8, 3) and len(maps.tokens) == len(maps.spans) == 15
    assert _tiles([(s - 2.0, e - 2.0) for s, e in maps.spans.tolist()], pytest.approx(7.3))
    assert maps.spans[4, 0] == pytest.approx(4.0, abs=1e-3)
    # Pooled, they are what the index holds of the same pictures.
    whole = index.feature_maps(index.windows[1])
    tokens = whole.tokens.astype(np.float32).reshape(-1, 192)
    normal = (tokens - tokens.mean(1, keepdims=True)) / np.sqrt(tokens.var(1, keepdims=True) + 1e-5)
    pooled = normal.mean(0) / np.linalg.norm(normal.mean(0))
    assert pooled @ index.track("vjepa")[1] > 0.9999
    (file, *_) = (tmp_path / "features").iterdir()
    again = index.feature_maps(Span(2.0, 9.3))
    assert np.array_equal(again.tokens, maps.tokens) and again.windows == maps.windows
    file.write_bytes(b"rubbish")
    assert np.array_equal(index.feature_maps(Span(2.0, 9.3)).tokens, maps.tokens)


def test_the_cache_of_feature_maps_is_bounded(tmp_path: Path) -> None:
    from rlm.index.features import FeatureMaps, cached

    made: list[int] = []

    def make(number: int) -> FeatureMaps:
        made.append(number)
        spans = np.array([[0.0, 1.0]])
        return FeatureMaps(spans, np.full((1, 10, 10, 10), number, np.float16), (1,))

    for number in (0, 1, 2, 0, 3, 0, 1):
        assert cached(tmp_path, number, lambda n=number: make(n), 9000).tokens[0, 0, 0, 0] == number
    # Of 3 to 4 kB each, only so many fit: 1 had to go, 0 was in use.
    assert made == [0, 1, 2, 3, 1] or made == [0, 1, 2, 0, 3, 1]
    assert sum(file.stat().st_size for file in (tmp_path / "features").iterdir()) <= 9000
    cached(tmp_path, "large", lambda: make(7), 1000)
    assert sum(file.stat().st_size for file in (tmp_path / "features").iterdir()) <= 9000
