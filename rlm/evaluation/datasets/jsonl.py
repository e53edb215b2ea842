"""Questions of one's own: a JSON object a line."""

from __future__ import annotations

from pathlib import Path

from rlm.errors import UsageError
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.items import read_lines
from rlm.evaluation.rows import annotation_file


class Jsonl:
    """Lines with ``id, video, question, options, answer_index, category, evidence_time``.

    Without ``options``, ``answer`` or ``answers`` are the right texts. ``video`` is a path below
    the folder of videos. An item may tell the ``dataset`` it is from.
    """

    name = "jsonl"
    about = About(
        title="Questions of your own",
        questions=None,
        metric="accuracy by option, or match of a text",
        annotations="a .jsonl file: id, video, question, options, answer_index (from 0) or answer",
        licence="yours",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        if not videos.is_dir():
            raise UsageError(f"there is no folder of videos {videos}")
        items = tuple(
            item.model_copy(
                update={"video": videos / item.video, "dataset": item.dataset or self.name}
            )
            for _, item in read_lines(annotation_file(annotations, ["*.jsonl"]))
        )
        there = {path: path.is_file() for path in {item.video for item in items}}
        missing = {
            item.id: f"there is no file {item.video}" for item in items if not there[item.video]
        }
        return DataSet(self.name, items, missing)
