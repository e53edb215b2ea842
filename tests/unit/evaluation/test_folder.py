"""A run's folder: what is written stays whole, and nothing else gets in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import evaluating
import pytest
from evaluating import SITTING, header, result
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.evaluation.folder import HEADER, RESULTS, RunFolder, read_header, read_results
from rlm.evaluation.results import Failure, ItemResult


def write(path: Path, *results: ItemResult) -> None:
    with RunFolder.opened(path, header(), SITTING) as folder:
        for each in results:
            folder.append(each)


def test_results_are_read_back_and_the_last_of_a_question_counts(tmp_path: Path) -> None:
    failed = Failure(kind="model", message="gone")
    write(tmp_path / "r", result("a", failure=failed), result("b", usd=None, options=("x", "y")))
    write(tmp_path / "r", result("a", repeat=1), result("a", correct=True, evidence=((0, 1.5),)))
    read = {each.key: each for each in read_results(tmp_path / "r")}
    assert [(key.id, key.repeat) for key in read] == [("b", 0), ("a", 1), ("a", 0)]
    again = read[result("a").key]
    assert again.failure is None
    assert again.evidence == ((0.0, 1.5),)
    assert read[result("b").key].usd is None
    assert len(read_header(tmp_path / "r").sittings) == 2
    write(tmp_path / "r")  # nothing was asked
    assert len(read_header(tmp_path / "r").sittings) == 2


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 400))
def test_whatever_a_kill_leaves_of_a_line_is_taken_off(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "r"
        write(path, result("a"), result("b"))
        file = path / RESULTS
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) - min(cut, len(whole))])
        kept = file.read_bytes().count(b"\n")
        assert len(list(read_results(path))) == kept
        write(path, result("c"))
        names = [each.id for each in read_results(path)]
        assert names == [*["a", "b"][:kept], "c"]


def test_a_folder_takes_no_other_run_and_says_what_differs(tmp_path: Path) -> None:
    write(tmp_path / "r", result("a"))
    other = header(
        models={"main": "n"}, parameters={"limit": 5, "max_turns": 12}, annotations="moved"
    )
    with (
        pytest.raises(UsageError, match=r"models: main m, not n; limit none, not 5: "),
        RunFolder.opened(tmp_path / "r", other, SITTING),
    ):
        pass
    assert [each.id for each in read_results(tmp_path / "r")] == ["a"]


def test_nor_does_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with (
        pytest.raises(UsageError, match="holds files but no run"),
        RunFolder.opened(tmp_path, header(), SITTING),
    ):
        pass
    assert not (tmp_path / HEADER).exists()


def test_two_runs_on_one_folder_the_second_refuses(tmp_path: Path) -> None:
    with RunFolder.opened(tmp_path / "r", header(), SITTING) as folder:
        with (
            pytest.raises(UsageError, match="another run is at work"),
            RunFolder.opened(tmp_path / "r", header(), SITTING),
        ):
            pass
        folder.append(result("a"))
    assert [each.id for each in read_results(tmp_path / "r")] == ["a"]


FULL = """
import resource, sys
from pathlib import Path
from evaluating import SITTING, header, result
from rlm.evaluation.folder import RunFolder
with RunFolder.opened(Path(sys.argv[1]), header(), SITTING) as folder:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        for n in range(1000):
            folder.append(result(f"q{n}", reply="x" * (n % 300)))
    except OSError as error:
        print(error.errno)
"""


def test_a_file_that_can_grow_no_more_ends_in_a_whole_line(tmp_path: Path) -> None:
    code = f"import sys, signal\nsys.path.insert(0, {evaluating.__file__.rpartition('/')[0]!r})\n"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + FULL
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "27", done.stderr  # EFBIG
    raw = (tmp_path / "r" / RESULTS).read_bytes()
    assert raw.endswith(b"\n")
    assert 10_000 < len(raw) <= 20_000
    rows = [json.loads(line)["id"] for line in raw.splitlines()]
    assert rows == [f"q{n}" for n in range(len(rows))]
