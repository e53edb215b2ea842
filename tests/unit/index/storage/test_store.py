"""What is on disk is whole or is not there, whoever dies or meddles."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rlm.encoders import Embedding, Encoder
from rlm.errors import EncoderError, IndexDamaged
from rlm.index import VideoIndex
from rlm.index.search import nearest
from rlm.index.snapshot import Field
from rlm.index.storage import store

ROOT = Path(__file__).parents[4]
CONTENT = "c" * 64
PART = store.PartId(CONTENT, "vectors", {"model": "m", "revision": "r", "frames": 16})


def _part(value: float = 1.0) -> store.Part:
    return store.Part(
        PART,
        source="a.mp4",
        duration=8.0,
        timelines={"windows": np.array([[0.0, 4.0], [4.0, 8.0]])},
        tracks={"t": store.Track("m@r/x/y", "windows", np.full((2, 3), value, np.float32))},
        arrays={"mean": np.arange(5), "nothing": np.zeros((0, 3))},
        facts={"damage": [[1.0, 2.5]], "kinds": ["cut"]},
    )


def _write(root: Path, value: float = 1.0) -> Path:
    with store.exclusive(root, CONTENT):
        store.write(root, _part(value))
    return PART.folder(root)


def _names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [CONTENT[:32]]
    assert _names(tmp_path) == [str(folder.relative_to(tmp_path))]
    part, expected = store.read(tmp_path, PART), _part()
    bare = {"timelines": {}, "tracks": {}, "arrays": {}}
    assert replace(part, **bare) == replace(expected, **bare)
    assert np.array_equal(part.timelines["windows"], expected.timelines["windows"])
    assert all(np.array_equal(part.arrays[n], expected.arrays[n]) for n in expected.arrays)
    track = part.tracks["t"]
    assert (track.space, track.timeline) == ("m@r/x/y", "windows")
    assert np.array_equal(track.vectors, expected.tracks["t"].vectors)
    assert not track.vectors.flags.writeable


@pytest.mark.parametrize("rows", [400, 40_000])  # read, and memory-mapped
def test_a_track_in_half_precision_is_searched_as_it_lies(tmp_path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((rows, 24))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    half = vectors.astype(np.float16)
    starts = np.arange(rows, dtype=np.float64)
    spans = np.stack([starts, starts + 1], axis=1)
    track = store.Track("m@r/x/y", "windows", half)
    with store.exclusive(tmp_path, CONTENT):
        store.write(tmp_path, replace(_part(), timelines={"windows": spans}, tracks={"t": track}))
    part = store.read(tmp_path, PART)
    found = part.tracks["t"]
    assert found.vectors.dtype == np.float16 and np.array_equal(found.vectors, half)
    assert isinstance(found.vectors, np.memmap) == (rows == 40_000)
    example = Embedding(found.space, vectors[7].astype(np.float32))
    field = Field("look", "t", found, part.timelines["windows"], None)
    true = (half.astype(np.float64) * example.vector).sum(axis=1)
    hits = nearest(field, example, 20, None, (), None)
    assert [hit.start for hit in hits] == np.argsort(-true, kind="stable")[:20].tolist()
    diverse = nearest(field, example, 20, None, (), starts)
    assert diverse[0] == hits[0]


def test_a_track_of_another_type_is_damage(tmp_path: Path) -> None:
    track = store.Track("m@r/x/y", "windows", np.ones((2, 3)))
    with store.exclusive(tmp_path, CONTENT):
        store.write(tmp_path, replace(_part(), tracks={"t": track}))
    with pytest.raises(IndexDamaged, match="float64"):
        store.read(tmp_path, PART)


def test_all_it_depends_on_is_in_the_key() -> None:
    others = [
        store.PartId("d" * 64, "vectors", PART.parameters),
        store.PartId(CONTENT, "scan", PART.parameters),
        store.PartId(CONTENT, "vectors", {**PART.parameters, "revision": "s"}),
        store.PartId(CONTENT, "vectors", {**PART.parameters, "stride": 8}),
    ]
    assert len({PART.key, *(each.key for each in others)}) == 5
    shuffled = dict(reversed(PART.parameters.items()))
    assert store.PartId(CONTENT, "vectors", shuffled).key == PART.key


@pytest.mark.parametrize(
    "name", ["manifest.json", "timeline-windows.npy", "track-t.npy", "array-mean.npy"]
)
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "one byte", "folder"])
def test_damage_is_seen(tmp_path: Path, name: str, damage: str) -> None:
    path = _write(tmp_path) / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        content[-3] ^= 1
        path.write_bytes({"empty": b"", "short": content[:-1], "one byte": content}[damage])
    with pytest.raises(IndexDamaged, match="build it again") as caught:
        store.read(tmp_path, PART)
    assert str(path.parent) in str(caught.value) and "\n" not in str(caught.value)
    assert store.find(tmp_path, PART) is None


@pytest.mark.parametrize(
    "change",
    [{"duration": 9.0}, {"schema_version": 0}, {"content": "d" * 64}, {"surprise": 1}, {"key": ""}],
    ids=lambda change: next(iter(change)),
)
def test_a_meddled_manifest_is_seen(tmp_path: Path, change: dict[str, object]) -> None:
    path = _write(tmp_path) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(IndexDamaged):
        store.read(tmp_path, PART)


def test_no_index_at_all(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match=r"no manifest\.json"):
        store.read(tmp_path / "nothing", PART)


def test_a_part_in_the_place_of_another_is_not_believed(tmp_path: Path) -> None:
    other = store.PartId(CONTENT, "vectors", {"model": "n"})
    _write(tmp_path).rename(other.folder(tmp_path))
    with pytest.raises(IndexDamaged, match="another one"):
        store.read(tmp_path, other)


def test_a_damaged_one_is_replaced_whole(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    (folder / "extra").write_text("left by somebody")
    (folder / "track-t.npy").unlink()
    _write(tmp_path, value=2.0)
    assert store.read(tmp_path, PART).tracks["t"].vectors[0, 0] == 2.0
    assert not (folder / "extra").exists() and len(_names(tmp_path)) == 1


def test_a_whole_one_stays_where_it_is(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    before = (folder / "track-t.npy").stat().st_ino
    _write(tmp_path, value=2.0)
    assert (folder / "track-t.npy").stat().st_ino == before and len(_names(tmp_path)) == 1
    assert store.read(tmp_path, PART).tracks["t"].vectors[1, 2] == 1.0


def test_an_open_index_outlives_its_folder(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    part = store.read(tmp_path, PART)
    shutil.rmtree(folder)
    _write(tmp_path, value=2.0)
    assert part.tracks["t"].vectors[1, 2] == 1.0


def test_an_array_made_in_its_workplace_stays_where_it_is(tmp_path: Path) -> None:
    with store.exclusive(tmp_path, CONTENT):
        folder = store.workplace(tmp_path, PART, "a.mp4")
        (folder / "journal").write_text("half of it")
        np.save(folder / "frames.npy", np.arange(12))
        frames = np.load(folder / "frames.npy", mmap_mode="r")
        before = (folder / "frames.npy").stat().st_ino
        store.write(tmp_path, replace(_part(), arrays={"frames": frames}))
    whole = PART.folder(tmp_path)
    assert (whole / "frames.npy").stat().st_ino == before
    assert not (whole / "journal").exists() and not folder.exists()
    assert np.array_equal(store.read(tmp_path, PART).arrays["frames"], np.arange(12))


def test_a_failed_write_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    full = replace(_part(), timelines={"no/such/folder": np.zeros((2, 2))})
    with (
        pytest.raises(EncoderError, match="cannot be written"),
        store.exclusive(tmp_path, CONTENT),
    ):
        store.write(tmp_path, full)
    assert store.find(tmp_path, PART) is None
    _write(tmp_path)
    assert store.find(tmp_path, PART) is not None and len(_names(tmp_path)) == 1


def test_what_was_left_is_taken_up_and_what_was_thrown_away_goes(tmp_path: Path) -> None:
    folder = PART.folder(tmp_path)
    for end in (store.BUILDING, store.DISCARDED):
        left = folder.with_name(folder.name + end)
        left.mkdir(parents=True)
        (left / "journal").write_text("half of it")
    with store.exclusive(tmp_path, CONTENT):
        assert (store.workplace(tmp_path, PART, "a.mp4") / "journal").read_text() == "half of it"
        assert len(_names(tmp_path)) == 1


def test_parts_of_a_kind(tmp_path: Path) -> None:
    _write(tmp_path)
    other = store.PartId(CONTENT, "speech", {"recogniser": "x"})
    with store.exclusive(tmp_path, CONTENT):
        store.write(tmp_path, store.Part(other, "a.mp4", 8.0, facts={"a": 1}))
    (found,) = store.find_kind(tmp_path, CONTENT, "speech")
    assert found.id.key == other.key and found.facts == {"a": 1}
    assert store.find_kind(tmp_path, "d" * 64, "speech") == []


def test_nothing_is_left_of_a_lock_on_nothing(tmp_path: Path) -> None:
    with store.exclusive(tmp_path / "new", CONTENT):
        pass
    assert list((tmp_path / "new").iterdir()) == []


def test_the_lock_admits_one_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with store.exclusive(tmp_path, CONTENT):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and list(tmp_path.iterdir()) == []


BUILD = """
import sys
from pathlib import Path
from rlm.index import VideoIndex
told = []
VideoIndex.build(
    sys.argv[1],
    cache=Path(sys.argv[2]),
    tier=int(sys.argv[3]),
    progress=lambda *now: told.append(now),
)
print("built" if told else "found")
"""


def _start(video: Path, cache: Path, tier: int = 2) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(video), str(cache), str(tier)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_do_the_work_once(five_shots: Path, tmp_path: Path) -> None:
    processes = [_start(five_shots, tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert sorted(outputs) == ["built", "found"]
    assert [process.returncode for process in processes] == [0, 0]
    assert list(tmp_path.glob("*.lock")) == []


def test_build_repairs(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    fresh = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
    vectors = np.array(fresh.track("vjepa"))
    (file,) = tmp_path.rglob("track-vjepa.npy")
    file.write_bytes(b"rubbish")
    repaired = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
    assert np.array_equal(repaired.track("vjepa"), vectors)


@pytest.mark.parametrize("tier", [2, 3])
def test_whenever_it_is_killed_the_last_whole_tier_stands(
    five_shots: Path, encoder: Encoder, tmp_path: Path, tier: int
) -> None:
    whole = VideoIndex.build(five_shots, tier=tier, cache=tmp_path / "whole", encoder=encoder)
    cache = tmp_path / "cache"
    VideoIndex.build(five_shots, tier=tier - 1, cache=cache, encoder=encoder)
    rng = np.random.default_rng(tier)
    for _ in range(3):
        process = _start(five_shots, cache, tier)
        deadline = time.monotonic() + 200
        while not list(cache.glob("*.lock")) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.8))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert VideoIndex.load(five_shots, cache=cache).tier >= tier - 1
    index = VideoIndex.build(five_shots, tier=tier, cache=cache, encoder=encoder)
    assert list(cache.glob("*.lock")) == [] and list(cache.rglob("*.building")) == []
    for field in whole.fields:
        assert index.track(field).tobytes() == whole.track(field).tobytes()
    assert [index.scenes(n) for n in range(3)] == [whole.scenes(n) for n in range(3)]
