"""What lies in the cache can be seen, and what goes is what was asked for."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from rlm.index.storage import inventory, store

DAY = 86400.0


def _add(root: Path, content: str, kind: str, size: int = 1000, age: float = 0.0) -> store.PartId:
    part = store.PartId(content * 64, kind, {"model": "m", "frames": 16, "stride": 16})
    with store.exclusive(root, part.content):
        arrays = {"a": np.zeros(size, np.uint8)}
        store.write(root, store.Part(part, f"{content}.mp4", 1.0, arrays=arrays))
    _age(part.folder(root), age)
    return part


def _age(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


def _left(root: Path) -> set[str]:
    return {each.folder.name for each in inventory.entries(root)}


def test_everything_is_listed(tmp_path: Path) -> None:
    whole = _add(tmp_path, "a", "vectors")
    broken = _add(tmp_path, "a", "shots")
    (broken.folder(tmp_path) / "manifest.json").write_text("{}")
    with store.exclusive(tmp_path, "b" * 64):
        store.workplace(tmp_path, store.PartId("b" * 64, "vectors", {}), "b.mp4")
    old = tmp_path / ("d" * 32)
    old.mkdir()
    (old / "manifest.json").write_text('{"schema_version": 2}')
    found = {each.folder: each for each in inventory.entries(tmp_path)}
    assert found[whole.folder(tmp_path)].state == "whole"
    assert found[whole.folder(tmp_path)].video == "a.mp4"
    assert found[whole.folder(tmp_path)].what == "m 16/16"
    assert found[broken.folder(tmp_path)].state == "unusable" and found[old].state == "unusable"
    assert sorted(each.state for each in found.values()) == [
        "unfinished", "unusable", "unusable", "whole",
    ]  # fmt: skip
    assert all(each.size >= 0 and each.used <= time.time() for each in found.values())
    assert list(inventory.entries(tmp_path / "nothing")) == []


def test_pruning_takes_what_cannot_be_used(tmp_path: Path) -> None:
    whole = _add(tmp_path, "a", "vectors", age=900 * DAY)
    broken = _add(tmp_path, "b", "shots")
    (broken.folder(tmp_path) / "array-a.npy").unlink()
    (broken.folder(tmp_path) / "manifest.json").write_text("not one")
    for content, age in (("c", 0.0), ("d", 30 * DAY)):
        part = store.PartId(content * 64, "vectors", {})
        _age(store.workplace(tmp_path, part, "c.mp4"), age)
    (tmp_path / f"{'e' * 32}.lock").touch()
    gone = inventory.prune(tmp_path)
    assert sorted(each.state for each in gone) == ["unfinished", "unusable"]
    assert whole.folder(tmp_path).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a" * 32, "c" * 32]


def test_pruning_by_age_and_by_size(tmp_path: Path) -> None:
    parts = [_add(tmp_path, c, "vectors", 500_000, n * DAY) for n, c in enumerate("abcd")]
    inventory.prune(tmp_path, older_than=2.5 * DAY)
    assert _left(tmp_path) == {part.folder(tmp_path).name for part in parts[:3]}
    inventory.prune(tmp_path, max_bytes=1_100_000)
    assert _left(tmp_path) == {part.folder(tmp_path).name for part in parts[:2]}
    # Opening is using.
    _age(parts[0].folder(tmp_path), 9 * DAY)
    store.read(tmp_path, parts[0])
    _age(parts[1].folder(tmp_path), 1 * DAY)
    inventory.prune(tmp_path, max_bytes=600_000)
    assert _left(tmp_path) == {parts[0].folder(tmp_path).name}


def test_a_video_being_indexed_is_left_alone(tmp_path: Path) -> None:
    part = _add(tmp_path, "a", "vectors")
    with store.exclusive(tmp_path, part.content):
        assert inventory.prune(tmp_path, max_bytes=0) == []
    assert len(inventory.prune(tmp_path, max_bytes=0)) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_is_neither_seen_nor_taken(tmp_path: Path) -> None:
    """A cache folder may be set to one that holds other things."""
    ours = _add(tmp_path, "a", "vectors")
    for name in ("photos/2024", "project/src", f"{'b' * 32}/keep", f"{'c' * 32}"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "photos/2024/a.jpg").write_text("x")
    (tmp_path / "project/manifest.json").write_text('{"schema_version": 2}')
    (tmp_path / ("c" * 32) / "manifest.json").write_text('{"name": "a browser extension"}')
    (tmp_path / "uv.lock").write_text("")
    before = {path for path in tmp_path.rglob("*") if ours.content[:32] not in str(path)}
    assert [each.folder for each in inventory.entries(tmp_path)] == [ours.folder(tmp_path)]
    inventory.prune(tmp_path, older_than=0, max_bytes=0)
    assert set(tmp_path.rglob("*")) == before
