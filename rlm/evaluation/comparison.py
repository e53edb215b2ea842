"""Two runs beside each other, on the questions that both have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlm.errors import UsageError
from rlm.evaluation.folder import Difference, differences
from rlm.evaluation.results import RunHeader
from rlm.evaluation.saved_run import SavedRun
from rlm.evaluation.statistics import Paired, paired
from rlm.evaluation.summary import Question, Spent, categories, summarize


@dataclass(frozen=True)
class Comparison:
    """The ``first`` run less the ``second``.

    ``overall`` and ``categories`` are on the questions of both whose right answer is known;
    ``only_first`` and ``only_second`` are how many have a result in one alone. ``spent`` has for
    each kind what a question took in the first and in the second, of those that both have.
    ``settings`` are the fields of their headers that differ.
    """

    overall: Paired
    categories: Mapping[str, Paired]
    spent: Mapping[str, tuple[Spent, Spent]]
    only_first: int
    only_second: int
    settings: Sequence[Difference]


def compare(first: SavedRun, second: SavedRun) -> Comparison:
    """Compare two runs, question by question.

    Raises ``UsageError`` when no scored question is in both, and when one id is of two questions.
    """
    ours, theirs = ({q.asked.id: q for q in run.questions} for run in (first, second))
    both = [(ours[name], theirs[name]) for name in ours if name in theirs]
    for one, other in both:
        if (one.asked.question, one.asked.options) != (other.asked.question, other.asked.options):
            raise UsageError(
                f"{first.folder} and {second.folder} cannot be compared: {one.asked.id!r} is "
                "another question in each"
            )
    scored = [(a, b) for a, b in both if a.score is not None and b.score is not None]
    overall = _paired(scored)
    if overall is None:
        raise UsageError(
            f"{first.folder} and {second.folder} have no scored question in common: their ids are "
            f"{_some(first)} and {_some(second)}"
        )
    named: dict[str, list[tuple[Question, Question]]] = {}
    for pair in scored:
        for category in categories(pair[0]):
            named.setdefault(category, []).append(pair)
    parts = {category: _paired(named[category]) for category in sorted(named)}
    spent = [summarize([pair[place] for pair in both]).spent for place in (0, 1)]
    return Comparison(
        overall=overall,
        categories={name: each for name, each in parts.items() if each is not None},
        spent={name: (spent[0][name], spent[1][name]) for name in spent[0]},
        only_first=len(ours) - len(both),
        only_second=len(theirs) - len(both),
        settings=differences(_without_size(first.header), _without_size(second.header)),
    )


def _paired(pairs: Sequence[tuple[Question, Question]]) -> Paired | None:
    return paired(
        [one.score or 0.0 for one, _ in pairs],
        [other.score or 0.0 for _, other in pairs],
        [one.asked.video for one, _ in pairs],
    )


def _without_size(header: RunHeader) -> RunHeader:
    """Without what says nothing of how the questions that both have were answered."""
    chosen = ("limit", "offset", "category")
    parameters = {n: value for n, value in header.parameters.items() if n not in chosen}
    return header.model_copy(update={"questions": 0, "parameters": parameters})


def _some(run: SavedRun) -> str:
    names = [question.asked.id for question in run.questions]
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
