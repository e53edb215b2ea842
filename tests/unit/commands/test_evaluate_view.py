"""The lines of an evaluation that nobody watches on a terminal."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from evaluating import result

from rlm.commands.evaluate_view import final_table, view
from rlm.commands.output import print_tables
from rlm.evaluation.runner import Run
from rlm.evaluation.standing import Standing
from rlm.ui.console import Screen


def under_way(done: int, of: int, workers: int, seconds: float) -> SimpleNamespace:
    standing = Standing()
    for number in range(done):
        standing.add(result(f"q{number}", score=1.0))
    run = SimpleNamespace(
        standing=standing, total=of, workers=workers, jobs=range(of), _done_before=0,
        began=time.monotonic() - seconds,
    )  # fmt: skip
    run.seconds_left = Run.seconds_left.fget(run)
    return run


def test_the_last_result_is_told_however_soon_it_follows(capsys) -> None:
    with view(Screen(stderr=True)) as lines:
        for number in range(3):
            lines.finished(result(f"q{number}", score=1.0))
            lines.tick(under_way(number + 1, 3, 1, 1))
    assert capsys.readouterr().err.splitlines()[-1] == "3/3 \u00b7 accuracy 1.000 \u00b7 q2 right"


@pytest.mark.parametrize(("done", "workers", "left"), [(1, 1, 790), (1, 8, 98.75), (40, 8, 10)])
def test_the_time_left_counts_what_all_workers_are_at(done: int, workers: int, left: float) -> None:
    assert under_way(0, 80, workers, 10).seconds_left is None
    assert under_way(done, 80, workers, 10).seconds_left == pytest.approx(left, rel=0.1)


def test_a_table_that_is_piped_ends_no_line_in_spaces_and_is_not_cut(capsys) -> None:
    standing = under_way(2, 2, 1, 1).standing
    standing.add(result("half", score=0.5))
    table = final_table([("a-system-with-a-name-" * 6, standing)])
    print_tables(table, table)
    first, second = capsys.readouterr().out.split("\n\n")
    assert first + "\n" == second
    assert all(line == line.rstrip() for line in first.splitlines())
    assert ("-with-a-name- " in first, "2.5/3" in first, "one video" in first) == (True,) * 3
