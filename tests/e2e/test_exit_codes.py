"""Every command with bad input: one line, the code that its help names, nothing on stdout."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from commands import call, context_of, every_command

import rlm.errors
from rlm.errors import EXIT_CODES, VideoRLMError

ROOT = Path(__file__).resolve().parents[2]

# Words of the command line, the code, and something that the line says. {film}: a video; {text}: a
# file that is none; {folder}: an empty folder; {run}: a damaged transcript; {labels}: a table.
BAD = [
    ("ask {folder}/no.mp4 What?", 3, "no.mp4"),
    ("ask {text} What?", 3, "notes.txt"),
    ("ask {folder} What?", 3, "folder"),
    ("ask {film} ", 2, "question"),
    ("ask {film} What? --option one", 2, "option"),
    ("ask {film} What? --option one --option one", 2, "option"),
    ("ask {film} What? --model ", 2, "--model"),
    ("ask {film} What? --model nonsense", 4, "provider/model"),
    ("ask {film} What? --model nobody/nothing", 4, "nobody"),
    ("ask {film} What? --model openai/gpt-5.4", 4, "OPENAI_API_KEY"),
    ("ask {film} What? --model openai/x --api-base ftp://here", 2, "http://"),
    ("ask {film} What? --model openai/x --api-base http://127.0.0.1:9 --max-usd 1", 2, "price"),
    ("ask {film} What? --fallback-model nonsense", 4, "provider/model"),
    ("ask {film} What? --sub-model anthropic/claude-sonnet-4-6", 4, "ANTHROPIC_API_KEY"),
    ("ask {film} What? --cache /proc/no --model ollama_chat/x", 2, "--reply-cache"),
    ("ask {film} What? --preset nothing", 5, "nothing"),
    ("ask {film} What? --preset fast", 5, "models pull fast"),
    ("ask {film} What? --max-turns 0", 2, "turns"),
    ("ask {film} What? --max-usd nan", 2, "usd"),
    ("ask {film} What? --max-depth -1", 2, "depth"),
    ("ask {film} What? --votes 0", 2, "votes"),
    ("ask {film} What? --temperature -1", 2, "--temperature: "),
    ("ask {film} What? --temperature nan", 2, "--temperature: "),
    ("ask {film} What? --model-timeout 0", 2, "timeout"),
    ("ask {film} What? --transcripts {text}/x", 7, "notes.txt"),
    ("chat", 2, "--resume"),
    ("index", 2, "--list"),
    ("index {film} --list", 2, "one of these"),
    ("index {folder}/no.mp4", 3, "no.mp4"),
    ("index {text}", 3, "notes.txt"),
    ("index {folder}", 3, "folder"),
    ("index {film} --preset nothing", 5, "nothing"),
    ("index {film} --tier 4", 2, "--tier"),
    ("index --older-than 3", 2, "--prune"),
    ("index {film} --max-gb 3", 2, "--prune"),
    ("replay nothing", 7, "nothing"),
    ("replay", 7, "no transcript yet"),
    ("replay {run}", 7, "run"),
    ("replay {run} --fork 2 --rerun-code", 2, "one of these"),
    ("replay {run} --max-turns 3", 2, "--fork"),
    ("replay {run} --tolerance 1", 2, "--rerun-code"),
    ("replay {run} --fork 1", 7, "run"),
    ("replay {run} --rerun-code", 7, "run"),
    ("transcripts show nothing", 7, "nothing"),
    ("transcripts export nothing --format openai", 7, "nothing"),
    ("transcripts export nothing --format yaml", 2, "sharegpt"),
    ("transcripts export {run} --format html", 7, "run"),
    ("models pull nothing", 2, "balanced"),
    ("models pull fast", 5, "fast"),
    ("models estimate {folder}/no.mp4", 3, "no.mp4"),
    ("models estimate {text}", 3, "notes.txt"),
    ("probe train {folder}/no.csv --task t", 2, "no.csv"),
    ("probe train {labels} --task UPPER", 2, "UPPER"),
    ("probe train {labels} --task t", 2, "two classes"),
    ("probe train {text} --task t", 2, "notes.txt"),
    ("probe train {labels} --task t --held-out 0.9", 2, "--held-out"),
    ("probe eval {labels} --task t --preset nothing", 5, "nothing"),
    ("probe import {folder}/no.pt --task t", 2, "no.pt"),
    ("probe import {text} --task t", 5, "notes.txt"),
    ("demo {text}", 2, "notes.txt"),
    ("demo {folder} --questions 0", 2, "--questions"),
    ("demo {folder} --seed -1", 2, "--seed"),
]

SAID = ("preset: ", "model: ", "fast: pulling ")
"""How lines begin that tell what was chosen and begun."""


@pytest.fixture
def places(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("VIDEORLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIDEORLM_TRANSCRIPTS", str(tmp_path / "transcripts"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("no video, no table, no weights\n" * 9)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.jsonl").write_text("{}\n")
    (tmp_path / "labels.csv").write_text(
        "video,start,end,label\n" + f"{film / 'film.mp4'},0,1,a\n" * 3
    )
    names = {"folder": "folder", "text": "notes.txt", "run": "run", "labels": "labels.csv"}
    paths = {name: str(tmp_path / file) for name, file in names.items()}
    return paths | {"film": str(film / "film.mp4")}


@pytest.mark.parametrize(("words", "code", "says"), BAD, ids=[each[0] for each in BAD])
def test_bad_input_ends_in_one_line_and_the_code_that_help_names(
    capsys: pytest.CaptureFixture[str],
    places: dict[str, str],
    words: str,
    code: int,
    says: str,
) -> None:
    ended = call(capsys, *(word.format(**places) for word in words.split(" ")))
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    *_, last = ended.stderr.splitlines()
    assert last.startswith("videorlm: ")
    assert says in last
    assert "Traceback" not in ended.stderr
    told = [line for line in ended.stderr.splitlines() if not line.startswith(SAID)]
    assert told == [last], "one line, beside what was chosen and begun"
    assert code in documented(words.split()) or code >= 70
    assert not list(Path(os.environ["VIDEORLM_TRANSCRIPTS"]).glob("*"))


def documented(words: list[str]) -> set[int]:
    """The exit codes that the help of the command names."""
    deepest = max((each for each in every_command() if tuple(words[: len(each)]) == each), key=len)
    context = context_of(deepest)
    section = context.command.get_help(context).partition("\nExit codes:\n")[2]
    return {int(code) for code in re.findall(r"^  (\d+)  ", section, re.M)}


@pytest.mark.parametrize(
    "words",
    ["ask {film} What?", "index {film}", "index --list", "replay", "transcripts list", "config",
     "probe eval {labels} --task t"],
)  # fmt: skip
def test_a_bad_setting_stops_a_command_and_is_named(
    capsys: pytest.CaptureFixture[str],
    places: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
) -> None:
    monkeypatch.setenv("VIDEORLM_MAX_TURNS", "many")
    ended = call(capsys, *(word.format(**places) for word in words.split()))
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "VIDEORLM_MAX_TURNS: max_turns: " in ended.stderr


def test_output_that_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], places: dict[str, str]
) -> None:
    recorded = ROOT / "transcripts" / "built-in-model-on-a-film"
    words = ("transcripts", "export", recorded, "--format", "openai", "-o", "/nowhere/at/all")
    ended = call(capsys, *words)
    assert (ended.returncode, ended.stderr.count("\n")) == (74, 1)


def test_every_error_has_a_code_in_the_table_and_the_document_has_the_table() -> None:
    errors = [each for each in vars(rlm.errors).values() if isinstance(each, type)]
    codes = {each.exit_code for each in errors if issubclass(each, VideoRLMError)}
    assert codes <= EXIT_CODES.keys()
    text = (ROOT / "docs" / "command-line.md").read_text()
    for code, words in EXIT_CODES.items():
        assert f"| {code} | {words} |" in text
