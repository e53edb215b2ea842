"""``report.md``: the numbers of a report, for a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rlm.agent.text import one_line
from rlm.evaluation.report import tables
from rlm.evaluation.report.tables import Table
from rlm.evaluation.saved_run import SavedRun
from rlm.evaluation.summary import headline
from rlm.ui.console import clean

_MARKUP = re.compile(r"([\\`*|<>\[\]])")


def report_text(runs: Sequence[SavedRun]) -> str:
    """The report as Markdown."""
    return "\n".join(_lines(runs))


def title(runs: Sequence[SavedRun]) -> str:
    """What a report is about."""
    sets = ", ".join(dict.fromkeys(run.header.dataset for run in runs))
    if len(runs) > 1:
        return f"{sets}: {len(runs)} runs"
    run = runs[0]
    model = f" with {run.model}" if run.header.models else ""
    return f"{sets}: {run.header.system}{model}"


def as_markdown(table: Table) -> str:
    """A table with what would be markup escaped."""
    marks = ["---" if place < table.words else "--:" for place in range(len(table.head))]
    return "\n".join(map(_row, (table.head, marks, *table.rows)))


def _lines(runs: Sequence[SavedRun]) -> Iterator[str]:
    yield f"# {_plain(title(runs))}\n"
    for run in runs:
        name = f"{_plain(run.name)}: " if len(runs) > 1 else ""
        metric, words = headline(run.summary)
        yield f"{name}{metric.lower()} {words}\n"
    parts = [
        tables.overview(runs),
        *tables.part_tables(runs),
        *tables.other_scores(runs),
        tables.calibration_table(runs),
        tables.failure_table(runs),
    ]
    for table in filter(None, parts):
        yield from _section(table, table.title)
    for run in runs:
        name = f" of {run.name}" if len(runs) > 1 else ""
        for table in (tables.spent_table(run), tables.settings_table(run)):
            yield from _section(table, table.title + name)


def _section(table: Table, title: str) -> Iterator[str]:
    yield f"## {_plain(title)}\n"
    yield as_markdown(table)
    yield f"\n{table.note}\n" if table.note else ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(words: str) -> str:
    return _MARKUP.sub(r"\\\1", one_line(clean(words)))
