"""``videorlm eval``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent.text import counted
from rlm.commands.evaluate_view import (
    as_json,
    failure_words,
    final_table,
    more_json,
    shown,
    view,
)
from rlm.commands.evaluations import report_if_new
from rlm.commands.output import DONE, print_tables, say
from rlm.errors import INTERRUPTED
from rlm.ui.console import Screen

if TYPE_CHECKING:
    from rich.table import Table

    from rlm.evaluation.dataset import DataSet
    from rlm.evaluation.evaluate import Evaluated, Evaluation

UNFINISHED = 1
WORLD_SYSTEMS = ("loop", "blind", "embedding")
"""What ``eval world`` compares, where nothing is named."""


def list_all(json_: bool) -> int:
    """Print the data sets and the systems there are."""
    from rich.table import Table

    from rlm.evaluation.listing import describe, sets
    from rlm.evaluation.systems import SYSTEMS, summary

    if json_:
        rows = [{"name": name, **vars(about)} for name, about in sets()]
        print(json.dumps({"datasets": rows, "systems": {s: summary(s) for s in SYSTEMS}}))
        return DONE
    screen = Screen()
    screen.print(describe())
    systems = Table(box=None, pad_edge=False, header_style="bold")
    systems.add_column("system", no_wrap=True)
    systems.add_column("what it is", overflow="fold")
    for name in SYSTEMS:
        systems.add_row(name, summary(name))
    screen.print()
    screen.print(systems)
    return DONE


def run(wanted: Evaluation, *, json_: bool) -> int:
    """Run or finish an evaluation; progress on stderr, the table on stdout; the exit code."""
    done = _evaluate(wanted)
    standing = done.standing
    if json_:
        told = {"output": str(done.folder), "ending": done.ending, "left": done.left}
        print(json.dumps(told | as_json(standing) | _more(done)))
    else:
        print_tables(final_table([(done.header.system, standing)]), *_other_tables([done]))
    if words := failure_words(standing):
        say(words)
    if wanted.judge and (lacking := standing.open - standing.judged + standing.no_verdict):
        say(
            f"{counted(lacking, 'answer')} without a verdict; to ask again: videorlm eval judge "
            f"{done.folder} --judge {wanted.judge}"
        )
    say(f"results: {done.folder}")
    report_if_new([done.folder], done.folder)
    return _told_ending(done, wanted)


def world(
    films: int,
    minutes: float,
    seed: int,
    systems: Sequence[str],
    wanted: Evaluation,
    *,
    json_: bool,
) -> int:
    """Compare systems on films that are made here; the exit code."""
    from rlm.evaluation.datasets.world import world as make_world

    root = wanted.output or Path("evaluations") / "world"
    place = root / "films"
    data = make_world(
        place, films, minutes, seed, made=lambda done, of: say(f"films: {done} of {of}")
    )
    rows, ended = [], []
    for name in systems or WORLD_SYSTEMS:
        one = replace(
            wanted,
            dataset=data.name,
            annotations=Path(f"{films} films of {minutes:g} minutes from seed {seed} on"),
            videos=place,
            system=name,
            output=root / name,
        )
        done = _evaluate(one, data)
        if done.ending != "finished":
            return _told_ending(done, one)
        rows.append((name, done.standing))
        ended.append(done)
    if json_:
        print(json.dumps({name: as_json(standing) for name, standing in rows}))
    else:
        print_tables(final_table(rows), *_other_tables(ended))
    for name, standing in rows:
        if words := failure_words(standing):
            say(f"{name}: {words}")
    say(f"results: {root}")
    report_if_new([root / name for name, _ in rows], root)
    return DONE


def _more(done: Evaluated) -> dict[str, Any]:
    from rlm.evaluation.saved_run import read_run

    return more_json(read_run(done.folder).summary) if done.standing.more else {}


def _other_tables(ended: Sequence[Evaluated]) -> list[Table]:
    """The scores that runs have beside their accuracy."""
    from rlm.evaluation.report.tables import other_scores
    from rlm.evaluation.saved_run import read_runs

    folders = [done.folder for done in ended if done.standing.more]
    return [shown(table) for table in other_scores(read_runs(folders))]


def _evaluate(wanted: Evaluation, data: DataSet | None = None) -> Evaluated:
    from rlm.evaluation.evaluate import evaluate

    with view(Screen(stderr=True)) as watch:
        return evaluate(wanted, watch, data)


def _told_ending(done: Evaluated, wanted: Evaluation) -> int:
    if done.ending == "finished":
        failed = sum(done.standing.failures.values())
        if failed and not wanted.retry_failed:
            say("the same command with --retry-failed asks what failed again")
        return DONE
    if done.ending == "spent":
        say(
            f"the run may take ${wanted.max_usd:g}, and ${done.header.parameters['max_usd']:g} for "
            f"another question is not left: {done.left} were not asked; give a higher --max-usd"
        )
        return UNFINISHED
    say(f"interrupted with {done.left} questions left; the same command goes on")
    return INTERRUPTED
