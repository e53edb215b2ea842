"""What a user gets of evaluations that are done: report, comparison, calibrator, and its use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Cli
from made_results import header, result, results, save
from model_server import serve

from rlm.evaluation.calibration import fit
from rlm.evaluation.folder import read_header, read_results


@pytest.fixture
def cli(tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, capfd, cache=cache, transcripts=tmp_path / "kept")


def test_a_run_ends_with_its_report_and_calibrated_answers(
    cli: Cli, film: Path, tmp_path: Path
) -> None:
    about = header(models={"main": "builtin"})
    calibrator = tmp_path / "calibrator.json"
    fitted = fit(results(), about, "made")
    calibrator.write_text(fitted.model_dump_json())
    words = ("eval", "jsonl", "--annotations", film / "questions.jsonl", "--videos", film)
    words += ("--model", "builtin", "--preset", "builtin", "--limit", 2, "--output", "run")
    first = cli(*words, "--calibrator", calibrator)
    assert first.returncode == 0, first.stderr
    assert "report: run/report.html" in first.stderr
    out = tmp_path / "run"
    for row in read_results(out):
        assert row.calibrated == fitted(row.confidence) is not None
    assert read_header(out).parameters["calibrator"] == fitted.sha256
    page = out / "report.html"
    assert "of its transcript" in page.read_text()
    page.write_text("mine")
    assert cli(*words, "--calibrator", calibrator).returncode == 0
    assert page.read_text() == "mine"  # there was nothing new to tell
    other = cli(*words)
    assert other.returncode == 2
    assert "calibrator" in other.stderr

    made = cli("eval", "report", "run", "--pages")
    assert (made.returncode, made.stdout.strip()) == (0, "run/report.html")
    links = [path.name for path in (out / "pages").iterdir()]
    assert len(links) == 2
    assert all(f'href="pages/{name}"' in page.read_text() for name in links)

    both = cli("eval", "compare", "run", "run", "--json")
    told = json.loads(both.stdout)["overall"]
    assert (told["difference"], told["mcnemar"], told["first"]["items"]) == (0, 1, 2)


def test_two_runs_are_compared_and_one_calibrates(cli: Cli, tmp_path: Path) -> None:
    save(tmp_path / "a", results(seed=1, level=0.8))
    save(tmp_path / "b", results(seed=2, level=0.3), header(system="blind"))
    done = cli("eval", "compare", "a", "b")
    assert done.returncode == 0, done.stderr
    for words in ("A: loop with openai/some-model", "A less B: +", "McNemar", "colour", "blind"):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    fitted = cli("eval", "calibrate", "a", "-o", "c.json")
    assert (fitted.returncode, fitted.stdout.strip()) == (0, "c.json")
    assert "held out: Brier" in fitted.stderr
    assert json.loads((tmp_path / "c.json").read_text())["model"] == "openai/some-model"
    several = cli("eval", "report", "a", "b", "-o", "both")
    assert (several.returncode, several.stdout.strip()) == (0, "both/report.html")


def test_open_answers_are_judged_over_a_real_endpoint(cli: Cli, tmp_path: Path) -> None:
    said = {"a red ring": "yes 5", "a cross": "Perhaps.", "a blue ring": "**No**, 1."}

    def reply(body: dict) -> str:
        words = json.dumps(body["messages"])
        return next(step for answer, step in said.items() if f"<<<\\n{answer}" in words)

    rows = [
        result(
            name, options=(), answer_index=None, choice=None, answers=("red ring",), answer=answer,
            metric="text", right=False,
        )
        for name, answer in zip("abc", said, strict=True)
    ]  # fmt: skip
    save(tmp_path / "run", rows)
    with serve(reply) as server:
        words = ("eval", "judge", "run", "--judge", "openai/desk", "--api-base", server.url)
        done = cli(*words)
        said["a cross"] = "no 0"
        again = cli(*words)
    assert done.returncode == 0, done.stderr
    assert "judged 3 of 3 answers, 1 without a verdict" in done.stderr
    assert "1 (33.3%)" in done.stdout
    assert "judged 1 of 1 answer, 0 without a verdict" in again.stderr
    verdicts = {row.id: row.judged.right for row in read_results(tmp_path / "run")}
    assert verdicts == {"a": True, "b": False, "c": False}
    assert "0 (0.0%)" in (tmp_path / "run" / "report.html").read_text()


def test_a_run_is_submitted(cli: Cli, tmp_path: Path) -> None:
    failed = result("b", right=False, choice=None, failure={"kind": "model", "message": "gone"})
    save(tmp_path / "run", [failed, result("a")], header(dataset="egoschema"))
    (tmp_path / "run" / "results.jsonl").write_text(
        (tmp_path / "run" / "results.jsonl").read_text().replace('"made"', '"egoschema"')
    )
    done = cli("eval", "submit", "egoSchema", "run")
    assert (done.returncode, done.stdout.strip()) == (0, "run/submission.json")
    assert json.loads((tmp_path / "run" / "submission.json").read_text()) == {"a": 1, "b": 0}
    assert "1 question without an answer: the form has no place for them" in done.stderr
    assert "5,029 questions of the set are not in this run" in done.stderr
    other = cli("eval", "submit", "VideoMME", "run")
    assert (other.returncode, len(other.stderr.splitlines())) == (2, 1)


def test_what_cannot_be_done_is_one_line(cli: Cli, tmp_path: Path) -> None:
    save(tmp_path / "a", results(3, 2))
    done = cli("eval", "compare", "a", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere holds no run" in done.stderr
    assert len(done.stderr.splitlines()) == 1
