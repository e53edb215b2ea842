"""The sets as a table: ``videorlm eval --list``, and docs/evaluation.md."""

from __future__ import annotations

from rich.table import Table

from rlm.evaluation.dataset import DATASETS, About, load_reader
from rlm.evaluation.datasets import world

HEADS = ("name", "set", "questions", "metric", "--annotations", "licence")


def sets() -> list[tuple[str, About]]:
    """Each set by its short name, in the order it is listed; the one made here comes last."""
    return [*((name, load_reader(name).about) for name in DATASETS), (world.NAME, world.ABOUT)]


def describe() -> Table:
    """The table that ``videorlm eval --list`` prints: what fits beside names that are typed."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(HEADS[0], no_wrap=True)
    table.add_column(HEADS[2], justify="right", no_wrap=True)
    table.add_column(HEADS[4], overflow="fold")
    for name, _, questions, _, wanted, _ in _rows():
        table.add_row(name, questions, wanted)
    return table


def as_markdown() -> str:
    """The same table for docs/evaluation.md."""
    lines = [HEADS, ("---",) * len(HEADS), *_rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows() -> list[tuple[str, ...]]:
    return [
        (
            name,
            about.title,
            "" if about.questions is None else f"{about.questions:,}",
            about.metric,
            about.annotations,
            about.licence,
        )
        for name, about in sets()
    ]
