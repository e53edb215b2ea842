"""The discriminant that tells dissolves from motion: WEIGHTS and BIAS of the finder of dissolves.

::

    python tests/bench/fit_dissolves.py

The films are those of ``made_films``, of seeds that the benchmark does not use; every fourth is one
undisturbed or disturbed shot without any boundary. The detector runs over those of the fit and what
its finder of dissolves weighs is labelled: windows that match a dissolve in middle and length,
against those that touch neither dissolve nor fade. A logistic regression gives the weights. The
bias is the one with which the whole detector has the largest F1, over boundaries of all kinds, on
the films of validation, of two the one with the higher precision. What to paste is printed. It
takes a quarter of an hour on two cores.

Where the real clips of single shots are there, half of the shots are taken from them; the films of
validation draw on other clips than those of the fit.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
from bench_scenes import CLIPS, SINGLE_SHOTS, Tally
from made_films import Boundary, RealClip, make_film
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from rlm.index.transitions import TransitionDetector, dissolves
from rlm.index.transitions.history import History, Times
from rlm.video import Video

FIT_SEEDS, FIT_CLIPS = range(5000, 5160), SINGLE_SHOTS[::2]
VALIDATION_SEEDS, VALIDATION_CLIPS = range(6000, 6120), SINGLE_SHOTS[1::2]
QUIET = 4  # one film of so many is a single shot
BIAS_STEPS = np.arange(-4.0, 2.01, 0.5)  # around that of the regression
MIDDLE_OFF = 0.15, 0.05  # of a window that matches: at most such a part of the dissolve, and seconds
LENGTH_OFF = 0.35  # the same of its length, in powers of e
CLEAR = 0.1  # seconds between a window that matches nothing and all dissolves and fades
WORTH = 8.0  # windows that a dissolve counts for, however many match it

Values = NDArray[np.float64]
Film = tuple[list[Boundary], float, list[tuple[float, NDArray[np.float32]]]]
"""The boundaries, the seconds it takes, and every picture as the detector gets it."""


def make(seed: int, names: Sequence[str]) -> Film:
    """A film, written and read again."""
    clips = [
        RealClip(CLIPS / name, Video.open(CLIPS / name).span.end)
        for name in names
        if (CLIPS / name).is_file()
    ]
    pictures: list[tuple[float, NDArray[np.float32]]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        boundaries = make_film(path, seed, clips, joined=seed % QUIET > 0)
        video = Video.open(path)
        for _ in video.frames(fps=4.0, size=(64, 64), tap=lambda *each: pictures.append(each)):
            pass
    return boundaries, video.span.end, pictures


def detect(film: Film) -> list[float]:
    """The times at which the detector finds a boundary."""
    _, duration, pictures = film
    detector = TransitionDetector(min_shot=0.25)
    for time, picture in pictures:
        detector.add(time, picture)
    detector.finish(duration)
    return [transition.time for transition in detector.transitions]


def collect(seed: int) -> tuple[Values, Values, Values]:
    """What is weighed in a film of the fit: evidence [N, 6], dissolve or not [N], weights [N]."""
    middles, lengths, evidence = [np.zeros(0)], [np.zeros(0)], [np.zeros((0, 6))]

    def record(history: History, middle: Times, length: Times) -> list[dissolves.Dissolve]:
        index, weighed, _, _ = dissolves.weigh(history, middle, length)
        middles.append(middle[index])
        lengths.append(length[index])
        evidence.append(weighed)
        return []

    film = make(seed, FIT_CLIPS)
    dissolves.candidates = record
    detect(film)
    middle, length = np.concatenate(middles), np.concatenate(lengths)
    label, weight, clear = np.zeros(len(middle)), np.ones(len(middle)), np.full(len(middle), True)
    for boundary in film[0]:
        if boundary.kind == "cut":
            continue
        clear &= (middle + length / 2 + CLEAR <= boundary.start) | (
            middle - length / 2 - CLEAR >= boundary.end
        )
        if boundary.kind == "dissolve":
            due = boundary.end - boundary.start
            off = np.abs(middle - (boundary.start + boundary.end) / 2)
            part, seconds = MIDDLE_OFF
            match = (off < part * due + seconds) & (np.abs(np.log(length / due)) < LENGTH_OFF)
            label[match] = 1.0
            weight[match] = WORTH / max(1, np.count_nonzero(match))
    used = clear | (label > 0)
    return np.concatenate(evidence)[used], label[used], weight[used]


def judge(seed: int, weights: Values, biases: Values) -> list[Tally]:
    """How the detector does on a film of validation, with each bias."""
    film = make(seed, VALIDATION_CLIPS)
    dissolves.WEIGHTS = weights
    tallies = []
    for bias in biases:
        dissolves.BIAS = float(bias)
        tally = Tally()
        tally.add(film[0], detect(film))
        tallies.append(tally)
    return tallies


def main() -> None:
    """Fit, choose the bias, print."""
    with Pool() as pool:
        films = pool.map(collect, FIT_SEEDS, chunksize=1)
        evidence, label, weight = (np.concatenate(each) for each in zip(*films, strict=True))
        mean, scale = evidence.mean(axis=0), evidence.std(axis=0)
        model = LogisticRegression().fit((evidence - mean) / scale, label, sample_weight=weight)
        weights = np.round(model.coef_[0] / scale, 2)
        biases = np.round(float(model.intercept_[0] - weights @ mean) + BIAS_STEPS, 1)
        print(f"{len(label)} windows, {int(label.sum())} of dissolves; weights {weights.tolist()}")
        judged = pool.map(partial(judge, weights=weights, biases=biases), VALIDATION_SEEDS, 1)
    scores = []
    print("    bias  precision   recall       F1         cut    dissolve        fade    wrong")
    for bias, each in zip(biases, zip(*judged, strict=True), strict=True):
        tally = Tally()
        for one in each:
            tally.found += one.found
            tally.missed += one.missed
            tally.wrong += one.wrong
        found, missed = tally.found.total(), tally.missed.total()
        # Of two with one F1, the larger share of right ones among those found.
        scores.append((2 * found / (2 * found + missed + tally.wrong), -tally.wrong))
        print(f"{bias:8}{tally.row(('cut', 'dissolve', 'fade'))}")
    print(f"\nWEIGHTS = np.array({weights.tolist()})\nBIAS = {biases[scores.index(max(scores))]}")


if __name__ == "__main__":
    main()
