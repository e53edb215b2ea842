"""A question of a data set with what is right, and our own form of it: JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from rlm.agent.question import check_question
from rlm.errors import UsageError

Metric = Literal["choice", "text", "recall@5"]
"""How an answer is scored: an option, a text that says the same, or five ranked guesses."""

Seconds = tuple[FiniteFloat, FiniteFloat]
"""Start and end."""


class Item(BaseModel):
    """A question about a video, and what is right.

    With ``options`` the right one is ``answer_index``, counted from 0; without, each of ``answers``
    is a right text. An item without either has no public answer and cannot be scored.

    ``id`` is the set's own and unique in it. An item may be of several categories, which
    ``category`` tells with ``"; "`` between them; ``group`` is a second way in which the set groups
    its questions, such as by the length of the video. ``evidence_time`` is where in the video the
    answer can be seen, ``span`` the part the question is about (``None``: all of it), in seconds.

    Raises pydantic's ``ValidationError`` for a question that could not be asked or scored.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    dataset: str = ""
    video: Path
    question: str
    options: tuple[str, ...] = ()
    answer_index: int | None = Field(default=None, ge=0)
    answers: tuple[str, ...] = Field(default=(), validation_alias=AliasChoices("answers", "answer"))
    category: str = ""
    group: str = ""
    evidence_time: tuple[Seconds, ...] = ()
    span: Seconds | None = None
    metric: Metric = Field(default_factory=lambda row: "choice" if row.get("options") else "text")

    @property
    def scored(self) -> bool:
        """Whether what is right is known."""
        return self.answer_index is not None or bool(self.answers)

    @property
    def categories(self) -> tuple[str, ...]:
        """Each of its categories."""
        return tuple(self.category.split("; ")) if self.category else ()

    @field_validator("answers", mode="before")
    @classmethod
    def _one_answer(cls, told: Any) -> Any:
        if told is None:
            return ()
        return (told,) if isinstance(told, str) else _tuples(told)

    @field_validator("evidence_time", mode="before")
    @classmethod
    def _one_pair(cls, told: Any) -> Any:
        told = () if told is None else _tuples(told)
        one = isinstance(told, tuple) and told and not all(isinstance(t, tuple) for t in told)
        return (told,) if one else told

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        try:
            check_question(self.question, self.options)
        except UsageError as error:
            raise ValueError(str(error)) from error
        if (self.metric == "choice") != bool(self.options):
            raise ValueError(f"metric: {self.metric} does not go with {len(self.options)} options")
        if self.answer_index is not None and self.answer_index >= len(self.options):
            raise ValueError(
                f"answer_index: {self.answer_index} is none of the {len(self.options)} options, "
                "which are counted from 0"
            )
        if not all(answer.strip() for answer in self.answers):
            raise ValueError("answers: one is empty")
        for start, end in self.evidence_time:
            if start > end:
                raise ValueError("evidence_time: it ends before it starts")
        if self.span and self.span[0] > self.span[1]:
            raise ValueError("span: it ends before it starts")
        return self


def read_items(path: str | Path, videos: str | Path | None = None) -> list[Item]:
    """The items of a file with one JSON object a line, such as ``python -m rlm.world`` writes.

    Videos that are named without a folder's full path lie in ``videos``, by default beside the
    file. A right text may be written as ``answer``, and ``evidence_time`` as one pair or as a list
    of pairs. Fields that an :class:`Item` has not are left out.

    Raises ``UsageError`` when the file cannot be read or holds no item, and for a line that is
    none, which it names, with the field: also for a video that is not there or an id that is told
    twice.
    """
    path = Path(path)
    folder = Path(videos) if videos is not None else path.parent
    items: list[Item] = []
    for where, item in read_lines(path):
        video = folder / item.video
        if not video.is_file():
            raise UsageError(f"{where}: video: there is no file {video}")
        items.append(item.model_copy(update={"video": video}))
    return items


def read_lines(path: Path) -> list[tuple[str, Item]]:
    """Each item of a file as :func:`read_items` reads it, its video as told, and where it stands.

    Raises ``UsageError`` as :func:`read_items`, but for a video that is not there.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise UsageError(f"cannot read the questions in {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read the questions in {path}: it is not UTF-8 text") from error
    items: list[tuple[str, Item]] = []
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            item = Item.model_validate_json(line, strict=True)
        except ValidationError as error:
            raise UsageError(f"{where}: {first_fault(error)}") from error
        if not item.scored:
            lacks = "answer_index: which of the options is right" if item.options else "answer: it"
            raise UsageError(f"{where}: {lacks} is missing")
        if item.id in places:
            raise UsageError(f"{where}: id: {item.id!r} stands in line {places[item.id]} already")
        places[item.id] = number
        items.append((where, item))
    if not items:
        raise UsageError(f"{path} holds no questions")
    return items


def pick(items: Sequence[Item], place: int) -> Item:
    """The item at ``place``; raises ``UsageError`` where there is none."""
    if not 0 <= place < len(items):
        raise UsageError(f"there is no item {place}: they are numbered 0 to {len(items) - 1}")
    return items[place]


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a row, in one line that names the field."""
    first = error.errors(include_url=False, include_input=False)[0]
    words = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return f"this is no JSON object: {words.removeprefix('Invalid JSON: ')}"
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {words}" if field else words


def _tuples(told: Any) -> Any:
    """JSON's lists as what a strict model takes for tuples."""
    return tuple(map(_tuples, told)) if isinstance(told, list | tuple) else told
