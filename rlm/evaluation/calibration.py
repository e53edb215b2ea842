"""Whether a confidence means what it says, and a calibrator that makes it so.

Of the answers with a confidence of 0.7, seven in ten should be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rlm.agent.calibrator import Calibrator, Method
from rlm.errors import UsageError
from rlm.evaluation.results import ItemResult, RunHeader
from rlm.evaluation.statistics import Floats

BINS = 10
FOLDS = 5
FEWEST = 20
"""Answers that a calibrator is fitted on, at least."""
GRID = 64
"""Steps in which a Platt curve is written down."""

_Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Bin:
    """Answers that were about as sure: their number, mean confidence, and share that was right."""

    number: int
    confidence: float
    right: float


@dataclass(frozen=True)
class Calibration:
    """How confidence and correctness go together over ``answers`` that had a confidence.

    ``ece`` is the expected calibration error over ``bins`` of about as many answers each (Nguyen
    and O'Connor 2015), ``brier`` the mean square of confidence less correctness (Brier 1950).
    ``brier_options`` is the same over the probabilities of all options, from 0 to 2, of the
    answers that have these; ``None`` where there are none.
    """

    answers: int
    confidence: float
    right: float
    ece: float
    brier: float
    brier_options: float | None
    bins: tuple[Bin, ...]


def bins(values: Floats, number: int) -> npt.NDArray[np.intp]:
    """For each of N values which of ``number`` parts of about as many it is in, from 0 on.

    Equal values are in the same part, so some parts may be empty.
    """
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.minimum((middle * number / len(values)).astype(np.intp), number - 1)[group]


def reliability(confidence: Floats, right: Floats, number: int = BINS) -> tuple[Bin, ...]:
    """The reliability curve of N answers in at most ``number`` parts."""
    places = bins(confidence, number)
    parts = [places == place for place in range(number)]
    return tuple(
        Bin(int(part.sum()), float(confidence[part].mean()), float(right[part].mean()))
        for part in parts
        if part.any()
    )


def expected_error(curve: Iterable[Bin]) -> float:
    """The expected calibration error of a reliability curve."""
    parts = list(curve)
    total = sum(part.number for part in parts)
    return sum(part.number * abs(part.confidence - part.right) for part in parts) / total


def calibration(results: Iterable[ItemResult]) -> Calibration | None:
    """Of the answers that have a confidence and can be scored; ``None`` without any."""
    rows = told(results)
    if not rows:
        return None
    confidence, right, _ = _columns(rows)
    curve = reliability(confidence, right)
    options = [
        float(
            np.sum((np.array(row.probabilities) - np.eye(len(row.options))[row.answer_index]) ** 2)
        )
        for row in rows
        if row.probabilities and row.answer_index is not None
    ]
    return Calibration(
        answers=len(rows),
        confidence=float(confidence.mean()),
        right=float(right.mean()),
        ece=expected_error(curve),
        brier=brier(confidence, right),
        brier_options=float(np.mean(options)) if options else None,
        bins=curve,
    )


def brier(confidence: Floats, right: Floats) -> float:
    """The mean square of the one less the other."""
    return float(np.mean((confidence - right) ** 2))


def told(results: Iterable[ItemResult]) -> list[ItemResult]:
    """Results whose answer has a confidence and can be scored."""
    return [r for r in results if r.failure is None and None not in (r.confidence, r.credit)]


def fit(results: Iterable[ItemResult], header: RunHeader, run: str) -> Calibrator:
    """The calibrator of a run's answers, by the method with the lowest held-out Brier score.

    The methods are isotonic regression (Zadrozny and Elkan 2002), Platt scaling of the log odds
    (Platt 1999), and to leave confidence as it is. A held-out answer is one about a video that the
    curve was not fitted on, in up to five folds. Raises ``UsageError`` where there is too little to
    fit on.
    """
    rows = told(results)
    confidence, right, videos = _columns(rows)
    clusters = len(set(videos))
    if len(rows) < FEWEST or clusters < 2:
        raise UsageError(
            f"{run} has {len(rows)} scored answers with a confidence, about {clusters} videos: a "
            f"calibrator needs {FEWEST} or more, about two videos or more"
        )
    held_out = {
        method: _held_out(make, confidence, right, videos) for method, make in _METHODS.items()
    }
    scores = {method: brier(guess, right) for method, guess in held_out.items()}
    best = min(scores, key=lambda method: scores[method])
    return Calibrator(
        method=best,
        points=_METHODS[best](confidence, right),
        run=run,
        dataset=header.dataset,
        system=header.system,
        model=header.models.get("main", ""),
        preset=header.preset,
        answers=len(rows),
        videos=clusters,
        brier_before=scores["none"],
        brier_after=scores[best],
        ece_before=expected_error(reliability(confidence, right)),
        ece_after=expected_error(reliability(held_out[best], right)),
    )


def _columns(rows: Sequence[ItemResult]) -> tuple[Floats, Floats, list[str]]:
    confidence = np.array([row.confidence for row in rows], float)
    right = np.array([row.credit for row in rows], float)
    return confidence, right, [row.video for row in rows]


def _held_out(
    make: Callable[[Floats, Floats], _Curve], confidence: Floats, right: Floats, videos: list[str]
) -> Floats:
    from sklearn.model_selection import GroupKFold

    guess = np.empty_like(confidence)
    folds = GroupKFold(min(FOLDS, len(set(videos))))
    for known, held in folds.split(confidence, right, videos):
        x, y = np.array(make(confidence[known], right[known])).T
        guess[held] = np.interp(confidence[held], x, y)
    return guess


def _as_it_is(confidence: Floats, right: Floats) -> _Curve:
    return ((0.0, 0.0), (1.0, 1.0))


def _isotonic(confidence: Floats, right: Floats) -> _Curve:
    from sklearn.isotonic import IsotonicRegression

    # No finite number of answers makes a certainty: the bounds are Laplace's rule of succession.
    least = 1 / (len(right) + 2)
    curve = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    curve.fit(confidence, right)
    return tuple(zip(curve.X_thresholds_.tolist(), curve.y_thresholds_.tolist(), strict=True))


def _platt(confidence: Floats, right: Floats) -> _Curve:
    from sklearn.linear_model import LogisticRegression

    x = np.linspace(0, 1, GRID + 1)
    said = right > 0.5
    if said.all() or not said.any():
        share = (said.sum() + 1) / (len(said) + 2)
        return ((0.0, float(share)), (1.0, float(share)))
    curve = LogisticRegression().fit(_log_odds(confidence), said)
    y = curve.predict_proba(_log_odds(x))[:, 1]
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _log_odds(confidence: Floats) -> Floats:
    inside = np.clip(confidence, 0.01, 0.99)
    return np.log(inside / (1 - inside))[:, None]


_METHODS: dict[Method, Callable[[Floats, Floats], _Curve]] = {
    "none": _as_it_is,
    "platt": _platt,
    "isotonic": _isotonic,
}
