"""Annotation files as checked rows; whatever is wrong is told with its file, row and field."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rlm.errors import UsageError
from rlm.evaluation.items import first_fault

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """The text of an annotation file; raises ``UsageError`` where there is none."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the annotations in {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read the annotations in {path}: it is not UTF-8 text") from error


def read_json(path: Path) -> Any:
    """The JSON of a file; raises ``UsageError`` where it holds none."""
    if path.suffix == ".parquet":
        raise UsageError(
            f'{path} is a parquet file; write it as JSON lines first: python -c "import pandas; '
            "pandas.read_parquet('IN').to_json('OUT.jsonl', orient='records', lines=True)\""
        )
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from error


def raw_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Each row of a JSON list, JSON lines or CSV file and where it stands.

    Raises ``UsageError`` for a file that is none of these, or empty.
    """
    empty = True
    for where, row in _raw_rows(path):
        empty = False
        yield where, row
    if empty:
        raise UsageError(f"{path} holds no questions")


def _raw_rows(path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".csv":
        for number, row in enumerate(csv.DictReader(read_text(path).splitlines(keepends=True)), 1):
            yield f"{path}, row {number}", row
    elif path.suffix == ".jsonl":
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if line.strip():
                where = f"{path}, line {number}"
                try:
                    yield where, json.loads(line)
                except ValueError as error:
                    raise UsageError(f"{where}: this is no JSON: {error}") from error
    else:
        told = read_json(path)
        if not isinstance(told, list):
            raise UsageError(f"{path} should hold a list of rows, not one JSON {_kind(told)}")
        for number, row in enumerate(told, 1):
            yield f"{path}, row {number}", row


def checked(where: str, row: Any, model: type[Model]) -> Model:
    """A row as its model; raises ``UsageError`` that names ``where`` and the field."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        raise UsageError(f"{where}: {first_fault(error)}") from error


def read_rows(path: Path, model: type[Model]) -> list[tuple[str, Model]]:
    """Each row of a JSON list, JSON lines or CSV file and where it stands.

    Raises ``UsageError`` for a file or a row that is none.
    """
    return [(where, checked(where, row, model)) for where, row in raw_rows(path)]


def read_keyed(path: Path) -> dict[str, Any]:
    """A file with one JSON object; raises ``UsageError`` for anything else."""
    told = read_json(path)
    if not isinstance(told, dict):
        raise UsageError(f"{path} should hold one JSON object, not a {_kind(told)}")
    return told


def annotation_file(annotations: Path, names: Sequence[str], below: Sequence[str] = ("",)) -> Path:
    """``annotations`` if it is a file, else the one file of ``names`` in that folder.

    ``names`` are patterns as of ``Path.glob``; ``below`` are sub-folders in which the set's
    repository keeps its annotations. Raises ``UsageError`` where there is none, or a choice.
    """
    if annotations.is_file():
        return annotations
    if not annotations.is_dir():
        raise UsageError(f"there are no annotations at {annotations}")
    found = sorted(
        {
            path
            for folder in below
            for name in names
            for path in (annotations / folder).glob(name)
            if path.is_file()
        }
    )
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(str(path.relative_to(annotations)) for path in found)
        raise UsageError(f"{annotations} holds {told}: name the one to read")
    raise UsageError(f"there is no {' or '.join(names)} in {annotations}")


def companion(path: Path, name: str, holds: str) -> Path:
    """The file ``name`` beside ``path``; raises ``UsageError`` where it is missing."""
    beside = path.parent / name
    if not beside.is_file():
        raise UsageError(f"there is no {name} beside {path}: it holds {holds}")
    return beside


def _kind(told: Any) -> str:
    return "list" if isinstance(told, list) else "object" if isinstance(told, dict) else "value"
