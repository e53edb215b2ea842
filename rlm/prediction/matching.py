"""Which of several statements a span shows best, by one text-video space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import EncoderSpec
from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.spans import Span

FORETOLD = "joint, foretold"
TEMPERATURES = {("joint", "5bdacd8f687c"): 0.074, (FORETOLD, "5bdacd8f687c"): 0.08}
"""By field and revision of its encoder's weights, what scores are divided by to become logarithms
of probabilities: cosines of best windows, and the scores of ``anticipate``.

Only where it was fitted: by ``tests/bench/fit_matching.py``, on procedural film that no model was
trained on, with the built-in weights. On 213 questions with four candidates about other such films
the first is right in 0.69 (0.84 where the wrong ones are of other shots, 0.64 where they differ in
a colour, a shape or a motion, 0.51 of whole films), with an expected calibration error of 0.07.
What is anticipated was fitted on 90 moving things, half of which bounce: there it is 0.74.
"""

_MOST = 100
_FEWEST_WORDS = 3
_PRONOUNS = frozenset("he it she that these they this those we you".split())


@dataclass(frozen=True, slots=True)
class Match:
    """How well a candidate fits a span; ``[start, end)`` seconds is the window that shows it best.

    ``score`` is the cosine there, ``margin`` that less the best score of the other candidates, so
    that it is above 0 for the first alone. ``probability`` is that of being the right one if one of
    them is; ``None`` for weights for which no temperature was fitted (see ``TEMPERATURES``).
    """

    start: float
    end: float
    candidate: str
    probability: float | None
    margin: float
    score: float
    space: str = field(repr=False)
    method: str = field(repr=False)


def match(
    index: VideoIndex, question: str, candidates: Sequence[str], span: Span | None = None
) -> list[Match]:
    """The ``candidates`` for an answer to ``question`` about ``span``, the best first.

    Each becomes a statement (see ``statements``) and is compared with the windows of the span, in
    the first of ``VideoIndex.text_spaces``; what counts is its best window. Probabilities are a
    softmax of the scores over a temperature (Guo et al., ICML 2017).

    Raises ``UsageError`` where there is no text side, for a span outside the video and as
    ``check_candidates`` does.
    """
    told = check_candidates(candidates)
    name, space = next(iter(index.text_spaces.items()), (None, ""))
    if name is None:
        raise UsageError(
            f"an index of tier {index.tier} with preset {index.preset} has no text side, in which "
            "candidates could be compared with the video: look at the frames"
        )
    spans, vectors = _windows(index, name, index.video.span if span is None else span)
    encoder = index.encoder(name)
    scores = vectors @ encoder.encode_text(statements(question, told)).T
    best = scores.argmax(axis=0)
    score = scores.max(axis=0).astype(np.float64)
    shares = chances(score, name, encoder.spec)
    matches = [
        Match(
            start=float(spans[best[number], 0]),
            end=float(spans[best[number], 1]),
            candidate=candidates[number],
            probability=shares[number],
            margin=float(score[number] - np.delete(score, number).max()),
            score=float(score[number]),
            space=space,
            method=f"text to {name}, best of {len(spans)} windows"
            + ("; no temperature fitted" if shares[number] is None else ""),
        )
        for number in range(len(told))
    ]
    return sorted(matches, key=lambda each: -each.score)


def check_candidates(candidates: Sequence[str], what: str = "candidates") -> list[str]:
    """``candidates`` with single spaces; ``what`` is what its asker calls them.

    Raises ``UsageError`` for what is no list or tuple of texts, and for fewer than two, more than
    100, empty or equal ones.
    """
    # A text is a sequence of texts too: its letters.
    if not isinstance(candidates, list | tuple) or not all(
        isinstance(candidate, str) for candidate in candidates
    ):
        raise UsageError(
            f'{what} are a list of texts, as in ["a dog runs", "a dog sits"], '
            f"not {candidates!r:.200}"
        )
    told = [" ".join(candidate.split()) for candidate in candidates]
    if not 2 <= len(told) <= _MOST or not all(told) or len(set(told)) < len(told):
        raise UsageError(
            f"{what} are 2 to {_MOST} different texts, none empty, not {list(candidates)}"
        )
    return told


def statements(question: str, candidates: Sequence[str]) -> list[str]:
    """What is compared with the video for each candidate.

    A candidate stands for itself when it has three words or more and does not begin with a pronoun:
    ``"a red ring"``, ``"a man sits down"``. Where one does not (``"Blue"``, ``"It moves up"``), the
    question comes before all of them: texts of one form lie together in such a space, and only what
    the candidates say should tell them apart.
    """
    asked = question.strip().rstrip("?").strip()
    if not asked or all(_stands(candidate) for candidate in candidates):
        return list(candidates)
    return [f"{asked}? {candidate}" for candidate in candidates]


def chances(scores: NDArray[np.float64], field: str, spec: EncoderSpec) -> list[float] | list[None]:
    """The probability of each of ``scores`` [C] in ``field``; ``None`` for weights for which no
    temperature was fitted."""
    if (temperature := TEMPERATURES.get((field, spec.revision))) is None:
        return [None] * len(scores)
    shares: list[float] = probabilities(scores, temperature).tolist()
    return shares


def probabilities(scores: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The softmax of ``scores`` [..., C] over ``temperature``."""
    odds = np.exp((scores - scores.max(axis=-1, keepdims=True)) / temperature)
    shares: NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return shares


def _stands(candidate: str) -> bool:
    words = candidate.lower().split()
    return len(words) >= _FEWEST_WORDS and words[0].split("'")[0] not in _PRONOUNS


def _windows(
    index: VideoIndex, name: str, span: Span
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Spans [W, 2] and vectors [W, D] of the rows that lie in ``span`` by half or more.

    Where none does, ``span`` is a small part of one: it is embedded by itself.
    """
    spans = index.spans(name)
    shared = np.minimum(spans[:, 1], span.end) - np.maximum(spans[:, 0], span.start)
    rows = np.flatnonzero(shared >= (spans[:, 1] - spans[:, 0]) / 2)
    if rows.size:
        return spans[rows], index.track(name)[rows].astype(np.float32)
    return np.array([[span.start, span.end]]), index.embed(span, name).vector[None]
