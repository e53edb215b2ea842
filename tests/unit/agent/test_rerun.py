"""Runs recorded with a scripted model, run again: real jail, real tools, recorded replies."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from reruns import Runs, by_question, edit, replaced
from scripted import AnsweringModel, ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent import make_models
from rlm.agent.budget import Budget
from rlm.agent.indexing import open_index
from rlm.agent.llm import LanguageModel, Message, Reply, Usage
from rlm.agent.recorded import RecordedModels
from rlm.agent.rerun import find_video
from rlm.agent.session import Session
from rlm.agent.transcript import EVENTS, Transcript, runs_under
from rlm.config import Config
from rlm.errors import (
    ConversationTooLong,
    ModelUnavailable,
    ReplayMismatch,
    TranscriptError,
    UsageError,
)
from rlm.index import VideoIndex
from rlm.video import Video


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(cache=tmp_path_factory.mktemp("rerun"))


@pytest.fixture(scope="module")
def index(film: Path, config: Config) -> VideoIndex:
    return open_index(Video.open(film / "film.mp4"), "builtin", cache=config.cache)[0]


@pytest.fixture
def runs(index: VideoIndex, config: Config, tmp_path: Path) -> Runs:
    return Runs(index, config, tmp_path)


LOOK = (
    "f = extract_frames(0, 3, count=3)\nshow(f)\n"
    "print(f.rgb.mean(), get_scenes()[0], search((1, 3), k=2))"
)


def test_a_run_comes_out_as_recorded(runs: Runs) -> None:
    transcript = runs.record(ScriptedModel(code(LOOK), code("answer('x', [(0, 2)], 0.5)")))
    report = runs.again(transcript)
    assert (report.drifts, report.outputs, report.near) == ((), 3, 0)
    assert report.summary == "3 of 3 outputs are as recorded"
    assert runs.told == []


def test_what_drifted_is_told_in_a_diff(runs: Runs) -> None:
    transcript = runs.record(
        ScriptedModel(code("print('one')\nprint('two')"), code("answer('x', confidence=.5)"))
    )
    report = runs.again(edit(transcript, replaced("two", "three")))
    (drift,) = report.drifts
    assert drift.where == "turn 1"
    assert {"-three", "+two"} <= set(drift.diff)
    assert report.summary == "2 of 3 outputs are as recorded"

    def answered_otherwise(lines: list[dict]) -> list[dict]:
        return [line | {"answer": "y"} if line["kind"] == "answered" else line for line in lines]

    report = runs.again(edit(transcript, answered_otherwise))
    assert [drift.where for drift in report.drifts] == ["turn 1", "the end"]
    assert {"-answer: y", "+answer: x"} <= set(report.drifts[1].diff)


def test_numbers_within_the_tolerance_are_no_drift(runs: Runs) -> None:
    transcript = runs.record(ScriptedModel(code("print(3.14159, 7)"), code("answer('x')")))
    transcript = edit(transcript, replaced("3.14159", "3.1418"))
    report = runs.again(transcript)
    assert report.drifts == ()
    assert "1 of them but for numbers within 0.001" in report.summary
    assert len(runs.again(transcript, tolerance=1e-6).drifts) == 1


def test_another_picture_is_told_with_how_far_it_is_off(runs: Runs) -> None:
    transcript = runs.record(
        ScriptedModel(code("show(extract_frames(0, 1, count=1))"), code("answer('x')"))
    )
    image = next(
        part
        for event in transcript.events
        if isinstance(event, ev.Observed)
        for part in event.parts
        if isinstance(part, ev.Image)
    )
    jpeg = transcript.media(image.sha256).read_bytes()

    def other(name: str, data: bytes) -> Transcript:
        transcript.media(name).write_bytes(data)
        file = transcript.path / EVENTS
        file.write_text(re.sub(r'(?<="sha256":")[0-9a-f]+(?=","label")', name, file.read_text()))
        return Transcript.load(transcript.path)

    def rewritten(colour: str | None = None) -> bytes:
        from PIL import Image

        picture, buffer = Image.open(BytesIO(jpeg)), BytesIO()
        if colour is not None:
            picture = Image.new("RGB", picture.size, colour)
        picture.save(buffer, format="JPEG", quality=95)
        return buffer.getvalue()

    report = runs.again(other("ab", rewritten()))
    assert (report.drifts, report.near) == ((), 1)
    (drift,) = runs.again(other("cd", rewritten("grey"))).drifts
    assert any("of 255, by" in line for line in drift.diff)
    other("ef", jpeg).media("ef").unlink()
    (drift,) = runs.again(Transcript.load(transcript.path)).drifts
    assert any("cannot be read" in line for line in drift.diff)


# ---- trees


def tree() -> AnsweringModel:
    def reply(question: str, turn: int) -> str:
        if question.startswith("part"):
            return code(
                f"print(llm_query('{question}?'))" if turn == 0 else f"answer('{question}!')"
            )
        return code(
            "rs = rlm_query_batched(['part a', 'part b', 'part c'], [(0, 9), (9, 18), (18, 27)])\n"
            "print([r.answer for r in rs])\n"
            "f = extract_frames(0, 1, count=1)\n"
            "print(llm_query_batched(['one', 'bad', 'one', ('one', f)]))"
            if turn == 0
            else "answer('x')"
        )

    counted = iter(range(100))

    def said(prompt: str) -> str:
        if "bad" in prompt:
            raise ModelUnavailable("it is gone")
        return "seen" if "frame at" in prompt else f"said {next(counted)}" if "?" in prompt else "1"

    return by_question(reply, said)


def test_a_tree_comes_out_as_recorded_whatever_its_numbers(runs: Runs) -> None:
    transcript = runs.record(tree())
    first = runs.again(transcript)
    assert first.drifts == ()
    assert first.outputs == 12

    def renumbered(lines: list[dict]) -> list[dict]:
        numbers = {"1": "3", "2": "1", "3": "2"}
        return [line | {"session": numbers.get(line.get("session", ""), "")} for line in lines]

    again = runs.again(edit(transcript, renumbered))
    assert (again.drifts, again.outputs) == ((), 12)


def test_what_only_one_of_two_trees_has_is_drift(runs: Runs) -> None:
    def otherwise(lines: list[dict]) -> list[dict]:
        return [
            line | {"question": "part z"} if line.get("question") == "part b" else line
            for line in lines
        ]

    report = runs.again(edit(runs.record(tree()), otherwise))
    told = {drift.where: drift.diff for drift in report.drifts}
    assert "turn 1" in told
    assert any("not recorded: part b" in line for diff in told.values() for line in diff)


# ---- how runs end


class _Cut(ScriptedModel):
    def complete(self, messages: Sequence[Message], on_text=None) -> Reply:
        reply = super().complete(messages, on_text)
        return Reply(reply.text, reply.usage, cut=len(self.sent) == 1)


LAST = "The answer is: a ring"


@pytest.mark.parametrize(
    ("model", "budget"),
    [
        (ScriptedModel(code("print(1)"), LAST), Budget(turns=1)),
        (ScriptedModel(code("print(1)"), code("answer('x')")), Budget(tokens=300)),
        (ScriptedModel(code("print(1)"), ConversationTooLong("too long"), LAST), Budget()),
        (ScriptedModel(code("print(1)"), ModelUnavailable("gone")), Budget()),
        (ScriptedModel("no code", "none", "nothing", LAST), Budget()),
        (_Cut(code("print('half"), code("answer('x')")), Budget()),
        (ScriptedModel(code("print(1/0)"), code("answer('x')")), Budget()),
        (AnsweringModel(lambda messages: code("print(1)"), seconds=0.4), Budget(seconds=0.3)),
    ],
    ids="turns tokens too-long gone stuck cut error seconds".split(),
)
def test_a_run_ends_again_as_it_ended(runs: Runs, model: LanguageModel, budget: Budget) -> None:
    transcript = runs.record(model, budget=budget)
    report = runs.again(transcript)
    assert [drift.diff for drift in report.drifts] == []
    assert report.outputs == 1 + sum(event.kind == "observed" for event in transcript.events)
    assert runs.told == []


def test_of_a_run_that_was_killed_what_there_is_is_compared(runs: Runs) -> None:
    transcript = runs.record(ScriptedModel(code("print(1)"), code("print(2)"), code("answer(3)")))
    for end in range(3, len(transcript.events)):
        report = runs.again(edit(transcript, lambda lines, end=end: lines[:end]))
        assert report.drifts == ()
        edit(transcript, lambda lines: [json.loads(e.model_dump_json()) for e in transcript.events])


def test_more_than_was_recorded_is_an_error_of_its_own(runs: Runs, index: VideoIndex) -> None:
    transcript = runs.record(ScriptedModel(code("print(1)"), code("answer('x')")))

    def shorter(lines: list[dict]) -> list[dict]:
        return [line for line in lines if line.get("turn") != 2]

    transcript = edit(transcript, shorter)
    models = RecordedModels.of(transcript)
    with pytest.raises(ReplayMismatch, match="1 recorded replies, and is asked for more"):
        Session(index, models, "what", sinks=[models.recording]).run()
    with pytest.raises(ReplayMismatch, match="sub-question was not recorded"):
        models.asked("").complete([Message("user", ("what?",))])
    with pytest.raises(ValueError, match="no model 'dear' in this run; there are: scripted"):
        models.asked("", "dear")
    report = runs.again(transcript)
    assert [drift.where for drift in report.drifts] == ["the end"]
    assert "it did not come to its end" in runs.told[0]


def test_the_video_is_found_and_another_one_is_told(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = runs.record(ScriptedModel(code("print(1)"), code("answer('x')")))
    assert runs.again(transcript, video=None).drifts == ()  # where it was opened for its index
    monkeypatch.chdir(tmp_path)
    elsewhere = Config(cache=tmp_path / "cache")
    with pytest.raises(UsageError, match=r"'film\.mp4' is not here; give it with --video"):
        runs.again(transcript, video=None, config=elsewhere)
    film = runs.index.video.path
    (tmp_path / "film.mp4").symlink_to(film)
    assert find_video(transcript, elsewhere.cache).path == tmp_path / "film.mp4"

    def of_another(lines: list[dict]) -> list[dict]:
        lines[0]["video"] |= {"sha256": "0" * 64, "name": "../film.mp4"}
        return lines

    transcript = edit(transcript, of_another)
    with pytest.raises(UsageError, match=r"film.mp4 is another video than the run's"):
        runs.again(transcript, video=None)
    runs.again(transcript)
    assert "is another video than the run's" in runs.told[0]


def test_limits_that_are_none_are_refused(runs: Runs) -> None:
    transcript = runs.record(ScriptedModel(code("answer('x')")))

    def change(lines: list[dict]) -> list[dict]:
        lines[0]["limits"] = {"turns": -1}
        return lines

    with pytest.raises(TranscriptError, match="limits that are none"):
        runs.again(edit(transcript, change))


# ---- forks


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> list[LanguageModel]:
    """What is made where a fork asks for a model: the one of that name, else the first."""
    models: list[LanguageModel] = []

    def make(name: str, *settings: object) -> LanguageModel:
        return next((model for model in models if model.name == name), models[0])

    monkeypatch.setattr(make_models, "make_model", make)
    return models


def test_a_fork_goes_on_with_the_variables_of_its_turns(
    runs: Runs, live: list[LanguageModel]
) -> None:
    script = (code("x = 41"), code("y = llm_query('said?')"), code("answer('no')"))
    transcript = runs.record(by_question(lambda q, turn: script[turn], lambda prompt: "recorded"))
    after = [code("print(x + 1, y, llm_query('again?'))"), "live", code("answer('yes')")]
    live.append(ScriptedModel(*after))
    found: dict[str, list[Path]] = {}  # what there would be, were it killed then
    forked = runs.fork(
        transcript, 2, sinks=[lambda event: found.setdefault(event.kind, runs_under(runs.folder))]
    )
    assert {*map(tuple, (found["session_started"], found["observed"]))} == {(transcript.path,)}
    assert found["answered"] == [transcript.path, forked.path]
    assert (forked.header.forked_from, forked.header.forked_turn) == (transcript.path.name, 2)
    assert transcript.header.forked_from == ""
    observed = [e for e in forked.events if isinstance(e, ev.Observed)]
    assert observed[2].parts[0].text == "42 recorded live"
    assert len(live[0].sent) == 3
    (answer,) = (e for e in forked.events if isinstance(e, ev.Answered))
    assert (answer.answer, answer.turn) == ("yes", 4)
    assert forked.complete
    assert runs.again(forked).drifts == ()


def test_sub_sessions_of_a_fork_are_live_after_its_turn(
    runs: Runs, live: list[LanguageModel]
) -> None:
    ask = "print(rlm_query('part', (0, 9)).answer)"
    transcript = runs.record(
        by_question(
            lambda q, turn: code(
                "answer('old')" if q == "part" else ask if turn == 0 else "answer('x')"
            )
        )
    )
    live.append(
        by_question(
            lambda q, turn: code(
                "answer('new')" if q == "part" else ask if turn == 1 else "answer('x')"
            )
        )
    )
    forked = runs.fork(transcript, 1)
    read = [e.parts[0].text for e in forked.events if isinstance(e, ev.Observed) and not e.session]
    assert read[:2] == ["old", "new"]


@pytest.mark.parametrize(("named", "who"), [(None, "cheap"), ("dear", "dear")])
def test_a_fork_keeps_the_cheaper_model_of_its_run(
    runs: Runs, live: list[LanguageModel], named: str | None, who: str
) -> None:
    def called(name: str, model: AnsweringModel) -> AnsweringModel:
        model.name = name
        return model

    script = (code("x = 1"), code("answer('old')"))
    transcript = runs.record(
        by_question(lambda q, turn: script[turn]), called("cheap", by_question(lambda q, turn: ""))
    )
    live.append(by_question(lambda q, turn: code("print(llm_query('who?'))\nanswer('x')")))
    for name in ("cheap", "dear"):
        live.append(called(name, by_question(lambda q, turn: "", lambda prompt: "it is I")))
    forked = runs.fork(transcript, 1, sub_model=named)
    assert forked.header.sub_model == who
    assert [len(model.sent) for model in live[1:]] == [who == "cheap", who == "dear"]


def test_a_run_that_ran_out_goes_on_with_more(runs: Runs, live: list[LanguageModel]) -> None:
    model = ScriptedModel(code("x = 1"), code("x = 2"), "I could not find out")
    transcript = runs.record(model, options=("a", "b"), budget=Budget(turns=2))
    assert transcript.events[-1].status == "no_answer"
    live.append(ScriptedModel(code("answer('B')")))
    forked = runs.fork(transcript, 3, limits={"turns": 6})
    assert forked.events[-1].status == "answered"


@pytest.mark.parametrize(
    ("turn", "limits", "says"),
    [
        (0, {}, "nothing to go on with after turn 0; can be forked: 1 to 2"),
        (3, {}, "nothing to go on with after turn 3"),
        (2, {"turns": 2}, "--max-turns must be more than 2"),
        (2, {"tokens": 150}, "ended within the 2 turns that were replayed"),
        (1, {"usd": -1.0}, "must be positive"),
    ],
)
def test_what_cannot_be_forked(
    runs: Runs, live: list[LanguageModel], turn: int, limits: dict, says: str
) -> None:
    transcript = runs.record(ScriptedModel(code("x = 1"), code("x = 2"), code("answer('x')")))
    live.append(ScriptedModel(code("answer('x')")))
    with pytest.raises(UsageError, match=re.escape(says)):
        runs.fork(transcript, turn, limits=limits)
    assert len(list(runs.folder.iterdir())) == 1


def test_the_settings_limits_hold_for_a_fork(
    runs: Runs, live: list[LanguageModel], config: Config
) -> None:
    transcript = runs.record(ScriptedModel(code("x = 1"), code("answer('x')")))
    live.append(ScriptedModel(code("x += 1"), "words"))
    mine = {"max_turns": 3, "max_seconds": 500.0, "max_frames": 9, "max_depth": 0}
    runs.config = config.model_copy(update=mine)
    forked = runs.fork(transcript, 1)
    assert (forked.header.limits["frames"], forked.header.limits["depth"]) == (9, 0)
    assert (forked.header.limits["turns"], forked.header.limits["seconds"]) == (3, 500)
    assert forked.events[-1].turns == 4


def test_usage_is_as_recorded(runs: Runs) -> None:
    transcript = runs.record(ScriptedModel(code("answer('x')"), usd=None))
    models = RecordedModels.of(transcript)
    reply = models.answering("").complete([])
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens, usage.usd) == (100, 10, None)
    assert isinstance(usage, Usage)
