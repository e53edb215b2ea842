"""What a TAB offers: asked for as a shell asks, and once by a real bash."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pexpect
import pytest
from commands import call

from rlm.agent.export import FORMATS
from rlm.cli import completion
from rlm.commands.transcripts import PAGE
from rlm.encoders import COMPANIONS, PRESETS

TRANSCRIPTS = Path(__file__).resolve().parents[3] / "transcripts"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    for name in ("match.mp4", "notes.txt", "films/a.MKV", ".hidden.mp4"):
        (tmp_path / name).write_text("")
    for name in ("20260101-000000-000000-old", "20270101-000000-000000-new", "20280101-unseen"):
        run = tmp_path / "data" / "videorlm" / "transcripts" / name
        run.mkdir(parents=True)
        (run / ("events.jsonl.part" if name.endswith("unseen") else "events.jsonl")).touch()
    card = tmp_path / "data" / "videorlm" / "probes" / "gesture-1-abc" / "probe.json"
    card.parent.mkdir(parents=True)
    card.write_text('{"task": "gesture-1"}')
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def offered(capsys: pytest.CaptureFixture[str]):
    """What the program tells a shell after words, the last of which is being typed."""

    def offered(*words: str, shell: str = "bash") -> list[str]:
        line = " ".join(("videorlm", *words))
        asked = {
            "_VIDEORLM_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words)),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in asked.items():
                patch.setenv(name, value)
            done = call(capsys)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return offered


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["ask", "m"], ["match.mp4"]),
        (["index", ""], ["data/", "films/", "match.mp4"]),
        (["index", "films/"], ["films/a.MKV"]),
        (["ask", "match.mp4", "x", "--preset", "b"], ["builtin", "balanced"]),
        (["models", "pull", "s"], ["siglip2"]),
        (["replay", ""], ["last", "20270101-000000-000000-new", "20260101-000000-000000-old"]),
        (["replay", "2027"], ["20270101-000000-000000-new"]),
        (["transcripts", "export", "last", "--format", "s"], ["sharegpt"]),
        (["probe", "eval", "x.csv", "--task", ""], ["gesture-1"]),
        (["ask", "match.mp4", "--max-t"], ["--max-turns", "--max-tokens"]),
    ],
)
def test_values_are_offered(offered, place: Path, words: list[str], wanted: list[str]) -> None:
    got = offered(*words)
    if words[0] == "replay":
        got = [each for each in got if each == "last" or each[0] == "2"]
    assert got == wanted


def test_names_are_those_that_there_are() -> None:
    assert tuple(PRESETS) == completion.PRESETS
    assert tuple(COMPANIONS) == completion.COMPANIONS
    assert (*FORMATS, PAGE) == completion.FORMATS


def test_settings_say_where_the_transcripts_are(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "videorlm.toml").write_text(f'transcripts = "{TRANSCRIPTS}"')
    assert "built-in-model-on-a-film" in completion.transcripts("built")
    (place / "videorlm.toml").write_text("transcripts = ")
    assert completion.transcripts("l") == ["last"], "a broken file breaks no TAB"


def test_a_name_with_a_blank_is_left_to_bash_which_knows_how_to_quote_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "my film.mp4").write_text("")
    assert completion.videos("my") == ["my film.mp4"]
    monkeypatch.setenv("_VIDEORLM_COMPLETE", "complete_bash")
    assert completion.videos("my") == []


def test_other_shells_are_told_what_commands_are_for(offered, place: Path) -> None:
    assert "replay\tTell a saved run again" in "\n".join(offered("rep", shell="fish"))
    assert '"replay":"Tell a saved run again' in "\n".join(offered("rep", shell="zsh"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_tab_in_a_real_bash_after_installing(place: Path, monkeypatch) -> None:
    program = place / "bin" / "videorlm"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom rlm.cli import main\nmain()\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    home = {"HOME": str(place), "INPUTRC": "/dev/null", "PS1": "ready> ", "TERM": "dumb"}
    shell = pexpect.spawn(
        "bash", ["--noprofile", "--norc"], env=os.environ | home, encoding="utf-8", timeout=60
    )
    try:
        shell.sendline("PS1='ready''> '; videorlm --install-completion; source ~/.bashrc")
        shell.expect("completion installed in .*ready> ")
        for typed, becomes in (
            ("videorlm trans\t", "videorlm transcripts "),
            ("ex\t", "export "),
            ("2027\t", "20270101-000000-000000-new "),
            ("--for\t", "--format "),
            ("h\t", "html "),
        ):
            shell.send(typed)
            shell.expect_exact(becomes.split()[-1])
    finally:
        shell.close(force=True)
