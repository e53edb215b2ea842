"""A run that is on disk, read whole: what reports and comparisons are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlm.errors import UsageError
from rlm.evaluation.folder import read_header, read_results
from rlm.evaluation.results import RunHeader
from rlm.evaluation.summary import Question, Summary, questions_of, summarize


@dataclass(frozen=True)
class SavedRun:
    """A run, ``name`` being what tells it apart from those beside it.

    ``questions`` are in the order of the data set.
    """

    folder: Path
    name: str
    header: RunHeader
    questions: Sequence[Question]
    summary: Summary

    @property
    def model(self) -> str:
        """The models it was run with, in words."""
        return ", ".join(dict.fromkeys(self.header.models.values())) or "none"


def read_run(folder: Path) -> SavedRun:
    """The run in a folder.

    Raises ``UsageError`` when there is none, or nothing has been asked yet.
    """
    header = read_header(folder)
    rows = sorted(read_results(folder), key=lambda row: (row.place, row.repeat))
    questions = questions_of(rows)
    if not questions:
        raise UsageError(f"{folder} has no result yet")
    return SavedRun(folder, header.system, header, questions, summarize(questions))


def read_runs(folders: Sequence[Path]) -> list[SavedRun]:
    """Several, each named by what they differ in: system, model, or else the folder.

    Raises ``UsageError`` as :func:`read_run`.
    """
    runs = [read_run(folder) for folder in folders]
    for names in (
        [run.header.system for run in runs],
        [f"{run.header.system}, {run.model}" for run in runs],
        [run.folder.resolve().name for run in runs],
        [str(run.folder) for run in runs],
    ):
        if len(set(names)) == len(runs):
            break
    return [
        SavedRun(run.folder, name, run.header, run.questions, run.summary)
        for run, name in zip(runs, names, strict=True)
    ]
