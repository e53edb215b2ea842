"""What ``videorlm ask`` makes of the options of the language models, as a user gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from model_server import Act, serve
from scripted import code


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("index")


def ask(film: Path, folder: Path, cache: Path, *words: object, **environment: str):
    """The command in a process of its own, with all it leaves behind in ``folder``."""
    places = {"TRANSCRIPTS": folder / "transcripts", "CACHE": cache}
    return subprocess.run(
        [sys.executable, "-m", "rlm.cli", "ask", film / "film.mp4", "What?", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=os.environ | {f"VIDEORLM_{k}": str(v) for k, v in places.items()} | environment,
    )


def test_a_spare_answers_and_the_second_time_is_free(
    film: Path, tmp_path: Path, cache: Path
) -> None:
    def step(body: dict) -> str | Act:
        if body["model"] == "big":
            return Act(429, text="insufficient_quota")
        return code("answer('a shape')")

    with serve(step) as server:
        words = (
            "--model", "openai/big", "--api-base", server.url, "--fallback-model", "openai/spare",
            "--seed", 3, "--temperature", 0, "--reply-cache", tmp_path / "kept", "--json",
        )  # fmt: skip
        asked = ask(film, tmp_path, cache, *words)
        again = ask(film, tmp_path, cache, *words)
    assert asked.returncode == again.returncode == 0, asked.stderr
    assert "fallback: openai/spare" in asked.stderr
    assert "going on with openai/spare" in asked.stderr
    assert json.loads(asked.stdout)["tokens"] == 110
    assert json.loads(again.stdout)["tokens"] == 0
    assert [request["model"] for request in server.requests] == ["big", "spare", "big"]
    assert all((r["seed"], r["temperature"]) == (3, 0) for r in server.requests)


def test_a_missing_key_is_told_before_anything_heavy_is_imported(
    film: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "index"
    words = ("--model", "builtin", "--sub-model", "gemini/gemini-pro-latest")
    asked = ask(film, tmp_path, cache, *words, PYTHONPROFILEIMPORTTIME="1")
    assert asked.returncode == 4
    imported = {line.rpartition("|")[2].strip() for line in asked.stderr.splitlines()}
    assert "rlm.agent.make_models" in imported
    assert not imported & {"litellm", "torch", "transformers", "numpy", "av"}
    (told,) = (line for line in asked.stderr.splitlines() if line.startswith("videorlm: "))
    assert told.startswith("videorlm: gemini/gemini-pro-latest needs GOOGLE_API_KEY or GEMINI_API")
    assert not cache.exists()


def test_settings_name_them_too(film: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "videorlm.toml").write_text('sub_model = "openai/small"\nmodel_timeout = 0.5\n')
    with serve([Act(text="x" * 99, silence=60)]) as server:
        asked = ask(
            film, tmp_path, cache, "--model", "openai/desk", VIDEORLM_API_BASE=server.url,
            OPENAI_API_KEY="k", OPENAI_BASE_URL=server.url,
        )  # fmt: skip
    assert asked.returncode == 4
    assert "sub-questions: openai/small" in asked.stderr
    assert "gave no reply" in asked.stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["--temperature", "-1"], 2, "--temperature: "),
        (["--temperature", "nan"], 2, "--temperature: "),
        (["--model-timeout", "0"], 2, "--model-timeout: "),
        (["--fallback-model", "nonsense"], 4, "provider/model"),
        (["--sub-model", "anthropic/claude-sonnet-4-6"], 4, "ANTHROPIC_API_KEY"),
        (["--cache", "/proc/nowhere", "--model", "ollama_chat/x"], 2, "--reply-cache"),
    ],
)
def test_bad_values_are_one_line(
    film: Path, tmp_path: Path, cache: Path, words: list[str], exit_code: int, says: str
) -> None:
    asked = ask(film, tmp_path, cache, *words)
    assert (asked.returncode, asked.stdout) == (exit_code, ""), asked.stderr
    assert asked.stderr.splitlines()[-1].startswith("videorlm: ")
    assert says in asked.stderr.splitlines()[-1]
    assert "Traceback" not in asked.stderr
    assert not (tmp_path / "transcripts").exists()
