"""The files that the servers and scripts of sets take."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlm.agent.answer import letter
from rlm.errors import UsageError
from rlm.evaluation.folder import read_header, read_results
from rlm.evaluation.items import Item

Predictions = Mapping[str, int | None]
"""The chosen option by id of the item; ``None``, or no entry, for one that was not answered."""


@dataclass(frozen=True)
class Submission:
    """A file for a server: how many items it answers, and how many were not answered."""

    path: Path
    answered: int
    unanswered: int


def submit_egoschema(items: Sequence[Item], predictions: Predictions, path: Path) -> Submission:
    """Write ``q_uid`` and the index of an option, from 0 to 4, for every item.

    As JSON, one object, this is what ``validate.py`` of the EgoSchema repository sends to its
    server; where ``path`` ends in ``.csv`` it is a table with the columns ``q_uid`` and ``answer``.
    The form has no place for an item that was not answered: it gets option 0.

    Raises ``UsageError`` for items of another set, an option that is none, and a file that cannot
    be written.
    """
    chosen = _chosen("egoschema", items, predictions)
    rows = {item.id: index or 0 for item, index in chosen}
    if path.suffix == ".csv":
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([("q_uid", "answer"), *rows.items()])
        _write(path, table.getvalue())
    else:
        _write(path, json.dumps(rows, indent=1) + "\n")
    return _told(path, chosen)


def submit_videomme(items: Sequence[Item], predictions: Predictions, path: Path) -> Submission:
    """Write a list of videos with their questions, as in the set's ``output_test_template.json``.

    ``response`` is the letter of the chosen option, empty for an item that was not answered, which
    the set's ``eval_your_results.py`` counts as wrong. Raises as :func:`submit_egoschema`.
    """
    chosen = _chosen("videomme", items, predictions)
    videos: dict[str, dict[str, object]] = {}
    questions: dict[str, list[dict[str, object]]] = {}
    for item, index in chosen:
        number = item.id.rpartition("-")[0]
        task, domain, sub_category = (*item.categories, "", "", "")[:3]
        if number not in videos:
            questions[number] = []
            videos[number] = {
                "video_id": number,
                "duration": item.group,
                "domain": domain,
                "sub_category": sub_category,
                "questions": questions[number],
            }
        questions[number].append(
            {
                "question_id": item.id,
                "task_type": task,
                "question": item.question,
                "options": [f"{letter(i)}. {told}" for i, told in enumerate(item.options)],
                "answer": "" if item.answer_index is None else letter(item.answer_index),
                "response": "" if index is None else letter(index),
            }
        )
    _write(path, json.dumps(list(videos.values()), indent=1, ensure_ascii=False) + "\n")
    return _told(path, chosen)


SUBMISSIONS: Mapping[str, Callable[[Sequence[Item], Predictions, Path], Submission]] = {
    "egoschema": submit_egoschema,
    "videomme": submit_videomme,
}
"""How the submission of a set is written, by the short name of the set."""


UNANSWERED: Mapping[str, str] = {
    "egoschema": "the form has no place for them: they stand as option 0",
    "videomme": "their response is empty, which counts as wrong",
}
"""What becomes of an item that was not answered, in words."""


def submit_run(name: str, run: Path, path: Path, repeat: int | None = None) -> Submission:
    """Write the submission of the set ``name``, in any case, from the results in ``run``.

    Items come in the order of their ids. Of a run that asked each several times it is the
    ``repeat``-th one, counted from 0. Raises ``UsageError`` for a set without a form, a run of
    another set or without results, a repeat that is needed or is none, and as
    :func:`submit_egoschema`.
    """
    kind = name.lower().replace("-", "")
    if kind not in SUBMISSIONS:
        raise UsageError(f"no form is known for {name!r}; there are: {', '.join(SUBMISSIONS)}")
    header = read_header(run)
    if header.dataset != kind:
        raise UsageError(f"{run} is a run of {header.dataset}, not of {kind}")
    repeats = int(header.parameters.get("repeats") or 1)
    if repeats > 1 and repeat is None:
        raise UsageError(
            f"{run} has asked each question {repeats} times, and the form takes one answer: choose "
            f"one with --repeat 0 to {repeats - 1}"
        )
    if not 0 <= (repeat or 0) < repeats:
        raise UsageError(f"{run} has no repeat {repeat}: they are numbered 0 to {repeats - 1}")
    rows = [row for row in read_results(run) if row.repeat == (repeat or 0)]
    items = [row.item for row in sorted(rows, key=lambda row: row.id)]
    if not items:
        raise UsageError(f"{run} has no result to submit yet")
    return SUBMISSIONS[kind](items, {row.id: row.choice for row in rows}, path)


def _chosen(
    name: str, items: Sequence[Item], predictions: Predictions
) -> list[tuple[Item, int | None]]:
    chosen = []
    for item in items:
        if item.dataset != name:
            raise UsageError(f"item {item.id} is of {item.dataset or 'no set'}, not of {name}")
        index = predictions.get(item.id)
        if index is not None and not 0 <= index < len(item.options):
            raise UsageError(f"item {item.id} has no option {index}")
        chosen.append((item, index))
    if not chosen:
        raise UsageError(f"there are no items of {name} to submit")
    return chosen


def _told(path: Path, chosen: Sequence[tuple[Item, int | None]]) -> Submission:
    answered = sum(index is not None for _, index in chosen)
    return Submission(path, answered, len(chosen) - answered)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write the submission {path}: {error.strerror}") from error
