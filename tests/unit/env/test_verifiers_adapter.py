"""The adapter with a scripted model server; runs where the ``verifiers`` package is installed."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import pytest
from model_server import serve
from scripted import code

from rlm.env import read_items
from rlm.errors import UsageError
from rlm.index import VideoIndex


def test_one_clear_error_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verifiers.v1", None)
    monkeypatch.delitem(sys.modules, "rlm.env.verifiers_adapter", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'videorlm\[verifiers\]'"):
        importlib.import_module("rlm.env.verifiers_adapter")


@pytest.mark.parametrize(("off", "worth"), [(0, 1.0), (1, 0.0)])
@pytest.mark.filterwarnings("default")
def test_an_episode(
    film: Path, index: VideoIndex, monkeypatch: pytest.MonkeyPatch, off: int, worth: float
) -> None:
    vf = pytest.importorskip("verifiers.v1")
    from rlm.env.verifiers_adapter import load_environment

    monkeypatch.setenv("TEST_API_KEY", "none")
    questions = film / "questions.jsonl"
    right = read_items(questions)[0].answer_index
    assert right is not None
    replies = [
        code("show(extract_frames(1, 2, count=2))"),
        "no code",
        code(f"answer('{'ABCD'[(right + off) % 4]}')"),
    ]

    async def play(url: str) -> vf.Episode:
        env = load_environment(questions, cache=index._root, turns=5)
        client = vf.EvalClientConfig(base_url=url, api_key_var="TEST_API_KEY")
        task = next(iter(env.taskset))
        async with env.serving():
            return await env.run_episode(task, vf.ModelContext("openai/scripted", client))

    with serve(replies) as server:
        episode = asyncio.run(play(server.url))
    assert not episode.errors
    (trace,) = episode.traces
    assert episode.ok, trace.errors
    assert trace.rewards["right"].score == worth
    assert trace.metrics["turns"] == 3
    assert trace.metrics["frames"] == 2
    assert trace.metrics["answered"] == 1
    roles = [[message["role"] for message in body["messages"]] for body in server.requests]
    assert roles[0] == ["system", "user"]
    assert roles[2] == ["system", "user", "assistant", "user", "assistant", "user"]
    pictures = [
        part for part in server.requests[1]["messages"][3]["content"] if "image_url" in part
    ]
    assert len(pictures) == 2
