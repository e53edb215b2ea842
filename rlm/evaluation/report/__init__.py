"""What is made of the folder of a run: a page, a text, a table.

::

    results.jsonl ─> summary ─┬─> report.html   plots, questions, links to transcripts (page.py)
                              ├─> report.md     the numbers in a text                  (text.py)
                              └─> results.csv   a row for each time a question was asked (table.py)

Several folders give one report in which they stand beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlm.evaluation.report.page import report_page
from rlm.evaluation.report.table import results_table
from rlm.evaluation.report.text import report_text
from rlm.evaluation.report.transcripts import PAGES, write_pages
from rlm.evaluation.saved_run import SavedRun, read_run

PAGE, TEXT, TABLE = "report.html", "report.md", "results.csv"

__all__ = ["PAGE", "PAGES", "TABLE", "TEXT", "SavedRun", "read_run", "write_pages", "write_report"]


def write_report(runs: Sequence[SavedRun], output: Path) -> Path:
    """Write all three about ``runs`` into the folder ``output``; the page.

    Links go to transcripts' pages that are in ``output`` already. Raises ``OSError`` when one of
    them cannot be written; there is the one from before, then.
    """
    output.mkdir(parents=True, exist_ok=True)
    _write(output / TEXT, report_text(runs))
    _write(output / TABLE, results_table(runs))
    _write(output / PAGE, report_page(runs, output))
    return output / PAGE


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f"{file.name}.part")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(file)
