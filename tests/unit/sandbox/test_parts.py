"""The small parts: limits, kept output, records, scratch folders, shared arrays."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sandbox import Limits, Sandbox, SandboxError, cancelled, shared_empty
from sandbox import scratch as scratch_module
from sandbox.arrays import copy_to_descriptor, map_private, shared_descriptor
from sandbox.cell import Output
from sandbox.frames import TransferError
from sandbox.levels import JAIL_USERS
from sandbox.records import conforms, host_records, jail_records
from sandbox.scratch import Scratch, sweep


@pytest.mark.parametrize(
    ("name", "value"),
    [("memory_bytes", 0), ("cell_seconds", -1.0), ("processes", 2.5), ("grace_seconds", "1")],
)
def test_a_limit_is_a_positive_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Limits.{name}"):
        Limits(**{name: value})


@given(st.lists(st.binary(max_size=40)), st.integers(2, 60))
def test_output_keeps_head_and_tail(pieces: list[bytes], keep: int) -> None:
    output, whole = Output(keep), b"".join(pieces)
    for piece in pieces:
        output.add(piece)
    half = keep // 2
    assert output.size == len(whole)
    assert output.cut == (len(whole) > 2 * half)
    if output.cut:
        assert output.text().startswith(whole[:half].decode("utf-8", "ignore"))
        assert output.text().endswith(whole[-half:].decode("utf-8", "ignore"))
        assert f"[{len(whole) - 2 * half} of {len(whole)} bytes cut]" in output.text()
    else:
        assert output.text() == whole.decode("utf-8", "replace")


@dataclasses.dataclass(frozen=True)
class _Inner:
    """Inside."""

    x: float = 0.5
    kind: Literal["a", "b"] = "a"


@dataclasses.dataclass(frozen=True)
class _Outer:
    inner: _Inner
    items: tuple[_Inner, ...]
    by_name: dict[str, list[int]]
    pixels: NDArray[np.uint8] | None = None
    factory: tuple[int, ...] = dataclasses.field(default_factory=tuple)
    last: int = 3


def test_a_record_in_the_jail_is_named_and_printed_like_the_real_one() -> None:
    descriptions = [record.description for record in host_records([_Inner, _Outer]).values()]
    inner, outer = (record.cls for record in jail_records(descriptions).values())
    assert repr(inner()) == "_Inner(x=0.500, kind='a')"
    assert inner() == inner(0.5) and inner.__doc__ == "Inside."
    with pytest.raises(dataclasses.FrozenInstanceError):
        inner().x = 2
    made = outer(inner(), (inner(1.0),), {"n": [1]}, np.zeros((2, 3)), (1,))
    assert repr(made) == (
        "_Outer(inner=_Inner(x=0.500, kind='a'), items=(_Inner(x=1.000, kind='a'),), "
        "by_name={'n': [1]}, pixels=<float64[2,3]>, factory=(1,), last=3)"
    )


@dataclasses.dataclass(frozen=True)
class _Quiet:
    loud: float
    quiet: str = dataclasses.field(repr=False, default="x")


def test_a_field_kept_out_of_the_repr_is_kept_out_of_it_in_the_jail_too() -> None:
    (record,) = jail_records([host_records([_Quiet])[_Quiet].description]).values()
    assert repr(record.cls(1.0)) == "_Quiet(loud=1.000)"
    assert record.cls(1.0).quiet == "x"


@dataclasses.dataclass(frozen=True)
class _Told:
    x: float
    __echo__ = False


def test_a_record_may_keep_from_being_printed_as_the_value_of_a_cell() -> None:
    with Sandbox({"told": lambda: _Told(1.0)}, records=[_Told]) as sandbox:
        assert sandbox.run("told()").stdout == ""
        assert sandbox.run("[_, print(told())][0].x").stdout == "_Told(x=1.000)\n1.0\n"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0], "has 2 fields"),
        (["1", "a"], "x must be float"),
        ([1.0, "c"], "kind must be"),
        ([True, "a"], "x must be float"),
    ],
)
def test_a_records_fields_are_checked(values: list[Any], words: str) -> None:
    with pytest.raises(TransferError, match=words):
        host_records([_Inner])[_Inner].rebuild(values)


def test_only_frozen_dataclasses_with_plain_fields_are_records() -> None:
    @dataclasses.dataclass
    class Loose:
        x: int

    @dataclasses.dataclass(frozen=True)
    class Odd:
        x: Limits

    with pytest.raises(TypeError, match="not frozen"):
        host_records([Loose])
    with pytest.raises(TypeError, match="no dataclass"):
        host_records([int])
    with pytest.raises(TypeError, match="cannot cross"):
        host_records([Odd])
    with pytest.raises(TypeError, match="share a name"):
        host_records([_Inner, dataclasses.make_dataclass("_Inner", [("x", int)], frozen=True)])


@pytest.mark.parametrize(
    ("value", "hint", "fits"),
    [
        (1, float, True), (1, int, True), (True, int, False), (1.0, int, False),
        (None, int | None, True), ("x", int | None, False), ((1, 2), tuple[int, int], True),
        ((1, 2, 3), tuple[int, int], False), ((), tuple[int, ...], True), ([1], list[str], False),
        ({"a": 1}, dict[str, int], True), ({1: 1}, dict[str, int], False),
        (np.zeros(2, "u1"), NDArray[np.uint8], True), (np.zeros(2), NDArray[np.uint8], False),
        (np.zeros(2), np.ndarray, True), (np.zeros(2), NDArray[Any], True),
        ([1], np.ndarray, False), ("b", Literal["a", "b"], True), (1, Literal[True], False),
        ({1}, set[int], True), (object, Any, True), (1.0, complex, False),
    ],
)  # fmt: skip
def test_values_are_held_against_annotations(value: Any, hint: Any, fits: bool) -> None:
    assert conforms(value, hint) is fits


@pytest.mark.parametrize("name", ["", "a b", "class", "a.b", "1a"])
def test_a_host_functions_name_is_an_identifier(name: str) -> None:
    with pytest.raises(SandboxError, match="identifier"):
        Sandbox({name: print})


def test_nothing_is_cancelled_outside_of_a_call() -> None:
    assert cancelled() is False


def test_a_shared_array_goes_without_a_copy_and_a_part_of_it_does_not() -> None:
    array = shared_empty((256, 4096), "float32")
    array[:] = 3
    descriptor = shared_descriptor(array)
    assert descriptor is not None
    assert shared_descriptor(array.reshape(-1)) == descriptor
    assert shared_descriptor(array[1:]) is None
    assert shared_descriptor(array.T) is None
    assert shared_descriptor(np.zeros(3)) is None
    private = np.frombuffer(map_private(descriptor, array.nbytes), "float32")
    private[0] = 5
    assert array[0, 0] == 3 and private[1] == 3
    array[0, 1] = 4  # the host's own mapping stays writable
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(descriptor, 1)


def test_a_copied_array_is_sealed() -> None:
    descriptor = copy_to_descriptor(memoryview(b"abc"))
    try:
        assert os.pread(descriptor, 9, 0) == b"abc"
        for attack in (
            lambda: os.pwrite(descriptor, b"x", 0),
            lambda: os.ftruncate(descriptor, 1),
            lambda: os.ftruncate(descriptor, 10),
            lambda: fcntl.fcntl(descriptor, 1033, 0),
        ):
            with pytest.raises(OSError, match="not permitted"):
                attack()
    finally:
        os.close(descriptor)


def test_a_scratch_folder_counts_and_empties_whatever_is_in_it() -> None:
    scratch = Scratch(None)
    (scratch.path / "a").write_bytes(b"x" * 10_000)
    inner = scratch.path
    for _ in range(15):
        inner = inner / ("n" * 200)
        inner.mkdir()
    (inner / "b").write_bytes(b"y" * 10_000)
    (scratch.path / "n").mkdir(0o700)
    (scratch.path / "blind").mkdir()
    (scratch.path / "blind" / "c").write_text("z")
    (scratch.path / "blind").chmod(0o000)
    size, count = scratch.usage(10_000) if os.geteuid() == 0 else (20_000, 20)
    assert size >= 20_000 and count == 20
    assert scratch.usage(3)[1] == 4
    sweep()
    assert scratch.path.is_dir()  # in use: another session's sweep leaves it alone
    scratch.remove()
    scratch.remove()
    assert not scratch.path.exists()


def test_a_count_stands_folders_thousands_deep_and_renamed_all_the_time() -> None:
    scratch = Scratch(None)
    deep = os.open(scratch.path, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=deep)
        outer, deep = deep, os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(outer)
    os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=deep))
    os.close(deep)
    assert scratch.usage(10_000)[1] == 3001
    script = "import os\nwhile True: os.rename('d', 'e'); os.rename('e', 'd')"
    renaming = subprocess.Popen([sys.executable, "-c", script], cwd=scratch.path)
    try:
        assert any(scratch.usage(10_000)[1] >= 3001 for _ in range(50))
    finally:
        renaming.kill()
        renaming.wait()
    scratch.remove()
    assert not scratch.path.exists()


def test_a_count_goes_on_after_an_entry_that_vanished(monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = Scratch(None)
    for name in "abc":
        (scratch.path / name).mkdir()
        (scratch.path / name / "file").write_bytes(b"x" * 10_000)
    step, gone = scratch_module._step, iter([True])

    def vanish(folder: int, name: str) -> int:
        if next(gone, False):
            shutil.rmtree(scratch.path / name)
        return step(folder, name)

    monkeypatch.setattr(scratch_module, "_step", vanish)
    size, count = scratch.usage(100)
    assert size >= 20_000 and count == 5
    scratch.remove()


def test_a_new_folder_that_another_process_sweeps_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock, taken = scratch_module._lock, iter([True, True])

    def too_late(folder: int, path: Path) -> None:
        if next(taken, False):
            path.rmdir()
        lock(folder, path)

    monkeypatch.setattr(scratch_module, "_lock", too_late)
    scratch = Scratch(None)
    assert scratch.path.is_dir()
    scratch.remove()


def test_a_scratch_folder_that_cannot_be_made_is_an_error_of_the_sandbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(SandboxError, match="FileNotFoundError") as caught:
        Sandbox({}, preload=(), level="landlock").start()
    assert "\n" not in str(caught.value)


def test_folders_of_killed_hosts_are_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = Scratch(None)
    (scratch.path / "left").write_text("over")
    os.close(scratch._descriptor)  # as when its host is killed
    scratch._descriptor = -1
    sweep()
    assert scratch.path.exists()  # too young: another host may be about to lock it
    monkeypatch.setattr(scratch_module, "_YOUNG_SECONDS", 0.0)
    sweep()
    assert not scratch.path.exists()


def test_removal_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "kept").mkdir(parents=True)
    outside.chmod(0o755)
    scratch = Scratch(None)
    (scratch.path / "inner").mkdir()
    for folder in (scratch.path, scratch.path / "inner"):
        (folder / "link").symlink_to(outside)
    with pytest.raises(NotADirectoryError):
        scratch_module._open("link", scratch._descriptor)
    scratch.remove()
    assert not scratch.path.exists()
    assert (outside / "kept").is_dir() and outside.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
@pytest.mark.parametrize(("user", "swept"), [(1234, False), (JAIL_USERS[5], True), (0, True)])
def test_only_ones_own_folders_and_those_of_jails_are_swept(
    user: int, swept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(scratch_module, "_YOUNG_SECONDS", 0.0)
    left = tmp_path / "sandbox-scratch-left"
    (left / "inner").mkdir(parents=True)
    os.chown(left, user, user)
    sweep()
    assert left.exists() != swept
