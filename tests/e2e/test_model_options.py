"""What ``videorlm ask`` makes of the options of the language models, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Cli
from model_server import Act, serve
from scripted import code


@pytest.fixture
def cli(
    tmp_path: Path,
    cache: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """One that does not wait long before it asks again."""
    monkeypatch.setattr("rlm.endpoints.BACK_OFF", 0.01)
    return Cli(tmp_path, capfd, cache=cache)


def test_a_spare_answers_and_the_second_time_is_free(cli: Cli, film: Path, tmp_path: Path) -> None:
    def step(body: dict) -> str | Act:
        if body["model"] == "big":
            return Act(429, text="insufficient_quota")
        return code("answer('a shape')")

    with serve(step) as server:
        words = (
            "ask", film / "film.mp4", "What?", "--model", "openai/big", "--api-base", server.url,
            "--fallback-model", "openai/spare", "--seed", 3, "--temperature", 0,
            "--reply-cache", tmp_path / "kept", "--json",
        )  # fmt: skip
        asked = cli(*words)
        again = cli(*words)
    assert asked.returncode == again.returncode == 0, asked.stderr
    assert "fallback: openai/spare" in asked.stderr
    assert "going on with openai/spare" in asked.stderr
    assert json.loads(asked.stdout)["tokens"] == 110
    assert json.loads(again.stdout)["tokens"] == 0
    assert [request["model"] for request in server.requests] == ["big", "spare", "big"]
    assert all((r["seed"], r["temperature"]) == (3, 0) for r in server.requests)


def test_a_missing_key_is_told_before_anything_heavy_is_imported(
    tmp_path: Path, film: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(tmp_path, capfd)
    words = ("--model", "builtin", "--sub-model", "gemini/gemini-pro-latest")
    asked = cli.process("ask", film / "film.mp4", "What?", *words, PYTHONPROFILEIMPORTTIME="1")
    assert asked.returncode == 4
    imported = {line.rpartition("|")[2].strip() for line in asked.stderr.splitlines()}
    assert "rlm.agent.make_models" in imported
    assert not imported & {"litellm", "torch", "transformers", "numpy", "av"}
    (told,) = (line for line in asked.stderr.splitlines() if line.startswith("videorlm: "))
    assert told.startswith("videorlm: gemini/gemini-pro-latest needs GOOGLE_API_KEY or GEMINI_API")
    assert not (tmp_path / "cache").exists()


def test_settings_name_them_too(cli: Cli, film: Path, tmp_path: Path) -> None:
    (tmp_path / "videorlm.toml").write_text('sub_model = "openai/small"\nmodel_timeout = 0.5\n')
    with serve([Act(text="x" * 99, silence=60)]) as server:
        asked = cli(
            "ask", film / "film.mp4", "What?", "--model", "openai/desk",
            VIDEORLM_API_BASE=server.url, OPENAI_API_KEY="k", OPENAI_BASE_URL=server.url,
        )  # fmt: skip
    assert asked.returncode == 4
    assert "sub-questions: openai/small" in asked.stderr
    assert "gave no reply" in asked.stderr


def test_an_endpoint_that_nobody_listens_at_is_named(cli: Cli, film: Path) -> None:
    words = ("--model", "openai/desk", "--api-base", "http://127.0.0.1:9/v1")
    asked = cli("ask", film / "film.mp4", "What?", *words)
    assert (asked.returncode, asked.stdout) == (4, ""), asked.stderr
    assert "Traceback" not in asked.stderr
    (error,) = (line for line in asked.stderr.splitlines() if line.startswith("videorlm: "))
    assert "127.0.0.1:9" in error
