"""What the results of a run say: the one place where results become an accuracy.

A question that was asked several times counts once, with the mean of its scores; a failure is a
score of 0. Questions whose right answer is not public are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rlm.agent.text import counted
from rlm.evaluation.calibration import Calibration, bins, calibration
from rlm.evaluation.results import FailureKind, ItemResult
from rlm.evaluation.scoring import anticipation_recall, best_iou, ranked, union_iou
from rlm.evaluation.statistics import Estimate, clustered
from rlm.spans import Span

_DURATIONS = (60.0, 300.0, 900.0, 1800.0, 3600.0)
POINTS = 6
"""At most so many points has the curve of one run."""
EACH = 10
"""At least so many questions are in each of them."""


@dataclass(frozen=True)
class Question:
    """A question with all that came of it: a result for each time that it was asked."""

    results: tuple[ItemResult, ...]

    @property
    def asked(self) -> ItemResult:
        """The first of them, for what was asked."""
        return self.results[0]

    @property
    def score(self) -> float | None:
        """The mean score; ``None`` where what is right is not known."""
        scores = [result.credit for result in self.results if result.credit is not None]
        return sum(scores) / len(scores) if scores else None

    @property
    def frames(self) -> float:
        """Frames shown, on average."""
        return sum(result.frames for result in self.results) / len(self.results)


@dataclass(frozen=True)
class Spent:
    """One kind of what questions take, each time one is asked.

    All are ``None`` where it is not known of every one of them.
    """

    mean: float | None
    median: float | None
    highest: float | None
    total: float | None


@dataclass(frozen=True)
class Point:
    """Of the curve of accuracy against frames: questions that were shown about as many.

    ``frames`` is the mean of them, ``least`` and ``most`` the ends.
    """

    frames: float
    least: float
    most: float
    accuracy: Estimate


@dataclass(frozen=True)
class Evidence:
    """How far the evidence that was told agrees with that of the data set, as temporal IoU.

    ``questions`` are those where the set says when the answer can be seen; in ``answered`` of the
    ``asked`` times that they were put, evidence was told. ``best`` is the mean over the set's spans
    of the best overlap that one told span has; ``union`` is the IoU of all seconds of either side.
    No evidence is an IoU of 0.
    """

    questions: int
    asked: int
    answered: int
    best: Estimate
    union: Estimate


@dataclass(frozen=True)
class Judgement:
    """What judges said of open answers.

    Of ``answers``, those in words of their own, ``asked`` were given to one of the ``models`` and
    ``failed`` came back without a verdict. ``right`` is the accuracy of those with a verdict by it,
    ``matched`` that of the same by normalised match, ``agreement`` their mean from 0 to 5. ``usd``
    is what judging took, ``None`` if unknown.
    """

    models: tuple[str, ...]
    answers: int
    asked: int
    failed: int
    right: Estimate | None
    matched: Estimate | None
    agreement: float | None
    usd: float | None

    @property
    def failure_rate(self) -> float:
        """The share of what was asked that came back without a verdict."""
        return self.failed / self.asked


@dataclass(frozen=True)
class Summary:
    """A run in numbers.

    ``questions`` are those with a result and ``asked`` how often they were asked in all;
    ``unscored`` of the questions have no public answer. ``failures`` are by kind, of all that were
    asked. ``by`` has the accuracy of each part: by ``category``, by ``group``, by ``duration``;
    a question of several categories counts in each. ``spent`` has ``frames``, ``tokens``, ``usd``,
    ``seconds``, ``turns`` and ``sub_calls``. ``evidence`` is there where the set says when answers
    can be seen and any was told, ``judgement`` where open answers were judged. ``recall`` is
    class-mean recall@5 by part and kind for sets that are scored so.
    """

    questions: int
    asked: int
    unscored: int
    accuracy: Estimate | None
    by: Mapping[str, Mapping[str, Estimate]]
    failures: Counter[FailureKind]
    spent: Mapping[str, Spent]
    curve: tuple[Point, ...]
    calibration: Calibration | None
    evidence: Evidence | None
    judgement: Judgement | None
    recall: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def questions_of(results: Iterable[ItemResult]) -> list[Question]:
    """The questions of a run, in the order they come first."""
    together: dict[str, list[ItemResult]] = {}
    for result in results:
        together.setdefault(result.id, []).append(result)
    return [Question(tuple(each)) for each in together.values()]


def summary(results: Iterable[ItemResult]) -> Summary:
    """:func:`summarize` of the last result of each question, as ``read_results`` gives them."""
    return summarize(questions_of(results))


def summarize(questions: Sequence[Question]) -> Summary:
    """A run in numbers."""
    rows = [result for question in questions for result in question.results]
    scored = [question for question in questions if question.score is not None]
    return Summary(
        questions=len(questions),
        asked=len(rows),
        unscored=len(questions) - len(scored),
        accuracy=accuracy(scored),
        by={
            "category": _by(scored, categories),
            "group": _by(scored, lambda q: (q.asked.group,) if q.asked.group else ()),
            "duration": _by_duration(scored),
        },
        failures=Counter(row.failure.kind for row in rows if row.failure is not None),
        spent={
            "frames": _spent([row.frames for row in rows]),
            "tokens": _spent([_tokens(row) for row in rows]),
            "usd": _spent([row.usd for row in rows]),
            "seconds": _spent([row.seconds for row in rows]),
            "turns": _spent([row.turns for row in rows]),
            "sub_calls": _spent([row.sub_calls for row in rows]),
        },
        curve=curve(scored),
        calibration=calibration(rows),
        evidence=_evidence(questions),
        judgement=_judgement(rows),
        recall=_recall(scored),
    )


def accuracy(scored: Sequence[Question]) -> Estimate | None:
    """The mean score of questions whose right answer is known, clustered by video."""
    scores = [question.score or 0.0 for question in scored]
    return clustered(scores, [question.asked.video for question in scored])


def curve(scored: Sequence[Question]) -> tuple[Point, ...]:
    """Accuracy against frames shown: questions in order of these, in parts of about as many.

    Questions that were shown as many frames are in one part.
    """
    parts = min(POINTS, len(scored) // EACH)
    if not parts:
        return ()
    frames = np.array([question.frames for question in scored])
    points = []
    places = bins(frames, parts)
    for place in range(parts):
        chosen = np.flatnonzero(places == place).tolist()
        known = accuracy([scored[n] for n in chosen])
        if known is not None:
            shown = frames[chosen]
            points.append(Point(float(shown.mean()), float(shown.min()), float(shown.max()), known))
    return tuple(points)


def told_accuracy(known: Estimate | None) -> str:
    """An accuracy in words: ``0.712 (95%: 0.655 to 0.769; 240 questions, 40 videos)``."""
    if known is None:
        return "not known"
    of = f"{counted(known.items, 'question')}, {counted(known.clusters, 'video')}"
    if known.interval is None:
        return f"{known.mean:.3f} ({of}: no interval from one video)"
    low, high = known.interval
    return f"{known.mean:.3f} (95%: {low:.3f} to {high:.3f}; {of})"


def headline(told: Summary) -> tuple[str, str]:
    """The metric that a data set is known by, and what the run has of it, in words."""
    if not told.recall:
        return "Accuracy", told_accuracy(told.accuracy)
    kinds = [f"{share:.1%} of {kind}s" for kind, share in told.recall["overall"].items()]
    return "Class-mean recall@5", f"{', '.join(reversed(kinds))} ({told.questions:,} questions)"


def categories(question: Question) -> tuple[str, ...]:
    """Each of its categories."""
    category = question.asked.category
    return tuple(category.split("; ")) if category else ()


def _by(
    scored: Sequence[Question], parts: Callable[[Question], Iterable[str]]
) -> dict[str, Estimate]:
    members: dict[str, list[Question]] = {}
    for question in scored:
        for part in dict.fromkeys(parts(question)):
            members.setdefault(part, []).append(question)
    known = {part: accuracy(members[part]) for part in sorted(members)}
    return {part: each for part, each in known.items() if each is not None}


def _by_duration(scored: Sequence[Question]) -> dict[str, Estimate]:
    """By the length of the video, shortest first; nothing where all are about as long."""
    edges = np.array(_DURATIONS)

    def place(question: Question) -> tuple[str, ...]:
        seconds = question.asked.video_seconds
        return () if seconds is None else (str(np.searchsorted(edges, seconds, "right")),)

    found = _by(scored, place)
    if len(found) < 2:
        return {}
    return {_minutes(int(number)): each for number, each in found.items()}


def _minutes(place: int) -> str:
    if place == len(_DURATIONS):
        return f"{_DURATIONS[-1] / 60:g} min and more"
    high = _DURATIONS[place] / 60
    return f"{_DURATIONS[place - 1] / 60:g} to {high:g} min" if place else f"under {high:g} min"


def _tokens(row: ItemResult) -> int | None:
    if row.input_tokens is None or row.output_tokens is None:
        return None
    return row.input_tokens + row.output_tokens


def _spent(values: Sequence[float | None]) -> Spent:
    known = [float(value) for value in values if value is not None]
    if not known or len(known) < len(values):
        return Spent(None, None, None, None)
    return Spent(float(np.mean(known)), float(np.median(known)), max(known), sum(known))


def _evidence(questions: Sequence[Question]) -> Evidence | None:
    known = [question for question in questions if question.asked.evidence_time]
    rows = [row for question in known for row in question.results]
    answered = sum(bool(row.evidence) for row in rows)
    if not answered:  # a system that never tells any has none that could be good or bad
        return None
    videos = [question.asked.video for question in known]
    means = []
    for iou in (best_iou, union_iou):
        each = [[iou(*_spans(row)) for row in question.results] for question in known]
        means.append(clustered([float(np.mean(ious)) for ious in each], videos))
    best, union = means
    if best is None or union is None:
        return None
    return Evidence(len(known), len(rows), answered, best, union)


def _spans(row: ItemResult) -> tuple[list[Span], list[Span]]:
    return [Span(*span) for span in row.evidence], [Span(*span) for span in row.evidence_time]


def _judgement(rows: Sequence[ItemResult]) -> Judgement | None:
    asked = [(row, row.judged) for row in rows if row.judged is not None]
    if not asked:
        return None
    told = [(row, it) for row, it in asked if it.right is not None]
    videos = [row.video for row, _ in told]
    dollars = [it.usd for _, it in asked]
    known = [usd for usd in dollars if usd is not None]
    agreements = [it.agreement for _, it in told if it.agreement is not None]
    return Judgement(
        models=tuple(dict.fromkeys(it.model for _, it in asked)),
        answers=sum(row.open for row in rows),
        asked=len(asked),
        failed=len(asked) - len(told),
        right=clustered([float(it.right or 0) for _, it in told], videos),
        matched=clustered([row.score or 0.0 for row, _ in told], videos),
        agreement=float(np.mean(agreements)) if agreements else None,
        usd=sum(known) if len(known) == len(dollars) else None,
    )


def _recall(scored: Sequence[Question]) -> dict[str, dict[str, float]]:
    """Of the first time each was asked: ranked guesses have no mean."""
    rows = [question.asked for question in scored if question.asked.metric == "recall@5"]
    if not rows:
        return {}
    guesses = {row.id: ranked(row.answer or "") for row in rows}
    return anticipation_recall([row.item for row in rows], guesses)
