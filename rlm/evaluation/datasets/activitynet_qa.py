"""ActivityNet-QA (Yu et al., AAAI 2019): open-ended questions."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from rlm.errors import UsageError
from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.rows import annotation_file, companion, read_rows

TYPES = (
    "motion",
    "spatial relationship",
    "temporal relationship",
    "yes/no",
    "color",
    "object",
    "location",
    "number",
    "other",
)
"""By the set's number from 0; from the fourth on questions are free, told by their answer."""


class _Question(BaseModel):
    video_name: str
    question: str
    question_id: str


class _Answer(BaseModel):
    answer: str
    type: int = Field(ge=0, le=8)
    question_id: str


class ActivityNetQA:
    """Questions in one file, answers in another beside it."""

    name = "activitynet_qa"
    about = About(
        title="ActivityNet-QA",
        questions=8000,
        metric="normalised match of open answers, or a judge, by type",
        annotations="test_q.json (or val_q.json, train_q.json) with test_a.json beside it",
        licence="Apache-2.0 (its README says MIT, non-commercial)",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["*_q.json"], ["", "dataset"])
        beside = companion(path, path.name.replace("_q.json", "_a.json"), "the answers")
        answers = {row.question_id: row for _, row in read_rows(beside, _Answer)}
        builder = Builder(self.name, videos)
        for where, row in read_rows(path, _Question):
            right = answers.get(row.question_id)
            if right is None:
                raise UsageError(f"{where}: question_id: {beside.name} has no {row.question_id!r}")
            builder.add(
                where,
                uid=row.question_id,
                video=[f"v_{row.video_name}", row.video_name],
                question=row.question,
                answers=(right.answer,),
                category=TYPES[right.type],
                group="free" if right.type >= 3 else TYPES[right.type],
            )
        return builder.done()
