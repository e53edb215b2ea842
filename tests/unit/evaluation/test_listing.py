"""The table of sets, on the terminal and in docs/evaluation.md."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from rlm.evaluation.dataset import DATASETS
from rlm.evaluation.listing import as_markdown, describe

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "evaluation.md"


def test_every_set_is_in_the_table() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(describe())
    lines = capture.get().splitlines()
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names[1:] == [*DATASETS, "world"]
    assert len(lines) <= 1 + 2 * len(names[1:])


def test_the_document_has_the_table() -> None:
    text = DOCUMENT.read_text()
    assert f"<!-- sets:begin -->\n{as_markdown()}\n<!-- sets:end -->" in text
