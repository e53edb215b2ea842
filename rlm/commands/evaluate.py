"""``videorlm eval``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.commands.evaluate_view import as_json, failure_words, final_table, view
from rlm.commands.evaluations import report_if_new
from rlm.commands.output import DONE, say
from rlm.errors import INTERRUPTED
from rlm.ui.console import Screen

if TYPE_CHECKING:
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
        print(json.dumps(told | as_json(standing)))
    else:
        Screen().print(final_table([(done.header.system, standing)]))
    if words := failure_words(standing):
        say(words)
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
    rows = []
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
    if json_:
        print(json.dumps({name: as_json(standing) for name, standing in rows}))
    else:
        Screen().print(final_table(rows))
    for name, standing in rows:
        if words := failure_words(standing):
            say(f"{name}: {words}")
    say(f"results: {root}")
    report_if_new([root / name for name, _ in rows], root)
    return DONE


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
