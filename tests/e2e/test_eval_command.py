"""``videorlm eval`` as a user runs it, and what no crash may break."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pexpect
import pytest
from commands import COMMAND, Cli
from evaluating import write_questions

from rlm.evaluation.folder import RESULTS, read_header, read_results
from rlm.evaluation.results import ItemResult
from rlm.index import VideoIndex

SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture
def cli(tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, capfd, cache=cache)


def same(one: ItemResult) -> dict:
    """What of a result does not depend on the clock."""
    kept = one.model_dump()
    for name in ("seconds", "model_seconds", "tool_seconds", "started", "finished", "transcript"):
        del kept[name]
    return kept


def test_the_table_is_on_stdout_and_the_same_command_goes_on(cli: Cli, film: Path) -> None:
    words = ("jsonl", "--annotations", film / "questions.jsonl", "--videos", film)
    words += ("--model", "builtin", "--system", "blind")
    first = cli("eval", *words, "--limit", 4)
    assert first.returncode == 0, first.stderr
    heads, *_, row = first.stdout.splitlines()
    assert heads.split()[:5] == ["system", "asked", "right", "accuracy", "95%"]
    right, accuracy = row.split()[2:4]
    assert right.endswith("/4")
    assert int(right.removesuffix("/4")) / 4 == float(accuracy)
    assert "one video" in row
    assert not any(line != line.rstrip() or not line for line in first.stdout.splitlines())
    told = [line for line in first.stderr.splitlines() if line[1:].startswith("/4")]
    assert told[-1].startswith("4/4")
    assert "into evaluations/jsonl-blind-builtin" in first.stderr
    out = cli.folder / "evaluations" / "jsonl-blind-builtin"
    assert len(list(read_results(out))) == 4
    again = cli("eval", *words, "--limit", 4, "--json")
    told = json.loads(again.stdout)
    assert (told["questions"], told["ending"], told["left"]) == (4, "finished", 0)
    assert len((out / RESULTS).read_bytes().splitlines()) == 4
    assert len(read_header(out).sittings) == 1  # nothing was left to ask
    other = cli("eval", *words, "--limit", 5)
    assert (other.returncode, other.stdout) == (2, "")
    assert "limit 4, not 5" in other.stderr
    assert "Traceback" not in other.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "Usage: videorlm eval"),
        (("jsonl",), "--annotations"),
        (("nosuch", "--annotations", "q", "--videos", "."), "there is no data set 'nosuch'"),
        (
            ("jsonl", "--annotations", "no.jsonl", "--videos", "."),
            "no annotations at no.jsonl",
        ),
        (("--limit", "2"), "DATASET"),
        (("jsonl", "--annotations", "q", "--videos", ".", "--workers", "0"), "--workers"),
        (("jsonl", "--annotations", "q", "--videos", ".", "--system", "x"), "no system 'x'"),
        (
            ("jsonl", "--annotations", "q", "--videos", ".", "--system", "unifrom-64"),
            "did you mean 'uniform-64'?",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line_and_leaves_nothing(
    cli: Cli, words: tuple[str, ...], told: str
) -> None:
    done = cli("eval", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""
    assert not list(cli.folder.iterdir())


def test_data_sets_and_systems_are_listed(cli: Cli) -> None:
    listed = cli("eval", "--list")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in ("nextqa", "jsonl", "uniform-N", "embedding"))
    rows = json.loads(cli("eval", "--list", "--json").stdout)
    assert {row["name"] for row in rows["datasets"]} >= {"jsonl", "world"}


def test_a_full_disk_ends_the_run_and_breaks_nothing(cli: Cli, film: Path) -> None:
    annotations = write_questions(cli.folder / "q.jsonl", 200)
    words = ("jsonl", "--annotations", annotations, "--videos", film, "--model", "builtin")
    words += ("--system", "blind", "-o", cli.folder / "out")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    full = cli.start("eval", *words, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
    _, errors = full.communicate()
    assert full.returncode == 74, errors
    assert errors.splitlines()[-1].startswith("videorlm: the output cannot be written: ")
    kept = list(read_results(cli.folder / "out"))
    assert 20 < len(kept) < 200
    assert cli("eval", *words).returncode == 0
    rest = [*read_results(cli.folder / "out")]
    assert rest[: len(kept)] == kept
    assert Counter(r.id for r in rest) == Counter(f"q{n}" for n in range(200))


def test_killed_three_times_and_finished_is_as_if_never_disturbed(
    film: Path, index: VideoIndex, tmp_path: Path
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 36)
    environment = os.environ | {"PYTHONPATH": f"{SUPPORT}:{os.environ['PYTHONPATH']}"}

    def start(output: Path) -> subprocess.Popen[bytes]:
        words = (SUPPORT / "scripted_eval.py", annotations, film, output, index._root)
        return subprocess.Popen([sys.executable, *map(str, words)], env=environment)

    def lines(output: Path) -> int:
        file = output / RESULTS
        return file.read_bytes().count(b"\n") if file.exists() else 0

    killed = tmp_path / "killed"
    for number in range(3):
        process = start(killed)
        before, patience = lines(killed), time.monotonic() + 200
        while lines(killed) < before + 3 + number and time.monotonic() < patience:
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if number == 1:  # as if it had been in the middle of a line
            with (killed / RESULTS).open("ab") as stream:
                stream.write(b'{"id": "q1')
        assert lines(killed) < 36
    assert start(killed).wait(120) == 0
    assert start(tmp_path / "whole").wait(120) == 0
    one, other = ({r.id: same(r) for r in read_results(p)} for p in (killed, tmp_path / "whole"))
    assert len(other) == 36
    assert one == other
    assert lines(killed) == 36  # nothing that was finished was asked again
    assert len(read_header(killed).sittings) == 4


def test_a_terminal_shows_what_goes_on_and_ctrl_c_finishes_what_is_under_way(
    cli: Cli, film: Path
) -> None:
    words = ["jsonl", "--annotations", str(film / "questions.jsonl"), "--videos", str(film)]
    words += ["--model", "builtin", "--workers", "2", "--output", "out"]
    child = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "eval", *words], cwd=str(cli.folder), env=cli.environment,
        dimensions=(40, 100), encoding="utf-8", timeout=200,
    )  # fmt: skip
    child.expect(r"accuracy \d\.\d+")
    child.sendintr()
    child.expect("finishing the questions under way")
    child.expect("interrupted with [0-9]+ questions left")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    kept = len(list(read_results(cli.folder / "out")))
    assert 1 <= kept <= 5
