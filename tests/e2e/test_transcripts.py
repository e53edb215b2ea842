"""The recorded runs under transcripts/: each is a demonstration and has to replay as it is."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from commands import Cli, call

from rlm.agent import events as ev
from rlm.agent.rerun import rerun_code
from rlm.agent.transcript import Transcript
from rlm.config import Config

FOLDER = Path(__file__).parents[2] / "transcripts"
RUNS = sorted(path.parent for path in FOLDER.glob("*/events.jsonl"))


def test_there_are_recorded_runs() -> None:
    assert RUNS


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_recorded_run_is_whole(path: Path) -> None:
    transcript = Transcript.load(path)
    assert transcript.complete
    parts = [part for e in transcript.events for part in getattr(e, "parts", ())]
    images = [part for part in parts if isinstance(part, ev.Image)]
    images += [i for e in transcript.events if isinstance(e, ev.ToolModelUsed) for i in e.images]
    *_, ended = (e for e in transcript.events if isinstance(e, ev.SessionEnded))
    assert bool(images) == bool(ended.frames)
    for image in images:
        assert (
            hashlib.sha256(transcript.media(image.sha256).read_bytes()).hexdigest() == image.sha256
        )
    stored = {file.stem for file in (path / "media").glob("*.jpg")}
    assert stored == {image.sha256 for image in images}
    # A transcript is shared: it must not tell where on somebody's machine the video lay.
    told = (path / "events.jsonl").read_text()
    if (screen := path / "terminal.txt").is_file():
        told += screen.read_text()
    assert not re.search(r"(?<!\S)\W?/(home|root|tmp|work|Users)/", told)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_recorded_run_replays(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told = call(capfd, "replay", path)
    assert told.returncode == 0, told.stderr
    transcript = Transcript.load(path)
    *_, answer = (e for e in transcript.events if isinstance(e, ev.Answered))
    assert f"answer: {answer.answer}" in told.stdout
    assert f"model {transcript.header.model}" in " ".join(told.stdout.split())


def test_a_run_of_a_model_that_saw_frames_of_a_real_clip_is_among_them() -> None:
    headers = [Transcript.load(path).header for path in RUNS]
    assert any(header.model != "builtin" for header in headers)


# ---- run again: what the tools put out then is what they put out now


@pytest.fixture(scope="module")
def demo_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film of ``built-in-model-on-a-film``."""
    from rlm.world import make_film, write_film

    folder = tmp_path_factory.mktemp("demo")
    write_film(make_film(7), folder)
    return folder / "film.mp4"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(cache=tmp_path_factory.mktemp("cache"))


def test_the_film_comes_out_as_recorded(demo_film: Path, config: Config) -> None:
    transcript = Transcript.load(FOLDER / "built-in-model-on-a-film")
    report = rerun_code(transcript, video=demo_film, config=config)
    assert report.drifts == ()
    assert report.outputs == 9


@pytest.mark.parametrize(
    ("run", "clip", "outputs"),
    [
        ("count-cars-in-a-real-clip", "intel_cars", 5),
        ("chat-about-cars", "intel_cars", 7),
        ("title-at-the-end", "bbb_0_30", 3),
    ],
)
def test_a_real_clip_comes_out_as_recorded(
    run: str, clip: str, outputs: int, shared_videos: Path, config: Config
) -> None:
    transcript = Transcript.load(FOLDER / run)
    video = shared_videos / clip / transcript.header.video.name
    if not video.is_file():
        pytest.skip("the clip of this run is not among the real clips")
    told: list[str] = []
    report = rerun_code(transcript, video=video, config=config, notify=told.append)
    assert report.drifts == ()
    assert report.outputs == outputs
    assert not [line for line in told if "another video" in line]


# ---- the commands


@pytest.fixture
def cli(tmp_path: Path, config: Config, capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, capfd, cache=config.cache, transcripts=FOLDER)


FILM = "built-in-model-on-a-film"


def test_rerun_ends_in_1_when_an_output_drifted(cli: Cli, demo_film: Path, tmp_path: Path) -> None:
    shutil.copytree(FOLDER / FILM, tmp_path / "run")
    shutil.copy(demo_film, tmp_path)  # found under its name in the working folder
    events = tmp_path / "run" / "events.jsonl"
    events.write_text(events.read_text().replace('"13 scenes, 75.0 s', '"14 scenes'))
    other = cli("replay", "run", "--rerun-code")
    assert other.returncode == 1, other.stderr
    assert other.stdout.startswith("turn 1:\n")
    assert "+13 scenes, 75.0 s" in other.stdout
    assert other.stdout.endswith("8 of 9 outputs are as recorded\n")


def test_a_fork_goes_on_live(cli: Cli, demo_film: Path, tmp_path: Path) -> None:
    forked = cli(
        "replay", FILM, "--fork", 5, "--video", demo_film, "--transcripts", tmp_path / "forks"
    )
    assert forked.returncode == 0, forked.stderr
    transcript = Transcript.load(FOLDER / FILM)
    (answer,) = (e for e in transcript.events if isinstance(e, ev.Answered))
    assert forked.stdout == f"{answer.answer}\n"
    (path,) = (tmp_path / "forks").iterdir()
    header = Transcript.load(path).header
    assert (header.forked_from, header.forked_turn) == (FILM, 5)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["replay", FILM, "--rerun-code"], 2, "give it with --video"),
        (["replay", FILM, "--rerun-code", "--video", "no.mp4"], 3, "no.mp4"),
        (["replay", FILM, "--rerun-code", "--fork", "2"], 2, "one of these"),
        (["replay", FILM, "--fork", "99"], 2, "can be forked: 1 to 7"),
        (["replay", FILM, "--model", "x"], 2, "go with --fork"),
        (["replay", FILM, "--video", "x"], 2, "go with --rerun-code or --fork"),
        (["replay", FILM, "--tolerance", "1"], 2, "--tolerance goes with"),
        (["replay", "nothing", "--rerun-code"], 7, "no transcript 'nothing'"),
        (["transcripts", "show", "nothing"], 7, "no transcript 'nothing'"),
        (["transcripts", "export", FILM, "--format", "pdf"], 2, "openai, sharegpt, html"),
        (["transcripts", "export", FILM, "--format", "html", "-o", "a/b"], 74, "cannot be written"),
    ],
)
def test_bad_input_is_one_line(
    cli: Cli, tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    done = cli(*words, VIDEORLM_CACHE=str(tmp_path / "of no video"))
    assert done.returncode == code
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_runs_are_listed_the_newest_first(cli: Cli) -> None:
    told = cli("transcripts", "list")
    assert told.returncode == 0, told.stderr
    assert "What does the orange triangle do?" in told.stdout
    assert "film.mp4 · builtin · answered: It moves down" in told.stdout
    runs = [json.loads(line) for line in cli("transcripts", "list", "--json").stdout.splitlines()]
    assert {run["transcript"] for run in runs} == {path.name for path in RUNS}
    assert [run["started"] for run in runs] == sorted((r["started"] for r in runs), reverse=True)


def test_a_run_that_cannot_be_read_does_not_hide_the_others(cli: Cli, tmp_path: Path) -> None:
    shutil.copytree(FOLDER / FILM, tmp_path / "runs" / "go\x1bod")  # no terminal is to obey it
    (tmp_path / "runs" / "bad").mkdir()
    (tmp_path / "runs" / "bad" / "events.jsonl").write_text("{}\n")
    told = cli("transcripts", "list", VIDEORLM_TRANSCRIPTS=str(tmp_path / "runs"))
    assert told.returncode == 0
    assert told.stdout.startswith("good\n")
    assert "left out: " in told.stderr


def test_runs_are_exported_and_shown(cli: Cli, tmp_path: Path) -> None:
    names = [path.name for path in RUNS]
    done = cli("transcripts", "export", *names, "--format", "openai", "-o", "runs.jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    told = [line["metadata"]["run"]["transcript"] for line in lines]
    assert list(dict.fromkeys(told)) == names  # a sub-session has a line of its own
    page = cli("transcripts", "export", FILM, "--format", "html", "--no-images")
    assert page.stdout.startswith("<!doctype html>")
    assert cli("transcripts", "show", FILM).stdout == cli("replay", FILM).stdout
