from __future__ import annotations

import dataclasses
import itertools
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rlm.encoders import Embedding, Encoder
from rlm.errors import (
    EncoderError,
    IndexDamaged,
    NotAVideo,
    SpaceMismatch,
    UsageError,
    VideoDamaged,
    VideoNotFound,
    WeightsMissing,
)
from rlm.index import Hit, Scene, VideoIndex
from rlm.index.storage import store
from rlm.spans import Span
from rlm.video import Video

ROOT = Path(__file__).parents[3]
CUTS = [4.0, 13.0, 17.0, 19.5]


def test_scenes_are_the_shots(index: VideoIndex) -> None:
    scenes = index.scenes()
    assert [scene.start for scene in scenes[1:]] == pytest.approx(CUTS, abs=1e-3)
    assert scenes[0] == Scene(0.0, scenes[1].start)
    assert scenes[-1].span == Span(scenes[-1].start, 23.5)


def test_fields_and_tracks(index: VideoIndex, encoder: Encoder) -> None:
    assert index.preset == "builtin" and index.fields == ("vjepa", "joint", "look")
    made = {name: space for name, space in index.spaces.items() if name != "look"}
    assert made == dict(encoder.tracks)
    assert index.track("vjepa").shape == (7, 192) and index.track("joint").shape == (7, 128)
    with pytest.raises(ValueError, match="read-only"):
        index.track("joint")[0, 0] = 0
    with pytest.raises(UsageError, match=r"'motion'.*vjepa, joint, look"):
        index.track("motion")


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "shot"),
        [
            ("a blue square moves down", Span(4.0, 13.0)),
            ("a yellow triangle moves to the left", Span(13.0, 17.0)),
            ("a green circle moves up", Span(17.0, 19.5)),
        ],
    )
    def test_text_finds_its_shot(self, index: VideoIndex, text: str, shot: Span) -> None:
        best = index.nearest(index.embed(text), k=3)[0]
        assert shot.start - 0.01 <= best.start and best.end <= shot.end + 0.01
        assert (best.source, best.method) == ("joint", "text to joint")
        assert best.space == index.text_space

    def test_text_finds_both_times(self, index: VideoIndex) -> None:
        hits = index.nearest(index.embed("a red circle moves to the right"), k=2)
        assert sorted(hit.start for hit in hits) == pytest.approx([0.0, 19.5], abs=0.01)

    def test_an_example_finds_its_like(self, index: VideoIndex) -> None:
        first = index.windows[0]
        hits = index.nearest(index.embed(first), k=1, exclude=first)
        assert hits[0].start == pytest.approx(19.5, abs=0.01)
        assert hits[0].method == "example in vjepa"
        itself = index.nearest(index.embed(first), k=1)[0]
        assert itself.span == first and itself.score == pytest.approx(1.0, abs=1e-5)

    def test_filters(self, index: VideoIndex) -> None:
        example = index.embed(index.windows[0])
        inside = index.nearest(example, k=9, span=Span(8.5, 14.0), diverse=False)
        assert sorted(hit.start for hit in inside) == pytest.approx([8, 12, 13], abs=0.01)
        moment = index.nearest(example, k=9, span=Span(8.0, 8.0), diverse=False)
        assert [hit.start for hit in moment] == [8.0]
        rest = index.nearest(example, k=9, exclude=[Span(0, 5), Span(16, 20)], diverse=False)
        assert sorted(hit.start for hit in rest) == pytest.approx([8, 12], abs=0.01)
        assert index.nearest(example, span=Span(100, 101)) == []

    def test_diverse_hits_are_apart_within_a_shot(self, index: VideoIndex) -> None:
        example = index.embed("a blue square moves down")
        plain = index.nearest(example, k=9, diverse=False)
        assert len(plain) == 7
        assert [hit.score for hit in plain] == sorted((hit.score for hit in plain), reverse=True)
        diverse = index.nearest(example, k=9)
        assert set(diverse) < set(plain) and diverse[0] == plain[0]
        # Of the shot's windows at 4, 8 and 12 s, the middle one silences both others.
        second_shot = [hit for hit in diverse if 4 <= hit.start < 13]
        assert all(
            abs(one.start - other.start) >= 8
            for one in second_shot
            for other in second_shot
            if one is not other
        )

    def test_k_and_space_are_checked(self, index: VideoIndex) -> None:
        with pytest.raises(UsageError, match="at least 1"):
            index.nearest(index.embed("a red circle"), k=0)
        stranger = Embedding("siglip@1/x", np.array([1.0, 0.0], np.float32))
        with pytest.raises(SpaceMismatch, match=r"siglip@1/x.*builtin@"):
            index.nearest(stranger)
        cut_short = np.eye(1, 64, dtype=np.float32)[0]
        with pytest.raises(SpaceMismatch):
            index.nearest(Embedding(index.spaces["vjepa"], cut_short))

    def test_hits_are_plain_values(self, index: VideoIndex) -> None:
        (hit,) = index.nearest(index.embed("a red circle"), k=1)
        assert isinstance(hit, Hit) and hit.span == Span(hit.start, hit.end)
        assert {type(value) for value in dataclasses.astuple(hit)} == {float, str}


class TestEmbed:
    def test_a_window_is_read_from_the_index(self, index: VideoIndex) -> None:
        for number, window in enumerate(index.windows):
            assert np.allclose(index.embed(window).vector, index.track("vjepa")[number], atol=1e-6)
        whole = index.embed(Span(4.0, 12.0)).vector
        assert whole @ index.track("vjepa")[1] > 0.7 and whole @ index.track("vjepa")[2] > 0.7

    def test_another_span_is_decoded(self, index: VideoIndex) -> None:
        nearly = index.embed(Span(0.0, 3.99))
        assert nearly.vector @ index.track("vjepa")[0] > 0.99
        assert index.nearest(nearly, k=1)[0].start == 0.0
        across = index.embed(Span(2.0, 15.0))
        assert across.space == index.spaces["vjepa"] and across.origin == "video"

    def test_pictures(self, index: VideoIndex, five_shots: Path) -> None:
        clip = Video.open(five_shots).clip(Span(13.0, 17.0), fps=4.0)
        moving = index.embed(clip.rgb)
        assert index.nearest(moving, k=1)[0].start == pytest.approx(13.0, abs=0.01)
        assert moving.vector @ index.track("vjepa")[4] > 0.98
        still = index.embed(clip.rgb[8])
        assert still.space == moving.space
        long = index.embed(np.concatenate([clip.rgb, clip.rgb, clip.rgb[:3]]))
        assert long.vector @ moving.vector > 0.9

    def test_what_cannot_be_embedded(self, index: VideoIndex) -> None:
        with pytest.raises(UsageError, match="empty text"):
            index.embed("  ")
        with pytest.raises(UsageError, match="holds nothing"):
            index.embed(Span(30.0, 31.0))
        with pytest.raises(UsageError, match="pictures are uint8"):
            index.embed(np.zeros((4, 64, 64, 3)))  # type: ignore[arg-type]


class TestCache:
    def test_found_again_byte_for_byte(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        fresh = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
        files = {file.name: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")}
        again = VideoIndex.build(five_shots, cache=tmp_path)
        assert {file.name: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")} == files
        assert again.windows == fresh.windows and again.scenes() == fresh.scenes()
        for field in fresh.fields:
            assert again.track(field).tobytes() == fresh.track(field).tobytes()
        other = VideoIndex.build(five_shots, cache=tmp_path / "other", encoder=encoder)
        assert other.track("vjepa").tobytes() == fresh.track("vjepa").tobytes()
        query = fresh.embed("a blue square moves down")
        assert again.nearest(query) == fresh.nearest(query)

    def test_content_is_the_key_and_not_the_path(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        VideoIndex.build(five_shots, cache=tmp_path / "c", encoder=encoder)
        moved = shutil.copy(five_shots, tmp_path / "moved.mp4")
        VideoIndex.build(moved, cache=tmp_path / "c", encoder=encoder)
        assert len(list((tmp_path / "c").iterdir())) == 1

    def test_another_model_another_index(
        self,
        five_shots: Path,
        encoder: Encoder,
        tmp_path: Path,
    ) -> None:
        changed = tmp_path / "model"
        shutil.copytree(encoder.spec.folder, changed)
        (changed / "heads.safetensors").unlink()
        one = VideoIndex.build(five_shots, cache=tmp_path / "c", encoder=encoder)
        two = VideoIndex.build(five_shots, changed, cache=tmp_path / "c")
        assert len(list((tmp_path / "c").iterdir())) == 1
        assert len(list((tmp_path / "c").glob("*/vectors-*"))) == 2
        assert two.fields == ("vjepa", "look") and two.text_space is None
        with pytest.raises(SpaceMismatch):
            two.nearest(one.embed(one.windows[0]))
        with pytest.raises(UsageError, match="no text side"):
            two.embed("a red circle")
        reopened = VideoIndex.build(five_shots, changed, cache=tmp_path / "c")
        late = VideoIndex.load(five_shots, changed, cache=tmp_path / "c")
        reopened.embed(Span(1.0, 2.0))
        (changed / "config.json").write_text(
            (changed / "config.json").read_text().replace("1e-06", "1e-05")
        )
        with pytest.raises(IndexDamaged, match="build it again"):
            late.embed(Span(1.0, 2.0))
        with pytest.raises(IndexDamaged, match="no whole index"):
            VideoIndex.load(five_shots, changed, cache=tmp_path / "c")

    def test_weights_may_move(
        self,
        five_shots: Path,
        encoder: Encoder,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        first, second = tmp_path / "a" / "w", tmp_path / "b" / "w"
        shutil.copytree(encoder.spec.folder, first)
        fresh = VideoIndex.build(five_shots, first, cache=tmp_path / "c")
        (tmp_path / "b").mkdir()
        first.rename(second)
        moved = VideoIndex.build(five_shots, str(second), cache=tmp_path / "c")
        assert moved.key == fresh.key and moved.preset == fresh.preset == "w"
        expected = moved.embed("a red circle").vector

        monkeypatch.chdir(tmp_path / "b")
        relative = VideoIndex.build(five_shots, "w", cache=tmp_path / "c")
        monkeypatch.chdir(tmp_path)
        assert np.array_equal(relative.embed("a red circle").vector, expected)

        for manifest in (tmp_path / "c").rglob("manifest.json"):
            assert str(tmp_path) not in manifest.read_text()
        told = VideoIndex.load(five_shots, second, cache=tmp_path / "c")
        assert np.array_equal(told.embed("a red circle").vector, expected)
        gone = VideoIndex.load(five_shots, second, cache=tmp_path / "c")
        shutil.rmtree(second)
        assert gone.embed(gone.windows[0]).vector.shape == (192,)
        with pytest.raises(WeightsMissing, match="no longer"):
            gone.embed("a red circle")

    def test_default_place(
        self,
        five_shots: Path,
        encoder: Encoder,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("VIDEORLM_CACHE", str(tmp_path / "a setting, and not of this room"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        VideoIndex.build(five_shots, encoder=encoder)
        assert len(list((tmp_path / "xdg" / "videorlm" / "index").iterdir())) == 1
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert store.default_root() == tmp_path / "home" / ".cache" / "videorlm" / "index"
        assert [path.name for path in tmp_path.iterdir()] == ["xdg"]

    def test_load_builds_nothing(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path, make_film, shot
    ) -> None:
        with pytest.raises(IndexDamaged, match="videorlm index"):
            VideoIndex.load(five_shots, cache=tmp_path / "c")
        assert not (tmp_path / "c").exists()
        VideoIndex.build(five_shots, tier=1, cache=tmp_path / "c", encoder=encoder)
        assert VideoIndex.load(five_shots, cache=tmp_path / "c").tier == 1
        VideoIndex.build(five_shots, cache=tmp_path / "c", encoder=encoder)
        assert VideoIndex.load(five_shots, cache=tmp_path / "c").tier == 2
        assert VideoIndex.load(five_shots, tier=1, cache=tmp_path / "c").fields == ("look",)
        with pytest.raises(IndexDamaged):
            VideoIndex.load(five_shots, tier=3, cache=tmp_path / "c")
        other = make_film(tmp_path / "other.mp4", [shot(1.0)])
        with pytest.raises(IndexDamaged, match=r"other\.mp4"):
            VideoIndex.load(other, cache=tmp_path / "c")

    def test_an_index_put_in_the_wrong_place_is_not_believed(
        self,
        five_shots: Path,
        encoder: Encoder,
        tmp_path: Path,
        shot: Callable[..., object],
        make_film: Callable[..., Path],
    ) -> None:
        other = make_film(tmp_path / "other.mp4", [shot(1.0)])
        VideoIndex.build(other, cache=tmp_path / "c", encoder=encoder)
        (foreign,) = (tmp_path / "c").iterdir()
        VideoIndex.build(five_shots, cache=tmp_path / "d", encoder=encoder)
        (own,) = (tmp_path / "d").iterdir()
        names = {path.name.partition("-")[0]: path.name for path in own.iterdir()}
        shutil.rmtree(own)
        own.mkdir()
        for path in foreign.iterdir():
            path.rename(own / names[path.name.partition("-")[0]])
        index = VideoIndex.build(five_shots, cache=tmp_path / "d", encoder=encoder)
        assert len(index.windows) == 7
        assert {folder.name for folder in own.iterdir()} == set(names.values())


class TestTierOne:
    """What is searchable at once, without a model."""

    def test_key_frames_are_found_by_their_looks(self, five_shots: Path, tmp_path: Path) -> None:
        index = VideoIndex.build(five_shots, tier=1, cache=tmp_path)
        assert (index.tier, index.fields, index.text_space) == (1, ("look",), None)
        assert index.windows[0].start == 0.0 and index.windows[-1].end == 23.5
        thumbnails = list(index.thumbnails())
        assert thumbnails and all(each.jpeg[:2] == b"\xff\xd8" for each in thumbnails)
        (hit,) = index.nearest(index.embed(index.windows[0]), k=1)
        assert hit.span == index.windows[0] and hit.source == "look"
        picture = Video.open(five_shots).clip(Span(0.0, 0.1), count=1).rgb[0]
        assert index.nearest(index.embed(picture), k=1)[0].span == index.windows[0]
        with pytest.raises(UsageError, match="tier 1 with preset builtin has no text side"):
            index.embed("a red circle")
        with pytest.raises(UsageError, match="without a model"):
            index.encoder("look")

    def test_no_weights_are_needed_to_scan(self, five_shots: Path, tmp_path: Path) -> None:
        code = (
            "import sys; from rlm.index import VideoIndex; from pathlib import Path; "
            "VideoIndex.build(sys.argv[1], tier=1, cache=Path(sys.argv[2])); "
            "print([m for m in ('torch', 'transformers') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(five_shots), str(tmp_path)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == "[]"


class TestLooks:
    def test_a_shot_that_returns_is_found_by_its_look(self, index: VideoIndex) -> None:
        example = index.embed(Span(4.0, 13.0), field="look")
        hits = index.nearest(example, k=8, diverse=False)
        assert all(4 <= hit.start < 13 for hit in hits)

    def test_each_field_is_a_space_of_its_own(self, index: VideoIndex) -> None:
        look = index.embed(Span(0.0, 4.0), field="look")
        assert look.space == index.spaces["look"] != index.spaces["vjepa"]
        assert {hit.source for hit in index.nearest(look)} == {"look"}
        with pytest.raises(SpaceMismatch):
            look.similarity(index.embed(Span(0.0, 4.0)))
        with pytest.raises(UsageError, match="field look has no text side"):
            index.embed("a red circle", field="look")
        with pytest.raises(UsageError, match="there is no field 'deep'"):
            index.embed(Span(0.0, 4.0), field="deep")

    def test_thumbnails_of_a_span(self, index: VideoIndex) -> None:
        times = [each.time for each in index.thumbnails(Span(5.0, 9.0))]
        assert times == [5.0, 6.0, 7.0, 8.0]


class TestScenes:
    def test_levels_tile_and_nest(self, index: VideoIndex) -> None:
        edges = []
        for level in range(3):
            scenes = index.scenes(level)
            assert scenes[0].start == 0.0 and scenes[-1].end == 23.5
            assert all(a.end == b.start for a, b in itertools.pairwise(scenes))
            edges.append({scene.start for scene in scenes})
        assert edges[0] >= edges[1] >= edges[2]
        assert index.scenes() == index.scenes(0)

    @pytest.mark.parametrize("level", [-1, 3])
    def test_there_are_no_others(self, index: VideoIndex, level: int) -> None:
        with pytest.raises(UsageError, match="chapters"):
            index.scenes(level)


def test_an_unaligned_span_takes_its_windows_from_the_index(
    index: VideoIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Span] = []
    frames = Video.frames

    def noted(video: Video, fps: object = None, span: Span | None = None, **kwargs: object):
        assert span is not None
        asked.append(span)
        return frames(video, fps, span, **kwargs)

    monkeypatch.setattr(Video, "frames", noted)
    index.embed(Span(3.5, 12.5))
    assert [(span.start, span.end) for span in asked] == pytest.approx(
        np.array([(3.5, 4.0), (12.0, 12.5)]), abs=1e-3
    )


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4", "."])
def test_bad_videos_leave_nothing(tmp_path: Path, encoder: Encoder, name: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises((VideoNotFound, NotAVideo)):
        VideoIndex.build(tmp_path / name, cache=tmp_path / "cache", encoder=encoder)
    assert not (tmp_path / "cache").exists()


def test_missing_weights_leave_nothing(five_shots: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="videorlm models pull fast"):
        VideoIndex.build(five_shots, "fast", cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EncoderError, match="VIDEORLM_CACHE") as caught:
        VideoIndex.build(five_shots, cache=tmp_path / "file" / "cache", encoder=encoder)
    assert "\n" not in str(caught.value)


def test_importing_and_finding_needs_no_torch(five_shots: Path, index: VideoIndex) -> None:
    code = (
        "import sys; from rlm.index import VideoIndex; from pathlib import Path; "
        "found = VideoIndex.build(sys.argv[1], cache=Path(sys.argv[2])); "
        "print(found.tier, [m for m in ('torch', 'transformers', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(five_shots), str(index._root)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "2 []"


class TestNeverAWrongResult:
    def test_a_file_that_was_replaced_is_not_read_for_the_old_one(
        self,
        five_shots: Path,
        encoder: Encoder,
        tmp_path: Path,
        make_film: Callable[..., Path],
        shot: Callable[..., object],
    ) -> None:
        path = Path(shutil.copy(five_shots, tmp_path / "a.mp4"))
        index = VideoIndex.build(path, cache=tmp_path / "c", encoder=encoder)
        make_film(path, [shot(23.5, colour="green")])
        for ask in (index.embed, index.feature_maps):
            with pytest.raises(VideoDamaged):
                ask(Span(1.0, 2.0))
        shutil.copy(five_shots, path)
        maps = VideoIndex.load(path, cache=tmp_path / "c").feature_maps(Span(1.0, 2.0))
        other = VideoIndex.build(five_shots, cache=tmp_path / "d", encoder=encoder)
        assert np.array_equal(maps.tokens, other.feature_maps(Span(1.0, 2.0)).tokens)

    def test_a_full_disk_is_the_caches_trouble(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        code = (
            "import resource, sys; from pathlib import Path; from rlm.index import VideoIndex; "
            "from rlm.errors import EncoderError; import signal; "
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "for limit in (100, 20_000, 200_000):\n"
            "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
            "    try: VideoIndex.build(sys.argv[1], cache=Path(sys.argv[2]))\n"
            "    except EncoderError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(five_shots), str(tmp_path)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for told in (lines := done.stdout.splitlines()):
            assert "cannot be written" in told and "free some space" in told
        assert len(lines) == 3
        assert VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder).tier == 2

    def test_two_upgrades_at_once_end_at_the_higher(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        index = VideoIndex.build(five_shots, tier=1, cache=tmp_path, encoder=encoder)
        threads = [threading.Thread(target=index.upgrade, args=(tier,)) for tier in (3, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert index.tier == 3

    def test_a_companion_is_no_preset(self, five_shots: Path, tmp_path: Path) -> None:
        from saved_models import save_siglip

        folder = save_siglip(tmp_path / "siglip")
        with pytest.raises(UsageError, match="goes along with a V-JEPA 2 preset"):
            VideoIndex.build(five_shots, folder, cache=tmp_path / "c")
        assert not (tmp_path / "c").exists()

    def test_weights_are_in_memory_once(
        self, five_shots: Path, encoder: Encoder, tmp_path: Path
    ) -> None:
        index = VideoIndex.build(five_shots, tier=3, cache=tmp_path, encoder=encoder)
        deep, plain = index.encoder("deep"), index.encoder("vjepa")
        assert deep.spec != plain.spec and deep._encoder is plain._encoder

    def test_looking_for_everything_is_quick(self) -> None:
        from rlm.index.search import nearest
        from rlm.index.snapshot import Field
        from rlm.index.storage.store import Track

        edges = np.arange(30_001) / 4
        spans = np.stack([edges[:-1], edges[1:]], axis=1)
        vectors = np.random.default_rng(0).normal(size=(30_000, 3)).astype(np.float32)
        field = Field("look", "look", Track("s", "t", vectors), spans, None)
        example = Embedding("s", np.array([1.0, 0.0, 0.0], np.float32))
        hits = nearest(field, example, 30_000, None, (), np.arange(0, 7500, 10.0))
        starts = np.sort([hit.start for hit in hits])
        # 4 s apart in a shot of 10 s: two or three of each.
        assert 1500 <= len(hits) <= 2250
        same = starts[1:] // 10 == starts[:-1] // 10
        assert np.all(np.diff(starts)[same] >= 4.0)
