"""MVBench (Li et al., CVPR 2024): 20 tasks of 200 questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat

from rlm.errors import UsageError
from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.repackaged import Repackaged, repackaged
from rlm.evaluation.rows import read_rows

TASKS = {
    "action_antonym": "ssv2_video",
    "action_count": "perception/videos",
    "action_localization": "sta/sta_video",
    "action_prediction": "star/Charades_v1_480",
    "action_sequence": "star/Charades_v1_480",
    "character_order": "perception/videos",
    "counterfactual_inference": "clevrer/video_validation",
    "egocentric_navigation": "vlnqa",
    "episodic_reasoning": "tvqa/frames_fps3_hq",
    "fine_grained_action": "Moments_in_Time_Raw/videos",
    "fine_grained_pose": "nturgbd",
    "moving_attribute": "clevrer/video_validation",
    "moving_count": "clevrer/video_validation",
    "moving_direction": "clevrer/video_validation",
    "object_existence": "clevrer/video_validation",
    "object_interaction": "star/Charades_v1_480",
    "object_shuffle": "perception/videos",
    "scene_transition": "scene_qa/video",
    "state_change": "perception/videos",
    "unexpected_action": "FunQA_test/test",
}
"""The folder of each task's videos, in the order of the annotation files."""

EACH = 200
"""Questions a task."""


class _Row(BaseModel):
    video: str
    question: str
    candidates: list[str]
    answer: str
    start: FiniteFloat | None = None
    end: FiniteFloat | None = None


class MVBench:
    """One JSON file a task; ``start`` and ``end`` bound the part that a question is about.

    Videos lie in one folder a source, and different videos of two sources share names, so that the
    folders have to be kept. Those of TVQA (episodic reasoning) are published as folders of frames
    at 3 a second: an item counts as missing until they are joined into a video of the same name.
    """

    name = "mvbench"
    about = About(
        title="MVBench",
        questions=4000,
        metric="accuracy by option, mean of 20 tasks",
        annotations="the folder json/ with one file a task, or one of its files",
        licence="MIT; the videos keep the licences of their sources",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        builder = Builder(self.name, videos)
        if annotations.is_file() and annotations.stem not in TASKS:
            told = repackaged(annotations)
            if told is None:
                raise UsageError(f"{annotations} is none of MVBench's tasks: {', '.join(TASKS)}")
            for one in told:
                _add_repackaged(builder, one, len(told))
            return builder.done()
        for path in _task_files(annotations):
            for number, (where, row) in enumerate(read_rows(path, _Row)):
                bounds = None if row.start is None or row.end is None else (row.start, row.end)
                builder.add(
                    where,
                    uid=f"{path.stem}-{number}",
                    video=_names(path.stem, row.video),
                    question=row.question,
                    options=row.candidates,
                    answer=row.answer,
                    category=path.stem,
                    span=bounds,
                )
        return builder.done()


def _task_files(annotations: Path) -> list[Path]:
    if annotations.is_file():
        return [annotations]
    for folder in (annotations, annotations / "json"):
        paths = [folder / f"{task}.json" for task in TASKS]
        there = [path for path in paths if path.is_file()]
        if there:
            return there
    raise UsageError(f"there is none of MVBench's 20 files, such as {paths[0].name}, in {folder}")


def _names(task: str, video: str) -> list[str]:
    """The sub-folder that a row may name (``left/x.mp4``) lies in the task's."""
    name = f"{TASKS[task]}/{video}"
    if task == "fine_grained_pose":
        return [name, f"nturgbd_convert/{video}"]
    return [name]


def _add_repackaged(builder: Builder, one: Repackaged, rows: int) -> None:
    """Files of all tasks tell none of them, but stand in the order of the tasks."""
    task = list(TASKS)[one.number // EACH] if rows == len(TASKS) * EACH else ""
    parts = one.folders(2)
    source = TASKS[task].split("/")[0] if task else parts[-2]
    begins = [place for place, part in enumerate(parts) if part.startswith(source)]
    if not begins:
        raise UsageError(f"{one.where}: video: {one.video} is none of the task {task}")
    start, end = _bounds(one)
    builder.add(
        one.where,
        uid=f"{task}-{one.number % EACH}" if task else str(one.number),
        video=["/".join(parts[begins[0] :]), *(_names(task, parts[-1]) if task else ())],
        question=one.question,
        options=one.options,
        answer=one.answer,
        category=task,
        span=None if start is None else (start, end),
    )


def _bounds(one: Repackaged) -> tuple[Any, Any]:
    clip = one.row.get("clip")
    if clip is None:
        return one.row.get("start"), one.row.get("end")
    if not isinstance(clip, list) or len(clip) != 2:
        raise UsageError(f"{one.where}: clip: {clip!r} is no start and end")
    return clip[0], clip[1]
