"""EgoSchema (Mangalam et al., NeurIPS 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from rlm.errors import UsageError
from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.rows import annotation_file, read_keyed, read_rows

ANSWERS = "subset_answers.json"


class _Row(BaseModel):
    q_uid: str
    question: str
    option0: str = Field(alias="option 0")
    option1: str = Field(alias="option 1")
    option2: str = Field(alias="option 2")
    option3: str = Field(alias="option 3")
    option4: str = Field(alias="option 4")


class EgoSchema:
    """Five options; the answers of 500 questions are public, the other 4,531 are not scored here.

    ``videorlm eval submit`` writes what the set's server scores.
    """

    name = "egoschema"
    about = About(
        title="EgoSchema",
        questions=5031,
        metric="accuracy by option; 500 answers are public, a server scores the rest",
        annotations=f"questions.json, with {ANSWERS} beside it",
        licence="Ego4D's licence governs the videos",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["questions*.json"])
        beside = path.parent / ANSWERS
        answers = _answers(beside) if beside.is_file() else {}
        builder = Builder(self.name, videos)
        for where, row in read_rows(path, _Row):
            builder.add(
                where,
                uid=row.q_uid,
                video=[row.q_uid],
                question=row.question,
                options=(row.option0, row.option1, row.option2, row.option3, row.option4),
                answer=answers.get(row.q_uid),
                group="public answer" if row.q_uid in answers else "scored by the server",
            )
        return builder.done()


def _answers(path: Path) -> dict[str, int]:
    told: dict[str, Any] = read_keyed(path)
    for uid, answer in told.items():
        if not isinstance(answer, int) or not 0 <= answer <= 4:
            raise UsageError(f"{path}: {uid}: {answer!r} is no index from 0 to 4")
    return told
