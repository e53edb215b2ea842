"""Two runs beside each other."""

from __future__ import annotations

import pytest
from made_results import header, result, results, save

from rlm.errors import UsageError
from rlm.evaluation.comparison import compare
from rlm.evaluation.saved_run import read_run, read_runs


@pytest.fixture
def loop(tmp_path):
    return read_run(save(tmp_path / "loop", results(seed=1, level=0.8)))


def test_a_run_beside_itself(loop):
    found = compare(loop, loop)
    assert (found.overall.difference, found.overall.p, found.overall.mcnemar) == (0, 1, 1)
    assert all(part.difference == 0 for part in found.categories.values())
    assert (found.only_first, found.only_second, list(found.settings)) == (0, 0, [])


def test_what_differs_in_answers_and_in_settings(loop, tmp_path):
    about = header(
        system="blind",
        models={"main": "another"},
        prompts={"system": "2" * 64},
        parameters={"repeats": 1, "max_turns": 3, "limit": 40},
        questions=40,
    )
    rows = results(seed=2, level=0.3)[:40]
    found = compare(loop, read_run(save(tmp_path / "blind", rows, about)))
    assert found.overall.first.items == found.overall.second.items == 40
    assert found.overall.difference > 0.2
    assert found.overall.interval[0] > 0
    assert found.overall.p < 0.1
    assert found.overall.only_first > found.overall.only_second
    assert (found.only_first, found.only_second) == (20, 0)
    assert set(found.categories) == {"order", "count", "colour"}
    assert {name: told for name, *told in found.settings} == {
        "system": ["loop", "blind"],
        "models: main": ["openai/some-model", "another"],
        "prompts: system": ["111111111111...", "222222222222..."],
        "max_turns": ["12", "3"],
    }
    same = [row for row in loop.questions if row.asked.id in {each.id for each in rows}]
    assert found.spent["frames"][0].mean == sum(each.frames for each in same) / 40


def test_runs_without_a_common_question_are_refused(loop, tmp_path):
    other = read_run(save(tmp_path / "other", [result("x"), result("y")]))
    with pytest.raises(UsageError, match=r"no scored question in common: .*0-0, 0-1, \.\.\. and x"):
        compare(loop, other)
    changed = read_run(save(tmp_path / "changed", [result("0-0", question="Another?")]))
    with pytest.raises(UsageError, match="'0-0' is another question in each"):
        compare(loop, changed)


def test_runs_are_named_by_what_tells_them_apart(tmp_path):
    about = [header(), header(system="blind"), header(models={"main": "another"})]
    saved = [save(tmp_path / str(n), results(), each) for n, each in enumerate(about)]
    assert [run.name for run in read_runs(saved[:2])] == ["loop", "blind"]
    names = [run.name for run in read_runs(saved)]
    assert names == ["loop, openai/some-model", "blind, openai/some-model", "loop, another"]
    twice = save(tmp_path / "again", results())
    assert [run.name for run in read_runs([saved[0], twice])] == ["0", "again"]


def test_a_run_without_results_is_told(tmp_path):
    with pytest.raises(UsageError, match="has no result yet"):
        read_run(save(tmp_path / "empty", []))
    with pytest.raises(UsageError, match="holds no run"):
        read_run(tmp_path)
