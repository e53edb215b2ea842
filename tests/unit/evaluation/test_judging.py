"""Open answers and their judge: what is written down, what counts, what is asked again."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluating import run, write_questions
from made_results import header, result, save
from scripted import AnsweringModel, ScriptedModel

from rlm.config import Config
from rlm.errors import MissingKey, ModelUnavailable, UsageError
from rlm.evaluation.folder import RESULTS, dollars, read_header, read_results
from rlm.evaluation.judge import Judge
from rlm.evaluation.judging import judge_run, make_judge
from rlm.evaluation.report import write_report
from rlm.evaluation.saved_run import read_run
from rlm.evaluation.summary import summary


def questions(folder: Path, count: int) -> Path:
    """Open ones, and one with options."""
    file = write_questions(folder / "q.jsonl", count, options=[], answer_index=None, answer="ring")
    choice = write_questions(folder / "c.jsonl", 1, id="choice").read_text()
    file.write_text(file.read_text() + choice)
    return file


def says(messages) -> str:
    """Right where the question is 0 or 1; the judge is silent about 2."""
    asked = messages[0].text
    return "Well." if "it 2?" in asked else "yes 4" if "it 0?" in asked else "no 1"


def model() -> AnsweringModel:
    return AnsweringModel(lambda messages: "A" if "Options" in messages[0].text else "a circle")


def test_a_verdict_stands_beside_the_match_and_counts(tmp_path: Path) -> None:
    judge = AnsweringModel(says)
    judge.name = "judge"
    done = run(questions(tmp_path, 4), tmp_path, tmp_path / "out", model(), judge=judge)
    rows = {row.id: row for row in read_results(tmp_path / "out")}
    assert rows["choice"].judged is None
    assert [rows[f"q{n}"].judged.right for n in range(4)] == [True, False, None, False]
    assert (rows["q0"].correct, rows["q0"].score, rows["q0"].right) == (False, 0.0, True)
    assert (rows["q0"].usd, rows["q0"].judged.usd, rows["q2"].judged.usd) == (0.01, 0.01, 0.02)
    assert rows["q2"].judged.why == "no verdict in the reply 'Well.'"
    standing = done.standing
    assert (standing.open, standing.judged, standing.no_verdict) == (4, 4, 1)
    assert (standing.right, standing.usd) == (2.0, pytest.approx(0.05))
    assert standing.judge_usd == pytest.approx(0.05)
    told = summary(rows.values())
    assert told.accuracy.mean == pytest.approx(2 / 5)
    it = told.judgement
    assert (it.models, it.answers, it.asked, it.failed, it.failure_rate) == (
        ("judge",), 4, 4, 1, 0.25,
    )  # fmt: skip
    assert (it.right.mean, it.matched.mean, it.agreement) == (pytest.approx(1 / 3), 0.0, 2.0)
    assert read_header(tmp_path / "out").sittings[0].judge == "judge"
    page = write_report([read_run(tmp_path / "out")], tmp_path / "report").read_text()
    assert "1 (25.0%)" in page


def test_a_finished_run_is_judged_and_what_has_no_verdict_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(questions(tmp_path, 4), tmp_path, out, model())
    assert dollars(out) == pytest.approx(0.05)
    first = judge_run(out, Judge(AnsweringModel(says)))
    assert (first.answers, first.done, first.failed) == (4, 4, 1)
    assert len(list(read_results(out))) == 5
    assert dollars(out) == pytest.approx(0.05 + 0.05)
    again = ScriptedModel("yes 5")
    assert judge_run(out, Judge(again)).answers == len(again.sent) == 1
    assert summary(read_results(out)).accuracy.mean == pytest.approx(3 / 5)
    assert judge_run(out, Judge(again)).answers == 0
    again.name = "another"
    assert judge_run(out, Judge(again)).done == 4
    asked = ScriptedModel("A")
    assert run(questions(tmp_path, 4), tmp_path, out, asked).standing.right == 5
    assert not asked.sent  # the same run, and nothing of it is left


def test_dollars_of_the_judge_count(tmp_path: Path) -> None:
    file, out = questions(tmp_path, 9), tmp_path / "out"
    # A question takes 0.01 and its verdict 0.01; set aside are 0.01 and two calls of the judge.
    given = {"max_usd": 0.1, "item_usd": 0.01, "judge": ScriptedModel("no 0")}
    done = run(file, tmp_path, out, model(), **given)
    assert (done.ending, done.standing.done) == ("spent", 4)
    assert dollars(out) == pytest.approx(0.08)
    assert run(file, tmp_path, out, model(), **given).standing.done == 4
    with pytest.raises(UsageError, match="price of scripted is unknown"):
        run(file, tmp_path, out, model(), **given | {"judge": ScriptedModel("no 0", usd=None)})
    run(file, tmp_path, tmp_path / "later", model())
    part = judge_run(tmp_path / "later", Judge(ScriptedModel("no 0")), 2, 0.05)
    assert (part.answers, part.done) == (9, 4)


def test_a_judge_whose_key_is_refused_loses_no_answer(tmp_path: Path) -> None:
    file, out = questions(tmp_path, 6), tmp_path / "out"
    refused = ScriptedModel(MissingKey("scripted refused the key"))
    with pytest.raises(MissingKey):
        run(file, tmp_path, out, model(), judge=refused, workers=1)
    assert [row.judged for row in read_results(out)] == [None]
    run(file, tmp_path, out, model())
    kept = (out / RESULTS).read_bytes()
    with pytest.raises(MissingKey):
        judge_run(out, Judge(refused))
    assert (out / RESULTS).read_bytes() == kept
    mixed = ScriptedModel("yes 5", "yes 5", MissingKey("it ran out"))
    with pytest.raises(MissingKey):
        judge_run(out, Judge(mixed), 1)
    assert sum(row.judged is not None for row in read_results(out)) == 2


def test_a_judge_that_is_down_is_counted(tmp_path: Path) -> None:
    down = ScriptedModel(ModelUnavailable("it is down"))
    done = run(questions(tmp_path, 3), tmp_path, tmp_path / "out", model(), judge=down)
    assert (done.ending, done.standing.no_verdict) == ("finished", 3)


def test_what_cannot_be_judged_is_one_line(tmp_path: Path) -> None:
    save(tmp_path / "r", [result()], header())
    with pytest.raises(UsageError, match="no answers for a judge"):
        judge_run(tmp_path / "r", Judge(ScriptedModel("yes 5")))
    with pytest.raises(UsageError, match="builtin can judge no answers"):
        make_judge("builtin", None, Config(), 1)
