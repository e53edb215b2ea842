"""Several sessions, one answer."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from scripted import AnsweringModel, code

import rlm.agent.preparing as module
from rlm.agent.answer import CANNOT_TELL, Answer
from rlm.agent.ask import ask
from rlm.agent.budget import Budget
from rlm.agent.models import Models
from rlm.agent.session import Session
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.agent.votes import tally, vote
from rlm.config import Config
from rlm.errors import ModelUnavailable, UsageError
from rlm.index import VideoIndex


def test_most_votes_win_and_their_share_is_the_confidence(
    index: VideoIndex, tmp_path: Path
) -> None:
    given = itertools.cycle(["A", "B", "B"])
    model = AnsweringModel(lambda messages: code(f"answer('{next(given)}', confidence=0.3)"))
    with TranscriptWriter(tmp_path, "q") as writer:
        session = Session(index, Models(model), "q", ("one", "two"), sinks=[writer])
        result = vote(session, 3)
    assert (result.answer.text, result.answer.choice, result.turns) == ("two", 1, 1)
    assert result.answer.confidence == pytest.approx(2 / 3)
    assert result.tokens == 330
    transcript = Transcript.load(writer.path)
    assert transcript.complete
    answers = [(e.session, e.answer) for e in transcript.events if e.kind == "answered"]
    assert answers[-1] == ("", "two")
    assert {session for session, _ in answers} == {"", "1", "2", "3"}


def test_a_vote_that_fails_is_no_agreement(index: VideoIndex) -> None:
    calls = itertools.count()

    def reply(messages: object) -> str:
        if next(calls) == 0:
            raise ModelUnavailable("gone")
        return code("answer('x')")

    result = vote(Session(index, Models(AnsweringModel(reply)), "q"), 2)
    assert (result.answer.text, result.answer.confidence) == ("x", 0.5)

    def fail(messages: object) -> str:
        raise ModelUnavailable("gone")

    with pytest.raises(ModelUnavailable):
        vote(Session(index, Models(AnsweringModel(fail)), "q"), 2)


def test_more_votes_than_the_budget_has_room_for(index: VideoIndex) -> None:
    model = AnsweringModel(lambda messages: code("answer('x')"))
    with pytest.raises(UsageError, match=r"9 votes cannot be had.*more of --max-calls$"):
        vote(Session(index, Models(model), "q", budget=Budget(calls=10)), 9)


def test_how_votes_are_counted() -> None:
    a, b = Answer("A door.", confidence=0.2), Answer("a door", confidence=0.9)
    assert tally([a, Answer("a cat"), b, None], 4) == Answer("a door", confidence=0.5)
    assert tally([None, None], 2) is None
    told = tally([Answer(CANNOT_TELL, confidence=1.0), Answer("x", confidence=0.1)], 2)
    assert told.text == "x"
    assert tally([Answer("x", best_effort=True)], 1).best_effort


def test_votes_share_no_recorded_reply(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches: list[Path | None] = []
    told: list[str] = []

    def make(chosen: object, endpoint: object, config: Config, notify: object) -> Models:
        caches.append(config.reply_cache)
        raise UsageError("enough")

    monkeypatch.setattr(module, "make_models", make)
    for votes in (1, 3):
        with pytest.raises(UsageError, match="enough"):
            ask(film / "film.mp4", "q", model="builtin", votes=votes, reply_cache=tmp_path,
                config=Config(), notify=told.append)  # fmt: skip
    assert caches == [tmp_path, None]
    assert told == ["reply cache: left out, since each vote needs replies of its own"]
