"""``videorlm index`` as a user runs it, on real films."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import Cli, Ended

SRT = "1\n00:00:01,000 --> 00:00:03,000\nThe circle appears.\n"


@pytest.fixture
def cli(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, capfd)


@pytest.fixture
def run(cli: Cli):
    def run(*words: object) -> Ended:
        return cli("index", *words, COLUMNS="200")

    return run


def test_a_line_a_video_and_each_tier_on_top_of_the_last(run, film: Path, tmp_path: Path) -> None:
    shutil.copy(film / "film.mp4", tmp_path / "talk.mp4")
    (tmp_path / "talk.en.srt").write_text(SRT)
    (tmp_path / "talk.srt").write_text("no subtitles")
    (tmp_path / "notes.mp4").write_text("no video")
    scanned = run("talk.mp4", "--tier", 1, "--preset", "builtin")
    assert scanned.returncode == 0 and "tier 1" in scanned.stdout
    assert "talk.mp4: searchable now by looks (tier 1: " in scanned.stderr
    assert "preset: builtin (from the command line)" in scanned.stderr
    assert "warning: " in scanned.stderr and "talk.srt" in scanned.stderr

    both = run("notes.mp4", "talk.mp4", "missing.mp4", "--preset", "builtin")
    assert both.returncode == 3
    (line,) = both.stdout.splitlines()
    assert line.startswith("talk.mp4  0:40.0  tier 2, ") and "x real time" in line
    assert "transcript talk.en.srt" in line
    errors = [each for each in both.stderr.splitlines() if each.startswith("videorlm: ")]
    assert len(errors) == 2 and "notes.mp4" in errors[0] and "missing.mp4" in errors[1]
    assert "2 of 3: talk.mp4\n" in both.stderr and "talk.mp4: tier 2 adds " in both.stderr
    assert both.stderr.splitlines()[-1] == "1 indexed, 2 failed"
    assert "searchable now" not in both.stderr  # it has been before

    deep = run("talk.mp4", "--tier", 3, "--preset", "builtin", "--json")
    assert "talk.mp4: tier 3 adds " in deep.stderr and "tier 2 adds" not in deep.stderr
    told = json.loads(deep.stdout)
    assert (told["tier"], told["fields"][0]) == (3, "deep") and told["seconds"] > 0
    again = json.loads(run("talk.mp4", "--tier", 3, "--preset", "builtin", "--json").stdout)
    assert again["seconds"] is None and again["key"] == told["key"]

    listed = run("--list")
    assert listed.returncode == 0
    head, *rows = (line.split() for line in listed.stdout.splitlines())
    assert head == ["video", "kind", "what", "size", "used", "state"]
    assert {row[1] for row in rows} == {"scan", "shots", "frames", "vectors"}
    assert {row[-1] for row in rows} == {"whole"}
    facts = [json.loads(line) for line in run("--list", "--json").stdout.splitlines()]
    assert [fact["kind"] for fact in facts] == [row[1] for row in rows]
    assert run("--prune").stdout == ""
    pruned = run("--prune", "--max-gb", 0)
    assert len(pruned.stdout.splitlines()) == len(listed.stdout.splitlines())
    assert run("--list").stdout == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "video files, --list, --prune"),
        (("a.mp4", "--list"), "video files, --list, --prune"),
        (("a.mp4", "--older-than", "3"), "go with --prune"),
        (("a.mp4", "--tier", "4"), "'--tier'"),
        (("above",), "folders below it are not searched"),
        (("a.mp4", "--preset", "grand"), "'grand' is neither a preset"),
    ],
)
def test_bad_usage_is_one_line(run, film: Path, tmp_path: Path, words: tuple, says: str) -> None:
    shutil.copy(film / "film.mp4", tmp_path / "a.mp4")
    (tmp_path / "above" / "below").mkdir(parents=True)
    done = run(*words)
    assert done.returncode in (2, 3, 5) and says in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_interrupted_and_taken_up(cli: Cli, run, film: Path, tmp_path: Path) -> None:
    shutil.copy(film / "film.mp4", tmp_path / "a.mp4")
    words = ("index", "a.mp4", "--preset", "builtin")
    process = cli.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("cache/*/*.building")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=200)
    if process.returncode not in (0, -signal.SIGINT):  # it may have been done already
        assert process.returncode == 130
        assert errors.splitlines()[-1] == "videorlm: interrupted" and "Traceback" not in errors
    done = run("a.mp4", "--preset", "builtin", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["tier"] == 2
    assert list(tmp_path.glob("cache/*/*.building")) == []
