"""What is on disk is whole or is not there, whoever dies or meddles."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rlm.encoders import Encoder
from rlm.errors import EncoderError, IndexDamaged
from rlm.index import VideoIndex, store

ROOT = Path(__file__).parents[3]
PARAMETERS = store.Parameters(
    model="m", revision="r", frames=16, fps=4.0, crop=64, resize="squash", spaces={"t": "m@r/x/y"}
)
KEY = store.index_key("c" * 64, PARAMETERS)


def _contents(value: float = 1.0) -> store.Contents:
    return store.Contents(
        content="c" * 64,
        source="a.mp4",
        duration=8.0,
        preset="builtin",
        parameters=PARAMETERS,
        timelines={"windows": np.array([[0.0, 4.0], [4.0, 8.0]])},
        tracks={"t": store.Track("m@r/x/y", "windows", np.full((2, 3), value, np.float32))},
    )


def _write(root: Path, value: float = 1.0) -> Path:
    with store.exclusive(root, KEY):
        store.write(root, _contents(value))
    return root / KEY


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [KEY]
    contents, expected = store.read(folder), _contents()
    assert replace(contents, timelines={}, tracks={}) == replace(expected, timelines={}, tracks={})
    assert np.array_equal(contents.timelines["windows"], expected.timelines["windows"])
    track = contents.tracks["t"]
    assert (track.space, track.timeline) == ("m@r/x/y", "windows")
    assert np.array_equal(track.vectors, expected.tracks["t"].vectors)


def test_every_parameter_is_in_the_key() -> None:
    changes = (
        {"model": "n"},
        {"revision": "s"},
        {"frames": 32},
        {"fps": 2.0},
        {"crop": 256},
        {"resize": "crop"},
        {"spaces": {"t": "other"}},
    )
    keys = {store.index_key("c" * 64, PARAMETERS.model_copy(update=each)) for each in changes}
    keys |= {KEY, store.index_key("d" * 64, PARAMETERS)}
    assert len(keys) == len(changes) + 2


@pytest.mark.parametrize("name", ["manifest.json", "windows.npy", "track-t.npy"])
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
        store.read(path.parent)
    assert str(path.parent) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [{"duration": 9.0}, {"schema_version": 0}, {"content": "d" * 64}, {"surprise": 1}, {"key": ""}],
    ids=lambda change: next(iter(change)),
)
def test_a_meddled_manifest_is_seen(tmp_path: Path, change: dict[str, object]) -> None:
    path = _write(tmp_path) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(IndexDamaged):
        store.read(path.parent)


def test_no_index_at_all(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match=r"no manifest\.json"):
        store.read(tmp_path / "nothing")


def test_a_damaged_one_is_replaced_whole(tmp_path: Path) -> None:
    folder = _write(tmp_path)
    (folder / "extra").write_text("left by somebody")
    _write(tmp_path, value=2.0)
    assert store.read(folder).tracks["t"].vectors[0, 0] == 2.0
    assert not (folder / "extra").exists() and len(list(tmp_path.iterdir())) == 1


def test_an_open_index_outlives_its_folder(tmp_path: Path) -> None:
    contents = store.read(_write(tmp_path))
    _write(tmp_path, value=2.0)
    assert contents.tracks["t"].vectors[1, 2] == 1.0


def test_build_repairs(five_shots: Path, encoder: Encoder, tmp_path: Path) -> None:
    fresh = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
    vectors = np.array(fresh.track("vjepa"))
    (folder,) = tmp_path.iterdir()
    (folder / "track-vjepa.npy").write_bytes(b"rubbish")
    repaired = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
    assert np.array_equal(repaired.track("vjepa"), vectors)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    full = replace(_contents(), timelines={"no/such/folder": np.zeros((2, 2))})
    with pytest.raises(EncoderError, match="could not be written"), store.exclusive(tmp_path, KEY):
        store.write(tmp_path, full)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_builds_are_cleaned_up(tmp_path: Path) -> None:
    other = "0" * 32
    for name in (f"{KEY}.building", f"{other}.building", f"{other}.discarded", "mine.building"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "windows.npy").write_bytes(b"half")
    _write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([KEY, "mine.building"])


def test_a_build_under_way_is_left_alone(tmp_path: Path) -> None:
    other = "0" * 32
    with store.exclusive(tmp_path, other):
        (tmp_path / f"{other}.building").mkdir()
        _write(tmp_path)
        assert (tmp_path / f"{other}.building").is_dir()
    assert (tmp_path / KEY).is_dir()


def test_the_locks_of_killed_builds_are_cleaned_up(tmp_path: Path) -> None:
    names = [f"{digit * 32}.lock" for digit in "0123"]
    for name in (*names, "mine.lock"):
        (tmp_path / name).touch()
    with store.exclusive(tmp_path, "3" * 32):
        _write(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            [KEY, names[3], "mine.lock"]
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([KEY, "mine.lock"])


def test_cleaning_up_takes_no_lock_away(tmp_path: Path) -> None:
    """Builders that come and go, each sweeping the others' locks, still have theirs alone."""
    keys = [digit * 32 for digit in "012"]
    inside, most = Counter[str](), Counter[str]()
    guard = threading.Lock()

    def work(number: int) -> None:
        for turn in range(40):
            key = keys[(number + turn) % len(keys)]
            (tmp_path / f"{(number + turn) % 16:032x}.lock").touch()
            with store.exclusive(tmp_path, key):
                with guard:
                    inside[key] += 1
                    most[key] = max(most[key], inside[key])
                time.sleep(0.0005)
                with guard:
                    inside[key] -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(most) == dict.fromkeys(keys, 1)
    _write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [KEY]


def test_the_lock_admits_one_at_a_time(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with store.exclusive(tmp_path, KEY):
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
VideoIndex.build(sys.argv[1], cache=Path(sys.argv[2]), progress=lambda *now: told.append(now))
print("built" if told else "found")
"""


def _start(video: Path, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(video), str(cache)],
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
    assert len(list(tmp_path.iterdir())) == 1


def test_a_killed_build_leaves_nothing_that_looks_whole(
    five_shots: Path, encoder: Encoder, tmp_path: Path
) -> None:
    process = _start(five_shots, tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.lock")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with store.exclusive(tmp_path, KEY):
        assert [path.name for path in tmp_path.glob("*.lock")] == [f"{KEY}.lock"]
    for path in tmp_path.iterdir():
        if not path.suffix:
            store.read(path)
    index = VideoIndex.build(five_shots, cache=tmp_path, encoder=encoder)
    assert len(index.windows) == 7
    assert [path.suffix for path in tmp_path.iterdir()] == [""]
