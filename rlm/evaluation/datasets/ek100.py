"""EPIC-KITCHENS-100, action anticipation (Damen et al., IJCV 2022)."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from rlm.errors import UsageError
from rlm.evaluation.build import Builder
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.rows import annotation_file, companion, read_rows
from rlm.spans import parse_time

AHEAD = 1.0
"""Seconds before an action starts at which the video has to end (tau_a)."""

GUESSES = 5


class _Row(BaseModel):
    narration_id: str
    participant_id: str
    video_id: str
    start_timestamp: str
    verb_class: int
    noun_class: int


class _Class(BaseModel):
    id: int
    key: str


class _Participant(BaseModel):
    participant_id: str


class _Verb(BaseModel):
    verb: int


class _Noun(BaseModel):
    noun: int


class EK100:
    """What is done next; five guesses, each a verb and a noun by the keys of their classes.

    ``span`` is all that may be seen: it ends one second before the action starts. ``group`` tells
    participants that are unseen in training from the others; categories tell tail classes: an
    action is in the tail when its verb or its noun is. Items whose action starts within that second
    have nothing to be seen, and are missing.
    """

    name = "ek100"
    about = About(
        title="EPIC-KITCHENS-100 anticipation",
        questions=9668,
        metric="class-mean recall@5 of verb, noun and action; overall, unseen, tail",
        annotations="EPIC_100_validation.csv, with the set's other EPIC_100_*.csv beside it",
        licence="CC-BY-NC-4.0",
    )

    def read(self, annotations: Path, videos: Path) -> DataSet:
        """See :class:`rlm.evaluation.dataset.DatasetReader`."""
        path = annotation_file(annotations, ["EPIC_100_validation.csv"])
        verbs = _classes(path, "EPIC_100_verb_classes.csv", "the classes of verbs")
        nouns = _classes(path, "EPIC_100_noun_classes*.csv", "the classes of nouns")
        unseen = {
            row.participant_id
            for _, row in read_rows(
                companion(
                    path,
                    "EPIC_100_unseen_participant_ids_validation.csv",
                    "the participants unseen in training",
                ),
                _Participant,
            )
        }
        rare_verbs = {
            row.verb
            for _, row in read_rows(
                companion(path, "EPIC_100_tail_verbs.csv", "the rare verbs"), _Verb
            )
        }
        rare_nouns = {
            row.noun
            for _, row in read_rows(
                companion(path, "EPIC_100_tail_nouns.csv", "the rare nouns"), _Noun
            )
        }
        question = _question(tuple(verbs.values()), tuple(nouns.values()))
        builder = Builder(self.name, videos)
        for where, row in read_rows(path, _Row):
            if row.verb_class not in verbs or row.noun_class not in nouns:
                raise UsageError(f"{where}: verb_class, noun_class: there is no such class")
            until = _start(where, row.start_timestamp) - AHEAD
            tail = [row.verb_class in rare_verbs, row.noun_class in rare_nouns]
            names = ("tail verb", "tail noun", "tail action")
            labels = [name for name, rare in zip(names, [*tail, any(tail)], strict=True) if rare]
            builder.add(
                where,
                uid=row.narration_id,
                video=[f"{row.participant_id}/{row.video_id}", row.video_id],
                question=question,
                answers=(f"{verbs[row.verb_class]} {nouns[row.noun_class]}",),
                category="; ".join(labels),
                group="unseen" if row.participant_id in unseen else "seen",
                span=(0.0, max(until, 0.0)),
                metric="recall@5",
                unseen=""
                if until > 0
                else f"{row.narration_id} starts before anything may be seen",
            )
        return builder.done()


def _classes(path: Path, pattern: str, holds: str) -> dict[int, str]:
    there = sorted(path.parent.glob(pattern))
    name = there[-1].name if there else pattern.replace("*", "")
    return {row.id: row.key for _, row in read_rows(companion(path, name, holds), _Class)}


def _start(where: str, text: str) -> float:
    try:
        return parse_time(text)
    except UsageError as error:
        raise UsageError(f"{where}: start_timestamp: {error}") from error


def _question(verbs: tuple[str, ...], nouns: tuple[str, ...]) -> str:
    """Asked of every item, with all classes: a guess that names none of them cannot be right."""
    return (
        f"The video stops {AHEAD:g} second before the next action begins. Which action is it? "
        f"Answer with your {GUESSES} likeliest guesses, the likeliest first, separated by "
        "semicolons. Each is a verb and a noun from these lists, written as they are here, with a "
        f"space between.\nVerbs: {', '.join(verbs)}.\nNouns: {', '.join(nouns)}."
    )
