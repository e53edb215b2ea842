"""LVBench (Wang et al., ICCV 2025): questions about videos of an hour."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, Field

from rlm.errors import UsageError
from rlm.evaluation.build import Builder, letter_index, split_options
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.repackaged import repackaged
from rlm.evaluation.rows import annotation_file, read_rows
from rlm.spans import parse_time

TYPES = (
    "entity recognition",
    "event understanding",
    "key information retrieval",
    "temporal grounding",
    "reasoning",
    "summarization",
)


class _Asked(BaseModel):
    uid: str
    question: str
    answer: str
    question_type: list[str] = Field(min_length=1)
    time_reference: str = ""


class _Video(BaseModel):
    key: str
    type: str = ""
    qa: list[_Asked] = Field(min_length=1)


class LVBench:
    """A question may be of several types, and counts in each; ``time_reference`` is its evidence.

    A reference that ends before it starts, or has no end, is left out.
    """

    name = "lvbench"
    about = About(
        title="LVBench",
        questions=1549,
        metric="accuracy by option, by question type (a question may be of several)",
        annotations="video_info.meta.jsonl",
        licence="CC-BY-NC-SA-4.0; the videos are YouTube's",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["video_info.meta.jsonl"], ["", "data"])
        builder = Builder(self.name, videos)
        told = repackaged(path)
        if told is not None:
            for one in told:
                self._add(
                    builder,
                    one.where,
                    one.field("uid", "question_id"),
                    PurePosixPath(one.video).stem,
                    one.question,
                    one.options,
                    one.answer,
                    one.row.get("question_type"),
                    str(one.row.get("time_reference", "")),
                    str(one.row.get("domain") or one.row.get("video_type") or ""),
                )
            return builder.done()
        for where, row in read_rows(path, _Video):
            for number, asked in enumerate(row.qa):
                at = f"{where}, qa.{number}"
                question, options = split_options(at, asked.question)
                self._add(
                    builder,
                    at,
                    asked.uid,
                    row.key,
                    question,
                    options,
                    letter_index(at, asked.answer),
                    asked.question_type,
                    asked.time_reference,
                    row.type,
                )
        return builder.done()

    def _add(
        self,
        builder: Builder,
        where: str,
        uid: str,
        key: str,
        question: str,
        options: tuple[str, ...],
        answer: int,
        types: Any,
        reference: str,
        kind: str,
    ) -> None:
        labels = _labels(where, types)
        evidence = _seconds(where, reference)
        if reference and evidence is None:
            builder.note("with a time reference that is no span: it is left out")
        builder.add(
            where,
            uid=uid,
            video=[key],
            question=question,
            options=options,
            answer=answer,
            category="; ".join(labels),
            group=kind.lower(),
            evidence_time=(evidence,) if evidence else (),
        )


def _labels(where: str, types: Any) -> list[str]:
    """The types of a question, which one of the forms writes as Python does."""
    if isinstance(types, str):
        try:
            types = ast.literal_eval(types)
        except (ValueError, SyntaxError):
            types = [types]
    if not isinstance(types, list) or not types:
        raise UsageError(f"{where}: question_type: {types!r} is no list of types")
    for label in types:
        if label not in TYPES:
            raise UsageError(f"{where}: question_type: there is no type {label!r}")
    return types


def _seconds(where: str, reference: str) -> tuple[float, float] | None:
    """``"01:15-01:19"`` in seconds; minutes may be more than 60."""
    if not reference or "None" in reference:
        return None
    try:
        start, end = (_time(part) for part in reference.split("-"))
    except (ValueError, UsageError) as error:
        raise UsageError(
            f"{where}: time_reference: {reference!r} is no span such as 00:15-00:19"
        ) from error
    return (start, end) if start <= end else None


def _time(text: str) -> float:
    minutes, colon, seconds = text.strip().rpartition(":")
    if colon and minutes.isdecimal():
        return 60 * int(minutes) + float(seconds)
    return parse_time(text)
