"""NExT-QA, multiple choice (Xiao et al., CVPR 2021)."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.rows import annotation_file, read_keyed, read_rows

TYPES = {"C": "causal", "T": "temporal", "D": "descriptive"}
"""What the first of the two letters of a type stands for."""

MAP = "map_vid_vidorID.json"


class _Row(BaseModel):
    video: str
    question: str
    answer: int = Field(ge=0, le=4)
    qid: str
    type: str = Field(pattern="^(CW|CH|TN|TC|TP|DC|DL|DO)$")
    a0: str
    a1: str
    a2: str
    a3: str
    a4: str


class NextQA:
    """``answer`` is an index; a video lies in the folder that the map of the repository tells."""

    name = "nextqa"
    about = About(
        title="NExT-QA",
        questions=8564,
        metric="accuracy by option",
        annotations=f"val.csv (4,996 questions) or test.csv, with {MAP} beside it",
        licence="MIT; the videos are VidOR's (YFCC100M)",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["val.csv", "test.csv"], ["", "dataset/nextqa"])
        beside = path.parent / MAP
        where_is = read_keyed(beside) if beside.is_file() else {}
        builder = Builder(self.name, videos)
        for where, row in read_rows(path, _Row):
            names = [row.video]
            if row.video in where_is:
                names.insert(0, str(where_is[row.video]))
            builder.add(
                where,
                uid=f"{row.video}_{row.qid}",
                video=names,
                question=row.question,
                options=(row.a0, row.a1, row.a2, row.a3, row.a4),
                answer=row.answer,
                category=row.type,
                group=TYPES[row.type[0]],
            )
        return builder.done()
