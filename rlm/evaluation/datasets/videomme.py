"""Video-MME (Fu et al., CVPR 2025)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, Field

from rlm.errors import UsageError
from rlm.evaluation.build import Builder, letter_index, without_letters
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.repackaged import Repackaged, repackaged
from rlm.evaluation.rows import annotation_file, checked, raw_rows

Duration = Literal["short", "medium", "long"]
"""Under 2.5 minutes, 4 to 20 minutes, 30 to 60 minutes."""


class _Row(BaseModel):
    videoID: str  # noqa: N815 - the set's own name
    duration: Duration
    domain: str
    sub_category: str
    question_id: str
    task_type: str
    question: str
    options: list[str]
    answer: str


class _Asked(BaseModel):
    question_id: str
    task_type: str
    question: str
    options: list[str]
    answer: str


class _Video(BaseModel):
    video_id: str
    videoID: str = ""  # noqa: N815 - the set's own name
    duration: Duration
    domain: str
    sub_category: str
    questions: list[_Asked] = Field(min_length=1)


class VideoMME:
    """Grouped by duration; a question's categories are task type, domain and sub-category."""

    name = "videomme"
    about = About(
        title="Video-MME",
        questions=2700,
        metric="accuracy by option, by duration (short, medium, long)",
        annotations="the rows of the published table as .json or .jsonl",
        licence="academic research only; the videos are YouTube's",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["*.jsonl", "videomme*.json", "test*.json"])
        builder = Builder(self.name, videos)
        told = repackaged(path)
        if told is not None:
            for one in told:
                _add_repackaged(builder, one)
            return builder.done()
        for where, row in _rows(path):
            builder.add(
                where,
                uid=row.question_id,
                video=[row.videoID],
                question=row.question,
                options=without_letters(where, row.options),
                answer=letter_index(where, row.answer),
                category=_category(row.task_type, row.domain, row.sub_category),
                group=row.duration,
            )
        return builder.done()


def _rows(path: Path) -> Iterator[tuple[str, _Row]]:
    """Rows of one question, or of one video with its questions as the set's template has them."""
    for where, raw in raw_rows(path):
        if not isinstance(raw, dict) or "questions" not in raw:
            yield where, checked(where, raw, _Row)
            continue
        video = checked(where, raw, _Video)
        shared = {
            "videoID": video.videoID or video.video_id,
            "duration": video.duration,
            "domain": video.domain,
            "sub_category": video.sub_category,
        }
        for asked in video.questions:
            yield where, _Row(**shared, **asked.model_dump())  # type: ignore[arg-type]


def _category(*labels: Any) -> str:
    return "; ".join(str(label) for label in labels if label)


def _add_repackaged(builder: Builder, one: Repackaged) -> None:
    row = one.row
    video = PurePosixPath(one.video).stem or str(row.get("videoID", ""))
    builder.add(
        one.where,
        uid=str(row.get("question_id") or f"{video}-{one.part + 1}"),
        video=[video],
        question=one.question,
        options=one.options,
        answer=one.answer,
        category=_category(
            row.get("task_type") or row.get("question_type"),
            row.get("domain"),
            row.get("sub_category"),
        ),
        group=row.get("duration_category") or _duration(one.where, row.get("duration")),
    )


def _duration(where: str, seconds: Any) -> Duration:
    if not isinstance(seconds, int | float):
        raise UsageError(f"{where}: duration: {seconds!r} is no number of seconds")
    return "short" if seconds < 180 else "medium" if seconds < 1500 else "long"
