"""Confidence as users see it: what it stands for, where a calibrator says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_results import header, results
from scripted import ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent.ask import ask
from rlm.agent.calibrator import Calibrator
from rlm.agent.models import Models
from rlm.agent.session import Session
from rlm.config import Config
from rlm.errors import UsageError
from rlm.evaluation.calibration import fit
from rlm.index import VideoIndex
from rlm.ui.console import answer_lines


@pytest.fixture(scope="module")
def calibrator() -> Calibrator:
    return fit(results(), header(models={"main": "builtin"}), "made")


def test_an_answer_tells_what_was_said_and_what_it_stands_for(
    index: VideoIndex, calibrator: Calibrator
) -> None:
    seen: list[ev.Event] = []
    session = Session(
        index,
        Models(ScriptedModel(code("answer('red', confidence=0.9)"))),
        "Which colour?",
        sinks=[seen.append],
        calibrator=calibrator,
    )
    answer = session.run().answer
    assert answer is not None
    assert (answer.confidence, answer.calibrated) == (0.9, calibrator(0.9))
    (told,) = [event for event in seen if isinstance(event, ev.Answered)]
    assert (told.confidence, told.calibrated) == (0.9, calibrator(0.9))
    assert 0.3 < calibrator(0.9) < 0.8
    assert f"confidence: {calibrator(0.9):.2f} (calibrated; the model said 0.90)" in answer_lines(
        told, None
    )
    plain = ev.Answered.model_validate(told.model_dump() | {"calibrated": None})
    assert "confidence: 0.90" in answer_lines(plain, None)


def test_it_holds_for_the_model_it_was_fitted_on_alone(
    film: Path, index: VideoIndex, calibrator: Calibrator, tmp_path: Path
) -> None:
    file = tmp_path / "calibrator.json"
    config = Config(calibrator=file, cache=index._root, model="builtin", preset="builtin")

    def asked(model: str, votes: int = 1):
        told: list[str] = []
        file.write_text(calibrator.model_copy(update={"model": model}).model_dump_json())
        found = ask(
            film / "film.mp4", "What colour is the first shape?", config=config, votes=votes,
            transcripts=tmp_path / "kept", notify=told.append,
        )  # fmt: skip
        assert found.result.answer is not None
        return found.result.answer, [line for line in told if "calibrated" in line]

    answer, told = asked("builtin")
    assert answer.calibrated == calibrator(answer.confidence) is not None
    assert not told
    other, told = asked("another")
    assert other == replace(answer, calibrated=None)
    assert "loop with another, and this is loop with builtin" in told[0]
    with pytest.raises(UsageError, match="is no calibrator"):
        file.write_text("{}")
        ask(film / "film.mp4", "What?", config=config)
