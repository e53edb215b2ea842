"""LongVideoBench (Wu et al., NeurIPS 2024), validation."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, Field

from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.repackaged import repackaged
from rlm.evaluation.rows import annotation_file, read_rows

GROUPS = {15: "8-15 s", 60: "15-60 s", 600: "3-10 min", 3600: "15-60 min"}
"""The groups of duration by their longest, in seconds."""

_BELOW = ((15, "8-15 s"), (180, "15-60 s"), (900, "3-10 min"))


class _Row(BaseModel):
    id: str
    video_path: str
    question: str
    candidates: list[str]
    correct_choice: int = Field(ge=0)
    question_category: str = ""
    level: str = ""
    duration_group: int


class LongVideoBench:
    """Grouped by duration, in 17 categories and two levels. Subtitles are not part of the items.

    Raises ``UsageError`` for the test split, whose answers are not public.
    """

    name = "longvideobench"
    about = About(
        title="LongVideoBench",
        questions=1337,
        metric="accuracy by option, by duration group and category",
        annotations="lvb_val.json",
        licence="CC-BY-NC-SA-4.0",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["lvb_val.json"])
        builder = Builder(self.name, videos)
        told = repackaged(path)
        if told is not None:
            for one in told:
                builder.add(
                    one.where,
                    uid=str(one.row.get("problem_id", one.number)),
                    video=[PurePosixPath(one.video).name],
                    question=one.question,
                    options=one.options,
                    answer=one.answer,
                    group=_group(one.row.get("duration")),
                )
            return builder.done()
        for where, row in read_rows(path, _Row):
            builder.add(
                where,
                uid=row.id,
                video=[row.video_path],
                question=row.question,
                options=row.candidates,
                answer=row.correct_choice,
                category="; ".join(filter(None, (row.question_category, row.level))),
                group=GROUPS.get(row.duration_group, f"{row.duration_group} s"),
            )
        return builder.done()


def _group(seconds: Any) -> str:
    """The group of a duration. None is between 61 and 180, or 600 and 900 seconds."""
    if not isinstance(seconds, int | float):
        return ""
    return next((name for most, name in _BELOW if seconds < most), "15-60 min")
