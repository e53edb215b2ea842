"""Runs that are not one question to one session, run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from reruns import Runs
from scripted import AnsweringModel, ScriptedModel, code

from rlm.agent.budget import Budget
from rlm.agent.export import about
from rlm.agent.indexing import open_index
from rlm.agent.models import Models
from rlm.agent.session import Session
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.agent.votes import vote
from rlm.config import Config
from rlm.video import Video


@pytest.fixture
def runs(film: Path, tmp_path: Path) -> Runs:
    config = Config(cache=tmp_path / "cache")
    index, _ = open_index(Video.open(film / "film.mp4"), "builtin", cache=config.cache)
    return Runs(index, config, tmp_path / "runs")


def test_votes_and_further_questions_come_out_as_recorded(runs: Runs) -> None:
    def reply(messages: list) -> str:
        looked = any(message.role == "assistant" for message in messages)
        return code("answer('x')" if looked else "print(len(get_scenes()))")

    with TranscriptWriter(runs.folder, "what") as writer:
        session = Session(
            runs.index, Models(AnsweringModel(reply)), "what", sinks=[writer], store=writer.media
        )
        vote(session, 3)
    report = runs.again(Transcript.load(writer.path))
    assert (report.outputs, report.drifts, runs.told) == (10, (), [])

    script = [
        code("n = 1"), code("answer('one')"),
        code("print(n + 1)"), code("n = 5"), code("answer('two')"),
        code("answer(n)"),
    ]  # fmt: skip
    with TranscriptWriter(runs.folder, "what") as writer:
        session = Session(
            runs.index, Models(ScriptedModel(*script)), "what", sinks=[writer],
            store=writer.media, budget=Budget(turns=2),
        )  # fmt: skip
        with session.open():
            session.answer()
            assert session.ask("more?").answer.best_effort
            session.ask("and?")
    transcript = Transcript.load(writer.path)
    assert (about(transcript)["question"], about(transcript)["answer"]) == ("and?", "5")
    report = runs.again(transcript)
    assert (report.outputs, report.drifts, runs.told) == (7, (), [])
