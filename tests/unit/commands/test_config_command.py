"""``videorlm config``, and the settings as docs/command-line.md has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import call

from rlm.commands.config import defaults
from rlm.config import Config

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "command-line.md"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    (tmp_path / "etc" / "videorlm").mkdir(parents=True)
    return tmp_path


def test_each_setting_is_shown_with_where_it_comes_from(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = home / "etc/videorlm/config.toml"
    user.write_text('model = "user"\npreset = "fast"\nmax_turns = 3\nfallback_model = ["a", "b"]')
    (home / "videorlm.toml").write_text('model = "folder"\npreset = "quality"')
    monkeypatch.setenv("VIDEORLM_MODEL", "environment")
    told = json.loads(call(capsys, "config", "--json").stdout)
    got = {name: (each["value"], each["from"]) for name, each in told["settings"].items()}
    assert got["model"] == ("environment", "VIDEORLM_MODEL")
    assert got["preset"] == ("quality", "videorlm.toml")
    assert got["max_turns"] == (3, str(user))
    assert got["fallback_model"] == (["a", "b"], str(user))
    assert got["max_depth"] == (1, "default")
    assert told["files"] == {str(home / "videorlm.toml"): True, str(user): True}
    lines = call(capsys, "config").stdout.splitlines()
    assert any(line.split() == ["max_turns", "3", f"({user})"] for line in lines)


def test_keys_are_told_by_name_and_secrets_in_an_address_not_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-hush")
    monkeypatch.setenv("VIDEORLM_API_BASE", "https://me:hush@here:8000/v1")
    for words in (("config",), ("config", "--json")):
        out = call(capsys, *words).stdout
        assert "ANTHROPIC_API_KEY" in out
        assert "https://***@here:8000/v1" in out
        assert "hush" not in out


def test_a_variable_that_is_no_setting_is_named_with_what_may_be_meant(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEORLM_MAX_TURN", "3")
    monkeypatch.setenv("VIDEORLM_WEIGHTS", "/weights")
    monkeypatch.setenv("VIDEORLM_WEIGHT", "/weights")
    monkeypatch.setenv("VIDEORLM_ZZ", "")
    told = call(capsys, "config")
    out = told.stdout
    assert told.stderr == ""
    assert "VIDEORLM_MAX_TURN is no setting; did you mean VIDEORLM_MAX_TURNS?" in out
    assert "VIDEORLM_WEIGHT is no setting; did you mean VIDEORLM_WEIGHTS?" in out
    assert "VIDEORLM_ZZ is no setting; videorlm config has them all" in out
    assert "VIDEORLM_WEIGHTS is set" in out
    assert "VIDEORLM_WEIGHTS is no setting" not in out


def test_a_command_that_reads_settings_says_once_what_is_none(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEORLM_TRANSCRIPT", str(home))
    for words in (("ask", "no.mp4", "What?"), ("chat", "no.mp4"), ("transcripts", "list")):
        told = call(capsys, *words).stderr.splitlines()
        assert [line for line in told if "VIDEORLM_" in line] == [
            "videorlm: warning: VIDEORLM_TRANSCRIPT is no setting; "
            "did you mean VIDEORLM_TRANSCRIPTS?"
        ]


def test_the_document_has_every_setting_with_what_it_means() -> None:
    text = DOCUMENT.read_text()
    for name, field in Config.model_fields.items():
        assert field.description
        assert f"| `{name}` | {field.description} |" in text
    assert defaults().keys() == Config.model_fields.keys()
