"""MLVU (Zhou et al., CVPR 2025), development split."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from rlm.errors import UsageError
from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.repackaged import repackaged
from rlm.evaluation.rows import read_rows

FILES = {
    "1_plotQA": "plotQA",
    "2_needle": "findNeedle",
    "3_ego": "ego",
    "4_count": "count",
    "5_order": "order",
    "6_anomaly_reco": "anomaly_reco",
    "7_topic_reasoning": "topic_reasoning",
    "8_sub_scene": "subPlot",
    "9_summary": "summary",
}
"""The annotation files, which are also the folders of the videos, and their question types."""

GENERATION = frozenset({"subPlot", "summary"})


class _Row(BaseModel):
    video: str
    question: str
    candidates: list[str] = []
    answer: str
    question_type: str


class Mlvu:
    """Seven multiple-choice tasks, and two of generation that only a judge can score."""

    name = "mlvu"
    about = About(
        title="MLVU (dev)",
        questions=2593,
        metric="mean of the accuracies of 7 tasks; a judge for 2 tasks of generation",
        annotations="the folder json/ with one file a task, or one of its files",
        licence="CC-BY-NC-SA-4.0",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        builder = Builder(self.name, videos)
        if annotations.is_file() and annotations.stem not in FILES:
            told = repackaged(annotations)
            if told is None:
                raise UsageError(f"{annotations} is none of MLVU's files: {', '.join(FILES)}")
            for one in told:
                builder.add(
                    one.where,
                    uid=str(one.row.get("problem_id", one.number)),
                    video=_names(*one.folders(2)[-2:]),
                    question=one.question,
                    options=one.options,
                    answer=one.answer,
                    category=one.field("question_type"),
                    group="multiple choice",
                )
            return builder.done()
        for path in _files(annotations):
            for number, (where, row) in enumerate(read_rows(path, _Row)):
                made = row.question_type in GENERATION
                builder.add(
                    where,
                    uid=f"{row.question_type}-{number}",
                    video=_names(path.stem, row.video),
                    question=row.question,
                    options=row.candidates,
                    answer=None if made else row.answer,
                    answers=(row.answer,) if made else (),
                    category=row.question_type,
                    group="generation" if made else "multiple choice",
                )
        return builder.done()


def _files(annotations: Path) -> list[Path]:
    if annotations.is_file():
        return [annotations]
    for folder in (annotations, annotations / "json", annotations / "MLVU" / "json"):
        there = [folder / f"{name}.json" for name in FILES if (folder / f"{name}.json").is_file()]
        if there:
            return there
    raise UsageError(f"there is none of MLVU's files, such as 1_plotQA.json, in {annotations}")


def _names(folder: str, video: str) -> list[str]:
    """Folders are named as the files; in later copies without the number."""
    return [f"{folder}/{video}", f"{folder.partition('_')[2]}/{video}"]
