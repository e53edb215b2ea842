"""Three forms in which multiple-choice sets are passed on by others than their authors.

- ``conversations``: a row a video, with ``video_path`` and a list of questions with ``choices``.
- ``lettered``: a row a question, with ``options`` such as ``"A. one"`` and a letter for an answer.
- ``prompts``: a row a question, with ``videos`` and a ``prompt`` that holds question and options.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rlm.errors import UsageError
from rlm.evaluation.build import index_of, letter_index, split_options, without_letters
from rlm.evaluation.rows import checked, raw_rows


@dataclass(frozen=True)
class Repackaged:
    """One question; ``row`` is all that the file tells of it, ``number`` its place in it from 0.

    ``part`` is its place among the questions of its row.
    """

    where: str
    number: int
    part: int
    video: str
    question: str
    options: tuple[str, ...]
    answer: int
    row: dict[str, Any]

    def field(self, *names: str) -> str:
        """The first of some fields that is there, as text; raises ``UsageError`` for none."""
        for name in names:
            value = self.row.get(name)
            if isinstance(value, str | int) and str(value).strip():
                return str(value)
        raise UsageError(f"{self.where}: {names[0]}: Field required")

    def folders(self, least: int) -> tuple[str, ...]:
        """The parts of the video's path; raises ``UsageError`` where they are too few."""
        parts = PurePosixPath(self.video).parts
        if len(parts) < least:
            raise UsageError(f"{self.where}: video: {self.video!r} names no folder of the set")
        return parts


class _Choice(BaseModel):
    question: str
    choices: list[str]
    answer: str
    question_type: str = ""


class _Conversations(BaseModel):
    video_path: str
    conversations: list[_Choice]


class _Lettered(BaseModel):
    model_config = ConfigDict(extra="allow")

    question: str
    options: list[str]
    answer: str = ""
    solution: str = ""
    video: str = ""
    path: str = ""
    video_id: str = Field(default="", alias="videoID")


class _Message(BaseModel):
    content: str


class _Reward(BaseModel):
    ground_truth: str


class _Prompt(BaseModel):
    videos: list[str] = Field(min_length=1)
    prompt: list[_Message] = Field(min_length=1)
    reward_model: _Reward


def repackaged(path: Path) -> list[Repackaged] | None:
    """The questions of a file in one of these forms; ``None`` where its first row is in none.

    Raises ``UsageError`` for a row that is not like the first.
    """
    rows = raw_rows(path) if path.suffix != ".csv" else iter(())
    form = None
    told: list[Repackaged] = []
    for where, row in rows:
        form = form or _form_of(row)
        if form is None:
            return None
        told.extend(form(where, row, len(told)))
    return told or None


def _form_of(row: Any) -> Any:
    keys = set(row) if isinstance(row, dict) else set()
    if {"video_path", "conversations"} <= keys:
        return _conversations
    if {"problem_id", "options", "solution"} <= keys:
        return _lettered
    if {"videos", "prompt", "reward_model"} <= keys:
        return _prompt
    return None


def _conversations(where: str, raw: Any, number: int) -> Iterator[Repackaged]:
    row = checked(where, raw, _Conversations)
    for part, asked in enumerate(row.conversations):
        at = f"{where}, conversations.{part}"
        answer = index_of(at, asked.choices, asked.answer)
        more = {key: value for key, value in raw.items() if key != "conversations"}
        yield Repackaged(
            at,
            number + part,
            part,
            row.video_path,
            asked.question,
            tuple(asked.choices),
            answer,
            more | {"question_type": asked.question_type},
        )


def _lettered(where: str, raw: Any, number: int) -> Iterator[Repackaged]:
    row = checked(where, raw, _Lettered)
    options = without_letters(where, row.options)
    letter = row.solution.removeprefix("<answer>").removesuffix("</answer>") or row.answer
    video = row.path or row.video or row.video_id
    if not PurePosixPath(video).name:
        raise UsageError(f"{where}: path: {video!r} names no video")
    answer = letter_index(where, letter)
    yield Repackaged(where, number, 0, video, row.question, options, answer, raw)


def _prompt(where: str, raw: Any, number: int) -> Iterator[Repackaged]:
    row = checked(where, raw, _Prompt)
    text = row.prompt[-1].content
    head, _, last = text.rpartition("\n")
    text = head if last.startswith("Answer with") else text
    question, options = split_options(where, text)
    answer = letter_index(where, row.reward_model.ground_truth)
    yield Repackaged(where, number, 0, row.videos[0], question, options, answer, raw)
