"""The Perception Test (Pătrăucean et al., NeurIPS 2023), multiple-choice questions."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import BaseModel, Field

from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.repackaged import repackaged
from rlm.evaluation.rows import annotation_file, checked, read_json, read_keyed


class _Asked(BaseModel):
    id: int | str
    question: str
    options: list[str]
    answer_id: int | None = Field(default=None, ge=0)
    area: str = ""
    reasoning: str = ""


class _Video(BaseModel):
    mc_question: list[_Asked] = []


class PerceptionTest:
    """By area (memory, abstraction, physics, semantics) and kind of reasoning.

    Where the end of a video gives an answer away, the test videos are cut; those of the other
    splits are not, and this reader does not cut them.
    """

    name = "perception_test"
    about = About(
        title="Perception Test",
        questions=19140,
        metric="accuracy by option, by area and reasoning",
        annotations="mc_question_valid.json or all_valid.json",
        licence="CC-BY-4.0",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["mc_question*.json", "all_*.json"])
        builder = Builder(self.name, videos)
        told = repackaged(path) if isinstance(read_json(path), list) else None
        if told is not None:
            for one in told:
                builder.add(
                    one.where,
                    uid=f"{PurePosixPath(one.video).stem}_{one.row.get('video_id', one.number)}",
                    video=[PurePosixPath(one.video).name],
                    question=one.question,
                    options=one.options,
                    answer=one.answer,
                )
            return builder.done()
        for video, raw in read_keyed(path).items():
            for asked in checked(f"{path}, {video}", raw, _Video).mc_question:
                builder.add(
                    f"{path}, {video}.mc_question, id {asked.id}",
                    uid=f"{video}_{asked.id}",
                    video=[video],
                    question=asked.question,
                    options=asked.options,
                    answer=asked.answer_id,
                    category=asked.area,
                    group=asked.reasoning,
                )
        return builder.done()
