"""The ``videorlm`` command as a user runs it: a real process, a real film, a real jail."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from commands import Cli
from model_server import Act, serve
from scripted import code


@pytest.fixture
def cli(tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    """In a folder of its own, so that what is left behind can be seen."""
    return Cli(tmp_path, capfd, cache=cache)


@pytest.fixture(scope="session")
def question(film: Path) -> dict:
    lines = (film / "questions.jsonl").read_text().splitlines()
    return next(q for q in map(json.loads, lines) if q["category"] == "attribute")


def as_options(question: dict) -> list[str]:
    return [word for option in question["options"] for word in ("--option", option)]


# ---- the main line


def test_stdout_is_the_answer_alone_and_replay_tells_the_run(
    cli: Cli, film: Path, question: dict, tmp_path: Path
) -> None:
    words = ("ask", film / "film.mp4", question["question"], *as_options(question))
    asked = cli.process(*words, VIDEORLM_CACHE=str(tmp_path / "cache"))  # indexed on the way
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == question["options"][question["answer_index"]] + "\n"
    assert "model: builtin (no provider's key" in asked.stderr
    assert "preset: builtin" in asked.stderr
    assert "evidence: " in asked.stderr and "shapes alone" not in asked.stderr
    (saved,) = cli.saved()
    assert f"replay: videorlm replay {saved.name}\n" in asked.stderr
    told = cli.process("replay", saved.name)
    assert told.returncode == 0
    assert f"answer: {asked.stdout.strip()}" in told.stdout
    assert question["question"] in told.stdout
    assert told.stderr == ""


def test_json_is_one_object_with_every_field(cli: Cli, film: Path, question: dict) -> None:
    asked = cli("ask", film / "film.mp4", question["question"], *as_options(question), "--json")
    assert asked.returncode == 0, asked.stderr
    result = json.loads(asked.stdout)
    assert list(result) == [
        "answer", "choice", "evidence", "confidence", "calibrated", "turns", "frames_viewed",
        "tokens", "usd", "seconds", "transcript", "sandbox_level", "preset", "model", "best_effort",
    ]  # fmt: skip
    assert result["choice"] == question["answer_index"]
    assert (result["model"], result["preset"]) == ("builtin", "builtin")
    assert result["sandbox_level"] != "none"
    assert result["turns"] > 1
    assert result["frames_viewed"] > 0
    assert Path(result["transcript"]).is_dir()
    (start, end), *_ = result["evidence"]
    assert 0 <= start < end


def test_any_model_through_an_endpoint_with_frames_shown(cli: Cli, film: Path) -> None:
    script = [code("show(extract_frames(0, 2, count=3))"), code("answer('a shape', [(0, 2)], 0.5)")]
    with serve(script) as server:
        asked = cli(
            "ask", film / "film.mp4", "What is it?", "--json",
            "--model", "openai/desk", "--api-base", server.url,
        )  # fmt: skip
    result = json.loads(asked.stdout)
    assert result["answer"] == "a shape"
    assert (result["frames_viewed"], result["tokens"], result["usd"]) == (3, 220, None)
    content = server.requests[1]["messages"][-1]["content"]
    assert sum(part["type"] == "image_url" for part in content) == 3


def test_the_configuration_names_the_model(cli: Cli, film: Path) -> None:
    with serve([code("answer('x')")]) as server:
        (cli.folder / "videorlm.toml").write_text('model = "openai/desk"\nmax_turns = 2\n')
        asked = cli("ask", film / "film.mp4", "What?", VIDEORLM_API_BASE=server.url)
    assert "model: openai/desk (from the configuration)" in asked.stderr
    assert asked.stdout == "x\n"


def test_a_question_outside_its_world_is_not_guessed(cli: Cli, film: Path) -> None:
    asked = cli("ask", film / "film.mp4", "What is the dog's name?", "--json")
    result = json.loads(asked.stdout)
    assert asked.returncode == 0
    assert result["answer"] == "I can't tell"
    assert (result["choice"], result["confidence"]) == (None, 0.0)
    assert "films of moving coloured shapes alone" in asked.stderr and "--model" in asked.stderr


def test_a_real_clip_is_indexed_and_nothing_is_made_up(cli: Cli, shared_videos: Path) -> None:
    clip = shared_videos / "intel_cars" / "car-detection.mp4"
    with serve(
        [code("contact_sheet(count=6); print(len(get_scenes()))"), code("answer('B')")]
    ) as s:
        asked = cli(
            "ask", clip, "What colour is the first car?", "--option", "black", "--option", "white",
            "--model", "openai/desk", "--api-base", s.url,
        )  # fmt: skip
    assert asked.stdout == "white\n"
    told = "".join(part["text"] for part in s.requests[1]["messages"][-1]["content"][:1])
    assert told.strip().endswith("1")  # one shot: cars that cross are no cuts
    honest = cli("ask", clip, "What colour is the first car?", "--json", "--model", "builtin")
    assert json.loads(honest.stdout)["answer"] == "I can't tell"


# ---- bad input: one line, an exit code, nothing left behind


def truncated(film: Path, target: Path) -> Path:
    # A recording that was cut off: its index of samples, at the end, was never written.
    raw = (film / "film.mp4").read_bytes()
    target.write_bytes(raw[:200])
    return target


def sound_only(target: Path) -> None:
    import av
    import numpy as np

    with av.open(str(target), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        silence = np.zeros((1, 16000), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_bad_videos(cli: Cli, film: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "folder.mp4").mkdir()
    truncated(film, tmp_path / "truncated.mp4")
    sound_only(tmp_path / "sound.mp4")
    before = {path.name for path in tmp_path.iterdir()}
    for name, says in {
        "missing.mp4": "missing.mp4",
        "folder.mp4": "folder",
        "empty.mp4": "empty",
        "text.mp4": "text.mp4",
        "truncated.mp4": "truncated.mp4",
        "sound.mp4": "sound.mp4",
    }.items():
        asked = cli("ask", tmp_path / name, "What is it?")
        assert asked.returncode == 3, (name, asked.stderr)
        assert asked.stdout == ""
        assert asked.stderr.startswith("videorlm: ")
        assert asked.stderr.count("\n") == 1
        assert says in asked.stderr
    assert {path.name for path in tmp_path.iterdir()} == before
    assert cli.saved() == []


def test_replay_of_what_is_no_transcript(cli: Cli, tmp_path: Path) -> None:
    for name in ("last", tmp_path, "nothing"):
        told = cli("replay", name)
        assert told.returncode == 7
        assert told.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(cli: Cli, film: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.mp4"
    locked.write_bytes((film / "film.mp4").read_bytes())
    locked.chmod(0)
    assert cli("ask", locked, "What?").returncode == 3


# ---- output that cannot be written as it is

RECORDED = Path(__file__).parents[2] / "transcripts" / "count-cars-in-a-real-clip"


def test_a_reader_that_goes_away_is_no_defect(cli: Cli) -> None:
    process = cli.start("replay", RECORDED, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def test_a_full_disk_is_said_in_one_line(cli: Cli) -> None:
    with open("/dev/full", "w") as full:
        process = cli.start("replay", RECORDED, stdout=full, stderr=subprocess.PIPE, text=True)
        _, errors = process.communicate()
    assert process.returncode == 74
    assert errors == "videorlm: the output cannot be written: No space left on device\n"


def test_a_terminal_that_does_not_know_every_character(cli: Cli) -> None:
    told = cli.process("replay", RECORDED, PYTHONIOENCODING="ascii")
    assert told.returncode == 0
    assert "answer: 4" in told.stdout


def test_messages_carry_no_escape_sequences(cli: Cli) -> None:
    asked = cli.process("ask", "missing\x1b[31mred\a\n.mp4", "What?")
    assert asked.returncode == 3
    assert asked.stderr.count("\n") == 1
    assert not set(asked.stderr) & set("\x1b\a")


@pytest.mark.parametrize("words", [["", "What?"], ["https://example.com/a.mp4", "What?"]])
def test_what_is_no_file(cli: Cli, words: list[str]) -> None:
    asked = cli("ask", *words)
    assert (asked.returncode, asked.stderr.count("\n")) == (3, 1)


def test_the_demo_needs_a_question(cli: Cli) -> None:
    assert cli("demo", "--questions", "0").returncode == 2


ORPHANS = """
import ctypes, os, pathlib, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become ours
for _ in range(2):
    subprocess.run([sys.executable, "-m", "rlm.cli", *sys.argv[1:]], check=True)

def living():
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state not in "ZX":
            found.append(stat.parent.name)
    return found

deadline = time.monotonic() + 30
while living() and time.monotonic() < deadline:
    time.sleep(0.1)
sys.exit(f"still alive: {living()}" if living() else 0)
"""


def test_no_process_is_left_behind(cli: Cli, film: Path) -> None:
    with serve([code("answer('x')")]) as server:
        done = subprocess.run(
            [sys.executable, "-c", ORPHANS, "ask", str(film / "film.mp4"), "What?",
             "--model", "openai/desk", "--api-base", server.url],
            capture_output=True, text=True, cwd=cli.folder, env=cli.environment,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr


# ---- dying at any moment


def test_a_kill_at_any_moment_leaves_a_transcript_that_replays(cli: Cli, film: Path) -> None:
    chosen = random.Random(11)
    slow = code("import time\nfor i in range(50):\n    video_info(); time.sleep(0.01)")
    with serve([slow]) as server:
        for _ in range(3):
            process = cli.start(
                "ask", film / "film.mp4", "What?",
                "--model", "openai/desk", "--api-base", server.url, "--max-turns", 30,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            known = len(cli.saved())
            deadline = time.monotonic() + 200
            while len(cli.saved()) == known and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(chosen.uniform(0.0, 1.5))
            process.kill()
            process.wait()
    assert len(cli.saved()) == 3
    for path in cli.saved():
        if (path / "events.jsonl").stat().st_size:
            told = cli("replay", path)
            assert "the run stopped here" in told.stdout, told.stderr


def test_an_interrupt_keeps_what_was_found(cli: Cli, film: Path) -> None:
    with serve([code("print('looked')"), Act(text=code("import time; time.sleep(30)"))]) as server:
        process = cli.start(
            "ask", film / "film.mp4", "What?", "--model", "openai/desk",
            "--api-base", server.url, "--verbose", stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 200
        while len(server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors and errors.count("interrupted") == 1
    told = cli("replay", "last")
    assert "looked" in told.stdout
    assert "interrupted" in told.stdout


@pytest.mark.parametrize("command", ["ask", "chat"])
def test_live_tells_a_page_what_goes_on(cli: Cli, film: Path, command: str) -> None:
    script = [code("show(extract_frames(count=1))"), code("answer('a square')")]
    words = {"ask": ["What moves?"], "chat": []}[command]
    with serve(script) as server, cli.start(
        command, film / "film.mp4", *words, "--live", "--model", "openai/desk",
        "--api-base", server.url,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("What moves?\n")
        process.stdin.close()
        address = next(line[6:].strip() for line in process.stderr if line.startswith("live: "))
        with urlopen(f"{address}events", timeout=200) as stream:
            lines = list(itertools.takewhile(lambda line: line != b"event: done\n", stream))
            rows = [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]
            (shown,) = (image for row in rows if "left" in row for image in row["images"])
            with urlopen(f"{address}media/{shown['id']}.jpg") as picture:
                assert picture.read(2) == b"\xff\xd8"
        assert process.stdout.read() == "a square\n"
        assert process.wait(200) == 0
    told = {row["kind"]: row for row in rows}
    assert {"model_replied", "tool_called", "answered", "session_ended"} <= told.keys()
    assert told["session_started"]["controls"] is True


# ---- starting at once


@pytest.mark.parametrize(
    "words", [["--help"], ["ask", "--help"], ["--version"], ["replay", "last"], ["view", "last"]]
)
def test_nothing_heavy_is_imported(cli: Cli, words: list[str]) -> None:
    program = (
        "import sys; sys.argv = ['videorlm', *sys.argv[1:]]\n"
        "from rlm.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'litellm', 'numpy', 'av'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True, text=True, cwd=cli.folder, env=cli.environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
