"""TOMATO (Shangguan et al., ICLR 2025): temporal reasoning in six kinds."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from rlm.errors import UsageError
from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.rows import checked, read_keyed

TYPES = ("count", "direction", "rotation", "shape&trend", "velocity&frequency", "visual_cues")


class _Row(BaseModel):
    question: str
    options: list[str]
    answer: int = Field(ge=0)
    key: str
    motion_type: str
    demonstration_type: str


class Tomato:
    """``answer`` is an index, ``key`` the name of a video in the folder of its demonstration."""

    name = "tomato"
    about = About(
        title="TOMATO",
        questions=1484,
        metric="accuracy by option, by type and demonstration (chance is about 22%)",
        annotations="the folder data/ with one file a type, or one of its files",
        licence="research use",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        builder = Builder(self.name, videos)
        for path in _files(annotations):
            for number, raw in read_keyed(path).items():
                where = f"{path}, {number}"
                row = checked(where, raw, _Row)
                builder.add(
                    where,
                    uid=f"{path.stem}-{number}",
                    video=[f"{row.demonstration_type}/{row.key}"],
                    question=row.question,
                    options=row.options,
                    answer=row.answer,
                    category=row.motion_type,
                    group=row.demonstration_type,
                )
        return builder.done()


def _files(annotations: Path) -> list[Path]:
    if annotations.is_file():
        return [annotations]
    for folder in (annotations, annotations / "data"):
        there = [folder / f"{name}.json" for name in TYPES if (folder / f"{name}.json").is_file()]
        if there:
            return there
    raise UsageError(f"there is none of TOMATO's files, such as count.json, in {annotations}")
