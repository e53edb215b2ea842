"""TempCompass (Liu et al., Findings of ACL 2024): four formats of the same questions."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from rlm.errors import UsageError
from rlm.evaluation.build import Builder, letter_index, split_options
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.items import first_fault
from rlm.evaluation.rows import read_keyed

FORMATS = ("multi-choice", "yes_no", "caption_matching", "captioning")
ASPECTS = ("action", "direction", "speed", "order", "attribute_change")


class _Asked(BaseModel):
    question: str
    answer: str


_ROWS = TypeAdapter(dict[str, dict[str, list[_Asked]]])


class TempCompass:
    """By video and aspect. Of three formats the options are part of the question, and taken apart.

    Captioning asks for a caption that fits one of several pieces of information. The set's own
    script has a language model choose the piece that fits a caption best; here the right piece is
    the right answer, and a judge tells whether a caption says it.
    """

    name = "tempcompass"
    about = About(
        title="TempCompass",
        questions=7540,
        metric="accuracy by option for three formats; a judge for captioning",
        annotations="the folder questions/ with one file a format, or one of its files",
        licence="CC-BY-NC-4.0",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        builder = Builder(self.name, videos)
        for path in _files(annotations):
            for video, aspects in _rows(path).items():
                for aspect, questions in aspects.items():
                    where = f"{path}, {video}.{aspect}"
                    if aspect not in ASPECTS:
                        raise UsageError(f"{where}: there is no aspect {aspect!r}")
                    for number, asked in enumerate(questions):
                        _add(builder, f"{where}.{number}", path.stem, video, aspect, number, asked)
        return builder.done()


def _files(annotations: Path) -> list[Path]:
    if annotations.is_file():
        if annotations.stem not in FORMATS:
            raise UsageError(f"{annotations} is none of TempCompass: {', '.join(FORMATS)}")
        return [annotations]
    for folder in (annotations, annotations / "questions"):
        there = [folder / f"{form}.json" for form in FORMATS]
        if any(path.is_file() for path in there):
            return [path for path in there if path.is_file()]
    raise UsageError(f"there is none of TempCompass's files, such as yes_no.json, in {annotations}")


def _rows(path: Path) -> dict[str, dict[str, list[_Asked]]]:
    try:
        return _ROWS.validate_python(read_keyed(path))
    except ValidationError as error:
        raise UsageError(f"{path}, {first_fault(error)}") from error


def _add(
    builder: Builder, where: str, form: str, video: str, aspect: str, number: int, asked: _Asked
) -> None:
    question = asked.question
    options: tuple[str, ...] = ()
    answer: str | int | None = None
    answers: tuple[str, ...] = ()
    if form == "multi-choice":
        question, options = split_options(where, question)
        answer = letter_index(where, asked.answer)
    elif form == "yes_no":
        options, answer = ("yes", "no"), asked.answer
    elif form == "caption_matching":
        question, options, answer = _captions(where, asked)
    else:
        answers = (asked.answer.partition(". ")[2] or asked.answer,)
    builder.add(
        where,
        uid=f"{form}/{video}/{aspect}/{number}",
        video=[video],
        question=question,
        options=options,
        answer=answer,
        answers=answers,
        category=aspect,
        group=form,
    )


def _captions(where: str, asked: _Asked) -> tuple[str, tuple[str, ...], int]:
    """Lines such as ``Caption A: ...`` after the question, the right one told in full."""
    head, *lines = asked.question.strip().split("\n")
    if asked.answer not in lines:
        raise UsageError(f"{where}: answer: {asked.answer!r} is none of the {len(lines)} captions")
    captions = tuple(line.partition(": ")[2] or line for line in lines)
    return head, captions, lines.index(asked.answer)
