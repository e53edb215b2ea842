"""Rows of annotations become a data set: the part that all readers share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlm.errors import UsageError
from rlm.evaluation.dataset import DataSet
from rlm.evaluation.items import Item, first_fault
from rlm.evaluation.videos import VideoFolder

_LETTER = re.compile(r"^\s*\(?([A-Z])[.):]\s*")


class Builder:
    """Takes questions one by one, finds their videos, and gives the :class:`DataSet`.

    Official sets hold a few rows that could not be asked as they are: with two options that say the
    same, an empty one or a single one, or without a question. They are mended just so far that
    they can, and a note counts them, so that no question of a set is lost.
    """

    def __init__(self, name: str, videos: Path) -> None:
        self._name = name
        self._videos = VideoFolder(videos)
        self._items: list[Item] = []
        self._missing: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._notes: Counter[str] = Counter()

    def add(
        self,
        where: str,
        *,
        uid: str,
        video: Sequence[str],
        question: str,
        options: Sequence[str] = (),
        answer: str | int | None = None,
        unseen: str = "",
        **fields: Any,
    ) -> None:
        """Take a question that stands at ``where``.

        ``uid`` is the id, ``video`` are the names its video may have, the likeliest first,
        ``answer`` is one of the options or its index; ``unseen`` says why the item cannot be looked
        at although its video is there. ``fields`` are further ones of :class:`Item`.

        Raises ``UsageError`` for what is none, for an id that is told twice, and for an answer that
        is not among the options.
        """
        if uid in self._places:
            raise UsageError(f"{where}: id: {uid!r} stands in {self._places[uid]} already")
        found = self._videos.find(video)
        index = index_of(where, options, answer) if isinstance(answer, str) else answer
        if options:
            options = self._told_apart(options)
            if not question.strip():
                question = "Which of these fits the video?"
                self.note(f"without a text: it is {question!r}")
        try:
            item = Item(
                id=uid,
                dataset=self._name,
                video=found.path,
                question=question.strip(),
                options=tuple(options),
                answer_index=index,
                **fields,
            )
        except ValidationError as error:
            raise UsageError(f"{where}: {first_fault(error)}") from error
        self._places[uid] = where
        self._items.append(item)
        if found.why or unseen:
            self._missing[uid] = found.why or unseen

    def note(self, what: str) -> None:
        """Count something odd; ``what`` goes on from "N questions "."""
        self._notes[what] += 1

    def done(self) -> DataSet:
        """The data set; raises ``UsageError`` when no question was added."""
        if not self._items:
            raise UsageError(f"the annotations of {self._name} hold no questions")
        notes = tuple(
            f"{count} question{'s' if count > 1 else ''} {what}"
            for what, count in self._notes.items()
        )
        return DataSet(self._name, tuple(self._items), self._missing, notes)

    def _told_apart(self, options: Sequence[str]) -> tuple[str, ...]:
        stripped = tuple(option.strip() for option in options)
        if len(stripped) > 1 and all(stripped) and len(set(map(_plain, stripped))) == len(stripped):
            return stripped
        told: list[str] = []
        taken: Counter[str] = Counter()
        for option in stripped:
            plain = option or "(empty)"
            key = _plain(plain)
            taken[key] += 1
            told.append(plain if taken[key] == 1 else f"{plain} ({taken[key]})")
        if len(taken) < len(options):
            self.note("with options that say the same: the later ones are marked (2), (3)")
        if len(told) == 1:
            told.append("(no other)")
            self.note("with a single option: '(no other)' stands beside it")
        return tuple(told)


def index_of(where: str, options: Sequence[str], answer: str) -> int:
    """Which of the options the answer is; raises ``UsageError`` where it is none of them."""
    if answer in options:
        return options.index(answer)
    wanted = _plain(answer)
    for index, option in enumerate(options):
        if _plain(option) == wanted:
            return index
    raise UsageError(f"{where}: answer: {answer!r} is none of the {len(options)} options")


def letter_index(where: str, answer: str) -> int:
    """The index that a letter tells, as in ``"B"``, ``"(B)"`` or ``"B. a ring"``."""
    match = _LETTER.match(answer.strip() + ".")
    if match is None:
        raise UsageError(f"{where}: answer: {answer!r} names no option by its letter")
    return ord(match[1]) - ord("A")


def without_letters(where: str, options: Sequence[str]) -> tuple[str, ...]:
    """``["A. one", "B. two"]`` without the letters.

    Raises ``UsageError`` where they are not A, B, C and so on.
    """
    told = []
    for index, option in enumerate(options):
        match = _LETTER.match(option)
        if match is None or ord(match[1]) - ord("A") != index:
            raise UsageError(f"{where}: options: {option!r} does not begin with its letter")
        told.append(option[match.end() :])
    return tuple(told)


def split_options(where: str, text: str) -> tuple[str, tuple[str, ...]]:
    """A question and the lettered options that follow it, each on a line of its own.

    Line breaks may be real ones or written ``\\n``. Raises ``UsageError`` where no options follow.
    """
    text = text.replace("\\n", "\n")
    starts: list[tuple[int, int]] = []
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        pattern = re.compile(rf"\n\s*\(?{letter}[.):]\s*")
        match = pattern.search(text, starts[-1][1] if starts else 0)
        if match is None:
            break
        starts.append(match.span())
    if len(starts) < 2:
        raise UsageError(f"{where}: question: no options follow it")
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return text[: starts[0][0]].strip(), tuple(
        text[begin:end].strip() for (_, begin), end in zip(starts, ends, strict=True)
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).lower()
