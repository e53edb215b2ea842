"""The questions an episode can be about, read from JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from rlm.agent.question import check_question
from rlm.errors import UsageError


class Item(BaseModel):
    """A question about a video, and what is right.

    With ``options`` the right one is ``answer_index``, counted from 0; without, ``answer`` is the
    right text. ``evidence_time`` is where in the video it can be seen, in seconds.

    Raises pydantic's ``ValidationError`` for a question that could not be asked or scored.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    video: Path
    question: str
    options: tuple[str, ...] = ()
    answer_index: int | None = Field(default=None, ge=0)
    answer: str | None = Field(default=None, min_length=1)
    category: str = ""
    evidence_time: tuple[FiniteFloat, FiniteFloat] | None = None

    @model_validator(mode="after")
    def _can_be_scored(self) -> Self:
        try:
            check_question(self.question, self.options)
        except UsageError as error:
            raise ValueError(str(error)) from error
        if self.options and self.answer_index is None:
            raise ValueError("answer_index: which of the options is right is missing")
        if self.answer_index is not None and self.answer_index >= len(self.options):
            raise ValueError(
                f"answer_index: {self.answer_index} is none of the {len(self.options)} options, "
                "which are counted from 0"
            )
        if not self.options and self.answer is None:
            raise ValueError("answer: without options the right answer has to be told")
        if self.evidence_time is not None and self.evidence_time[0] > self.evidence_time[1]:
            raise ValueError("evidence_time: it ends before it starts")
        return self


def read_items(path: str | Path, videos: str | Path | None = None) -> list[Item]:
    """The items of a file with one JSON object a line, such as ``python -m rlm.world`` writes.

    Videos that are named without a folder's full path lie in ``videos``, by default beside the
    file. Fields that an :class:`Item` has not are left out.

    Raises ``UsageError`` when the file cannot be read or holds no item, and for a line that is
    none, which it names, with the field: also for a video that is not there or an id that is told
    twice.
    """
    path = Path(path)
    folder = Path(videos) if videos is not None else path.parent
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise UsageError(f"cannot read the questions in {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read the questions in {path}: it is not UTF-8 text") from error
    items: list[Item] = []
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            item = Item.model_validate_json(line, strict=True)
        except ValidationError as error:
            raise UsageError(f"{where}: {_told(error)}") from error
        if item.id in places:
            raise UsageError(f"{where}: id: {item.id!r} stands in line {places[item.id]} already")
        places[item.id] = number
        video = folder / item.video
        if not video.is_file():
            raise UsageError(f"{where}: video: there is no file {video}")
        items.append(item.model_copy(update={"video": video}))
    if not items:
        raise UsageError(f"{path} holds no questions")
    return items


def pick(items: Sequence[Item], place: int) -> Item:
    """The item at ``place``; raises ``UsageError`` where there is none."""
    if not 0 <= place < len(items):
        raise UsageError(f"there is no item {place}: they are numbered 0 to {len(items) - 1}")
    return items[place]


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, in one line that names the field."""
    first = error.errors(include_url=False, include_input=False)[0]
    words = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return f"this is no JSON object: {words.removeprefix('Invalid JSON: ')}"
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {words}" if field else words
