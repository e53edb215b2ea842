"""Whole evaluations with scripted models: what is written down, and what makes a run stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from evaluating import Watching, run, write_questions
from scripted import AnsweringModel, ScriptedModel, code

from rlm.agent.transcript import Transcript
from rlm.errors import MissingKey, ModelUnavailable, ReplyRefused, UnknownModel, UsageError
from rlm.evaluation.folder import RESULTS, TRANSCRIPTS, read_header, read_results
from rlm.evaluation.results import ItemResult


def by_id(folder: Path) -> dict[str, ItemResult]:
    return {result.id: result for result in read_results(folder)}


def test_a_result_holds_what_was_asked_what_came_back_and_what_it_took(
    film: Path, tmp_path: Path
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 3, evidence_time=[1, 2])
    model = AnsweringModel(lambda messages: "A" if "0?" in messages[0].text else "(B)")
    done = run(annotations, film, tmp_path / "out", model, system="uniform-4", seed=5)
    assert (done.ending, done.left) == ("finished", 0)
    results = by_id(tmp_path / "out")
    first = results["q0"]
    assert (first.question, first.options, first.answer_index) == ("Is it 0?", ("yes", "no"), 0)
    assert (first.reply, first.answer, first.choice, first.correct) == ("A", "yes", 0, True)
    assert (first.category, first.video, first.evidence_time) == ("even", "film.mp4", ((1.0, 2.0),))
    assert (first.frames, first.input_tokens, first.output_tokens) == (4, 100, 10)
    assert (first.usd, first.turns, first.sub_calls, first.seed) == (0.01, 1, 0, 5)
    assert first.video_seconds == pytest.approx(40)
    assert len(first.video_sha256 or "") == 64
    assert results["q2"].correct is False
    assert done.standing.accuracy == pytest.approx(2 / 3)
    for result in results.values():
        transcript = Transcript.load(tmp_path / "out" / (result.transcript or ""))
        assert transcript.header.question == result.question
        frames = list((transcript.path / "media").iterdir())
        assert {frame.stat().st_nlink for frame in frames} == {3}  # kept once for all three
    header = read_header(tmp_path / "out")
    assert (header.system, header.questions) == ("uniform-4", 3)
    assert len(header.prompts["uniform"]) == 64
    assert header.annotations == str(annotations.absolute())
    limits = {name for name in header.parameters if name.startswith("max_")}
    assert limits == {"max_usd", "max_frames"}  # one call knows no others
    assert (header.parameters["uniform_frames"], header.sittings[0].model_timeout) == (4, 300)


def test_a_model_without_a_price_is_told_once(film: Path, tmp_path: Path) -> None:
    class Unpriced(ScriptedModel):
        def price(self, input_tokens: int, output_tokens: int) -> None:
            return None

    watch = Watching()
    run(write_questions(tmp_path / "q.jsonl", 2), film, tmp_path / "out", Unpriced("A"), watch)
    assert [line for line in watch.lines if "no price is known" in line] == [
        "no price is known for scripted: dollars are not counted"
    ]


def test_repeats_have_seeds_of_their_own(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 2)
    seeds: list[int | None] = []

    def make(seed: int | None) -> ScriptedModel:
        seeds.append(seed)
        return ScriptedModel("A")

    run(annotations, film, tmp_path / "out", make, seed=7, repeats=3)
    assert sorted(seeds, key=str) == [7, 8, 9]
    found = {(r.id, r.repeat, r.seed) for r in read_results(tmp_path / "out")}
    assert found == {(f"q{n}", repeat, 7 + repeat) for n in range(2) for repeat in range(3)}


def test_every_failure_is_told_by_its_kind_and_counts_as_wrong(film: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(film / "film.mp4", videos / "good.mp4")
    whole = (film / "film.mp4").read_bytes()
    (videos / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (videos / "text.mp4").write_text("this is no video")
    (videos / "empty.mp4").touch()
    (videos / "folder.mp4").mkdir()
    noise = Random(1).randbytes(len(whole) // 2)
    (videos / "noise.mp4").write_bytes(whole[:4096] + noise + whole[4096 + len(noise) :])
    names = ("good", "cut", "text", "empty", "folder", "noise", "gone")
    lines = []
    for name in names:
        file = write_questions(tmp_path / "one.jsonl", 1, f"{name}.mp4", id=name)
        lines.append(file.read_text())
    annotations = tmp_path / "q.jsonl"
    annotations.write_text("".join(lines))
    watch = Watching()
    done = run(annotations, videos, tmp_path / "out", ScriptedModel("A"), watch, system="uniform-2")
    assert done.ending == "finished"
    assert any("gone.mp4" in line and "no video" in line for line in watch.lines)
    results = by_id(tmp_path / "out")
    assert set(results) == set(names)
    kinds = {name: r.failure.kind if r.failure else None for name, r in results.items()}
    assert kinds["good"] is None
    assert {kinds[name] for name in ("text", "empty", "folder", "gone")} == {"video"}
    assert kinds["noise"] in ("decode", "video", None)
    for result in results.values():
        if result.failure is not None:
            assert (result.correct, result.score, result.choice) == (False, 0.0, None)
            assert result.failure.message
            assert "\n" not in result.failure.message


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("Z", "unparsed"),
        ("", "unparsed"),
        (ReplyRefused("it declined"), "model"),
        (ModelUnavailable("it is gone"), "model"),
        (RuntimeError("a fault"), "internal"),
    ],
)
def test_a_reply_that_is_no_answer_is_a_failure_of_one_question(
    film: Path, tmp_path: Path, step: str | Exception, kind: str
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 3)
    model = ScriptedModel("A", step, "A")
    done = run(annotations, film, tmp_path / "out", model, workers=1)
    kinds = {r.failure.kind if r.failure else None for r in read_results(tmp_path / "out")}
    assert kinds == {None, kind}
    assert done.standing.failures == {kind: 1}
    assert done.standing.accuracy == pytest.approx(2 / 3)
    failed = next(r for r in read_results(tmp_path / "out") if r.failure)
    assert failed.reply == (step if isinstance(step, str) else "")


def test_transcripts_are_those_that_results_name(film: Path, tmp_path: Path) -> None:
    annotations, out = write_questions(tmp_path / "q.jsonl", 3), tmp_path / "out"
    run(annotations, film, out, ScriptedModel("A", "?"), workers=1)
    cut_off = shutil.copytree(
        next((out / TRANSCRIPTS).iterdir()), out / TRANSCRIPTS / "20260101-000000-000000-cut-off"
    )
    watch = Watching()
    run(annotations, film, out, ScriptedModel("A"), watch, retry_failed=True)
    assert not cut_off.exists()
    assert "1 transcript of questions that were cut off: removed" in watch.lines
    rows = [json.loads(line) for line in (out / RESULTS).read_text().splitlines()]
    assert len(rows) == 5  # two were asked again, and their first transcripts are kept
    kept = {f"{TRANSCRIPTS}/{path.name}" for path in (out / TRANSCRIPTS).iterdir()}
    assert kept == {row["transcript"] for row in rows}


def test_what_failed_is_asked_again_only_if_wanted(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 4)
    run(annotations, film, tmp_path / "out", ScriptedModel("A", "?", "B", "?"), workers=1)
    model = ScriptedModel("A")
    run(annotations, film, tmp_path / "out", model)
    assert not model.sent
    done = run(annotations, film, tmp_path / "out", model, retry_failed=True)
    assert len(model.sent) == 2
    assert done.standing.failures == {}
    assert done.standing.done == 4
    assert [r.choice for r in read_results(tmp_path / "out")] == [0, 1, 0, 0]


@pytest.mark.parametrize("error", [MissingKey("m refused the key"), UnknownModel("no such model")])
def test_a_model_that_refuses_everybody_ends_the_run(
    film: Path, tmp_path: Path, error: Exception
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 50)
    model = ScriptedModel(error)
    with pytest.raises(type(error)):
        run(annotations, film, tmp_path / "out", model)
    assert len(model.sent) <= 2
    assert not list(read_results(tmp_path / "out"))
    good = ScriptedModel("A")
    assert run(annotations, film, tmp_path / "out", good).standing.done == 50


def test_a_key_that_is_refused_once_among_good_replies_does_not(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 4)
    model = ScriptedModel("A", MissingKey("refused"), "A")
    done = run(annotations, film, tmp_path / "out", model, workers=1)
    assert done.standing.failures == {"model": 1}


def test_a_model_that_is_gone_for_good_ends_the_run(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 50)
    model = ScriptedModel("A", ModelUnavailable("nobody is there"))
    with pytest.raises(ModelUnavailable):
        run(annotations, film, tmp_path / "out", model)
    assert len(list(read_results(tmp_path / "out"))) < 10


def test_a_model_that_never_replied_is_not_waited_for_by_every_question(
    film: Path, tmp_path: Path
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 50)
    with pytest.raises(ModelUnavailable):
        run(annotations, film, tmp_path / "out", ScriptedModel(ModelUnavailable("nobody")))
    assert len(list(read_results(tmp_path / "out"))) <= 4


def test_rows_that_cannot_be_told_apart_or_asked_are_refused(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 2, id="same")
    model = ScriptedModel("A")
    with pytest.raises(UsageError, match="same"):
        run(annotations, film, tmp_path / "out", model)
    write_questions(annotations, 1, options=["only"])
    with pytest.raises(UsageError, match="one option is no choice"):
        run(annotations, film, tmp_path / "out", model)
    write_questions(annotations, 3)
    with pytest.raises(UsageError, match=r"no category .none.;.* even, odd"):
        run(annotations, film, tmp_path / "out", model, category="none")
    with pytest.raises(UsageError, match="no question is left"):
        run(annotations, film, tmp_path / "out", model, offset=3)
    assert not (tmp_path / "out").exists()


def test_which_questions_are_asked(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 9)
    run(annotations, film, tmp_path / "out", ScriptedModel("A"), category="even", offset=1, limit=2)
    assert set(by_id(tmp_path / "out")) == {"q2", "q4"}
    with pytest.raises(UsageError, match="limit 2, not 3"):
        run(annotations, film, tmp_path / "out", ScriptedModel("A"), category="even", offset=1,
            limit=3)  # fmt: skip


def test_the_dollars_of_a_run_are_kept_and_more_let_it_go_on(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 20)
    model = ScriptedModel("A")  # 0.01 a call
    out = tmp_path / "out"
    done = run(annotations, film, out, model, workers=8, max_usd=0.1, item_usd=0.02)
    assert done.ending == "spent"
    spent = sum(r.usd or 0 for r in read_results(out))
    assert 0.08 <= spent <= 0.1 + 1e-9
    assert done.left == 20 - len(by_id(out))
    again = run(annotations, film, out, model, workers=8, max_usd=0.1, item_usd=0.02)
    assert again.left in (done.left, done.left - 1)
    last = run(annotations, film, out, model, workers=8, max_usd=1.0, item_usd=0.02)
    assert (last.ending, last.standing.done) == ("finished", 20)
    with pytest.raises(UsageError, match="price of scripted is unknown"):
        run(annotations, film, tmp_path / "x", ScriptedModel("A", usd=None), max_usd=1.0)


def test_an_interrupt_finishes_what_is_under_way_and_begins_nothing(
    film: Path, tmp_path: Path
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 60)
    at_work = threading.Barrier(3)
    lock, asked = threading.Lock(), [0]

    def reply(messages) -> str:
        with lock:
            asked[0] += 1
            number = asked[0]
        if number == 9:
            os.kill(os.getpid(), signal.SIGINT)
        if number in (8, 9):  # both workers wait until the interrupt was heard
            at_work.wait(30)
        return "A"

    def heard(line: str) -> None:
        if "finishing" in line:
            at_work.wait(30)

    watch = Watching()
    watch.say = heard  # type: ignore[method-assign]
    done = run(annotations, film, tmp_path / "out", AnsweringModel(reply), watch)
    assert done.ending == "drained"
    assert len(by_id(tmp_path / "out")) == asked[0] == 60 - done.left
    assert asked[0] <= 10
    assert run(annotations, film, tmp_path / "out", ScriptedModel("A")).standing.done == 60


def test_a_second_interrupt_gives_up_at_once(film: Path, tmp_path: Path) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 60)
    never = threading.Event()
    asked = Counter[str]()

    def reply(messages) -> str:
        asked["all"] += 1
        if asked["all"] == 3:
            os.kill(os.getpid(), signal.SIGINT)
            never.wait(30)
        return "A"

    def heard(line: str) -> None:
        if "finishing" in line:
            os.kill(os.getpid(), signal.SIGINT)

    watch = Watching()
    watch.say = heard  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(annotations, film, tmp_path / "out", AnsweringModel(reply), watch, workers=1)
    assert len(by_id(tmp_path / "out")) == 2
    never.set()
    assert run(annotations, film, tmp_path / "out", ScriptedModel("A")).standing.done == 60


def test_the_loop_runs_side_by_side_in_jails_of_one_reserve(
    film: Path, index, tmp_path: Path
) -> None:
    annotations = write_questions(tmp_path / "q.jsonl", 6)

    def reply(messages) -> str:
        seen = sum(message.role == "assistant" for message in messages)
        if not seen:
            return code("mine = 1 if 'mine' not in dir() else 2\nprint(mine, llm_query('well?'))")
        return code("assert mine == 1\nanswer('A', evidence=[(1, 2)], confidence=0.5)")

    done = run(
        annotations, film, tmp_path / "out", AnsweringModel(reply), system="loop", workers=3,
        cache=index._root,
    )  # fmt: skip
    assert done.standing.failures == {}
    for result in read_results(tmp_path / "out"):
        assert (result.choice, result.evidence, result.confidence) == (0, ((1.0, 2.0),), 0.5)
        assert (result.turns, result.sub_calls) in ((2, 1), (3, 1))
        assert result.tool_seconds > 0
    assert len(os.listdir(tmp_path / "out" / TRANSCRIPTS)) == 6
    assert done.header.sandbox_level in ("bubblewrap", "landlock")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["weights"]
