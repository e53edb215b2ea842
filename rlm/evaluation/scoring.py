"""What an answer is worth by the metrics of the sets."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from rlm.evaluation.items import Item
from rlm.spans import Span

_ARTICLES = frozenset({"a", "an", "the"})
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_PUNCTUATION = re.compile(r"[.,](?!\d)|(?<!\d)[.,]|[;:!?\"()\[\]{}<>/\\_|`~^*]")
_NUMBERING = re.compile(r"^\s*(?:\d+\s*[.):]|[-*•])\s*")

TOP = 5
"""Guesses that count for recall@5."""


def score(item: Item, text: str, choice: int | None) -> float | None:
    """1.0 for a right answer, 0.0 for a wrong one, ``None`` where what is right is not known.

    ``choice`` is the option that was chosen, ``text`` what was said. With ``recall@5`` the answer
    is right when it is among the first five guesses; the metric of the set is not the mean of that
    but :func:`anticipation_recall`.
    """
    if not item.scored:
        return None
    if item.metric == "choice":
        return float(choice == item.answer_index)
    if item.metric == "recall@5":
        return float(any(answer in ranked(text)[:TOP] for answer in item.answers))
    return float(says(text, item.answers))


def says(text: str, answers: Iterable[str]) -> bool:
    """Whether a text is one of the right answers, both made plain by :func:`plain_answer`.

    Where the right answer is yes or no, the first word of the text decides. Nothing else is
    guessed: a sentence around the right word is not the right word, and is for a judge.

    The script that ActivityNet-QA comes with (``evaluation/eval.py``) compares texts exactly,
    because the systems of its time chose from a list of the answers; texts of a language model are
    not written in that form.
    """
    told = plain_answer(text)
    for answer in map(plain_answer, answers):
        if told == answer or (answer in ("yes", "no") and told.split()[:1] == [answer]):
            return True
    return False


def plain_answer(text: str) -> str:
    """A short answer without what does not matter: case, articles, punctuation, number words.

    This is the processing of the VQA evaluation (Antol et al., ICCV 2015), which its authors
    publish as ``vqaEval.py``, without its list of contractions. Plurals stay apart, as there.
    """
    words = _PUNCTUATION.sub(" ", text.casefold()).split()
    return " ".join(_NUMBERS.get(word, word) for word in words if word not in _ARTICLES)


def ranked(text: str) -> list[str]:
    """Guesses in the order they were told, without repeats.

    They are separated by semicolons or lines, by commas where there is neither; numbers before
    them, full stops after them, case and spacing are left out.
    """
    separator = r"[;\n]" if re.search(r"[;\n]", text.strip()) else ","
    guesses = (
        " ".join(_NUMBERING.sub("", part).casefold().strip(" .\"'`").split())
        for part in re.split(separator, text)
    )
    return list(dict.fromkeys(filter(None, guesses)))


def class_mean_recall(
    labels: Sequence[Hashable], guesses: Sequence[Sequence[Hashable]], k: int = TOP
) -> float:
    """The share of instances whose class is among the first ``k`` guesses, as a mean over classes.

    ``labels`` are the N right classes, ``guesses`` the N ranked lists, which may be empty. Classes
    with no instance are left out. This is ``mean_topk_recall`` of the evaluation script of the
    EPIC-KITCHENS-100 anticipation challenge (Furnari et al., ECCVW 2018; Damen et al., IJCV 2022).
    NaN where there are no instances. Raises ``ValueError`` when the two differ in number.
    """
    hits = [label in list(told[:k]) for label, told in zip(labels, guesses, strict=True)]
    if not hits:
        return float("nan")
    numbers: dict[Hashable, int] = {}
    of = np.array([numbers.setdefault(label, len(numbers)) for label in labels])
    return float(np.mean(np.bincount(of, weights=hits) / np.bincount(of)))


def anticipation_recall(
    items: Sequence[Item], guesses: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Class-mean recall@5 of verbs, nouns and actions: ``overall``, ``unseen`` and ``tail``.

    ``guesses`` are by id of the item what :func:`ranked` gives; an item without any counts as
    missed. Guessed verbs and nouns are those of the guessed actions, each in the order it comes
    first. ``unseen`` are the items of unseen participants; ``tail`` those whose own verb, noun or
    action is in the tail, each for its own recall. A part without items has NaN.
    """
    scored = [item for item in items if item.answers]
    parts = {"verb": 0, "noun": 1, "action": None}
    table: dict[str, dict[str, float]] = {"overall": {}, "unseen": {}, "tail": {}}
    for kind, place in parts.items():
        for group, row in table.items():
            chosen = [
                item
                for item in scored
                if group == "overall"
                or (group == "unseen" and item.group == "unseen")
                or (group == "tail" and f"tail {kind}" in item.categories)
            ]
            row[kind] = class_mean_recall(
                [_part(item.answers[0], place) for item in chosen],
                [
                    list(dict.fromkeys(_part(told, place) for told in guesses.get(item.id, ())))
                    for item in chosen
                ],
            )
    return table


def union_iou(told: Iterable[Span], wanted: Iterable[Span]) -> float:
    """Seconds in both over the seconds in either, from 0 to 1; spans of one side count once."""
    ours, theirs = _merged(told), _merged(wanted)
    both = sum(a.overlap(b) for a in ours for b in theirs)
    either = sum(span.duration for span in (*ours, *theirs)) - both
    return both / either if either > 0 else 0.0


def best_iou(told: Sequence[Span], wanted: Sequence[Span]) -> float:
    """For each span that is wanted the best overlap of one that was told, from 0 to 1; their mean.

    One span that was told may serve several; further ones cost nothing. 0 where nothing is wanted.
    """
    if not wanted:
        return 0.0
    return sum(max((a.iou(b) for a in told), default=0.0) for b in wanted) / len(wanted)


def _part(action: str, place: int | None) -> str:
    """The verb or the noun of ``"turn-on tap"``, or all of it; case does not matter."""
    action = action.casefold()
    if place is None:
        return action
    verb, _, noun = action.partition(" ")
    return (verb, noun)[place]


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The same seconds without any of them twice."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
