"""The discriminant that tells dissolves from motion: WEIGHTS and BIAS of the finder of dissolves.

::

    python tests/bench/fit_dissolves.py

The films are those of ``made_films``, with shots of the same real clips as in the benchmark but of
other seeds; every fourth is a single shot. The detector runs over the films of the fit, and what
its finder of dissolves weighs is labelled: windows that match a dissolve in middle and length,
against those that touch neither dissolve nor fade. A logistic regression gives the weights. The
bias is chosen on films of validation, of other seeds again: of those with which the whole detector
finds the fewest boundaries in the real clips, single shots all, the one with the largest F1 over
all kinds of boundaries in the films, of equal ones that with the higher precision. What to paste
is printed. It takes ten minutes on two cores. Without the real clips all shots are drawn, and the
constants come out different.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from unittest.mock import patch

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
from bench_scenes import CLIPS, SINGLE_SHOTS, Tally
from made_films import Boundary, RealClip, make_film
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from rlm.index.transitions import TransitionDetector, dissolves
from rlm.index.transitions.history import History, Times
from rlm.video import Video

FIT_SEEDS = range(5000, 5130)
VALIDATION_SEEDS = range(6000, 6080)
QUIET = 4  # one film of so many is a single shot
BIAS_STEPS = np.arange(-4.0, 1.51, 0.5)  # from that of the regression
MIDDLE_OFF = (
    0.15,
    0.05,
)  # of a window that matches: at most such a part of the dissolve, and seconds
LENGTH_OFF = 0.35  # the same of its length, in powers of e
CLEAR = 0.1  # seconds between a window that matches nothing and all dissolves and fades
WORTH = 8.0  # windows that a dissolve counts for, however many match it

Values = NDArray[np.float64]
Pictures = list[tuple[float, NDArray[np.float32]]]


def read(path: Path) -> tuple[Pictures, float]:
    """All pictures of a video as the detector gets them, and the seconds it takes."""
    video, pictures = Video.open(path), []
    for _ in video.frames(fps=4.0, size=(64, 64), tap=lambda *each: pictures.append(each)):
        pass
    return pictures, video.span.end


def make(seed: int, clips: list[Path]) -> tuple[list[Boundary], Pictures, float]:
    """A film, written and read again."""
    shots = [RealClip(path, Video.open(path).span.end) for path in clips]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        return make_film(path, seed, shots, joined=seed % QUIET > 0), *read(path)


def detect(pictures: Pictures, duration: float) -> list[float]:
    """The times at which the detector finds a boundary."""
    detector = TransitionDetector(min_shot=0.25)
    for time, picture in pictures:
        detector.add(time, picture)
    detector.finish(duration)
    return [transition.time for transition in detector.transitions]


def collect(seed: int, clips: list[Path]) -> tuple[Values, Values, Values]:
    """What is weighed in a film of the fit: evidence [N, 6], dissolve or not [N], weights [N]."""
    middles, lengths, evidence = [np.zeros(0)], [np.zeros(0)], [np.zeros((0, 6))]

    def record(history: History, middle: Times, length: Times) -> list[dissolves.Dissolve]:
        index, weighed, _, _ = dissolves.weigh(history, middle, length)
        middles.append(middle[index])
        lengths.append(length[index])
        evidence.append(weighed)
        return []

    boundaries, pictures, duration = make(seed, clips)
    with patch.object(dissolves, "candidates", record):
        detect(pictures, duration)
    middle, length = np.concatenate(middles), np.concatenate(lengths)
    label, weight, clear = np.zeros(len(middle)), np.ones(len(middle)), np.full(len(middle), True)
    for boundary in boundaries:
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


def judge(source: int | Path, clips: list[Path], weights: Values, biases: Values) -> list[Tally]:
    """How the detector does with each bias on a film of validation, by its seed, or a real clip."""
    if isinstance(source, Path):
        boundaries, (pictures, duration) = [], read(source)
    else:
        boundaries, pictures, duration = make(source, clips)
    dissolves.WEIGHTS = weights
    tallies = []
    for bias in biases:
        dissolves.BIAS = float(bias)
        tallies.append(Tally())
        tallies[-1].add(boundaries, detect(pictures, duration))
    return tallies


def total(tallies: list[Tally]) -> Tally:
    """Of several files."""
    result = Tally()
    for tally in tallies:
        result.found += tally.found
        result.missed += tally.missed
        result.wrong += tally.wrong
    return result


def main() -> None:
    """Fit, choose the bias, print."""
    clips = [path for name in SINGLE_SHOTS if (path := CLIPS / name).is_file()]
    print(f"{len(clips)} real clips, films {FIT_SEEDS} for the fit, {VALIDATION_SEEDS} to validate")
    with Pool() as pool:
        films = pool.map(partial(collect, clips=clips), FIT_SEEDS, 1)
        evidence, label, weight = (np.concatenate(each) for each in zip(*films, strict=True))
        mean, scale = evidence.mean(axis=0), evidence.std(axis=0)
        model = LogisticRegression().fit((evidence - mean) / scale, label, sample_weight=weight)
        weights = np.round(model.coef_[0] / scale, 2)
        biases = np.round(float(model.intercept_[0] - weights @ mean) + BIAS_STEPS, 1)
        print(
            f"{len(label)} windows, {int(label.sum())} of dissolves, WEIGHTS {weights.tolist()}\n"
        )
        rate = partial(judge, clips=clips, weights=weights, biases=biases)
        judged = pool.map(rate, [*clips, *VALIDATION_SEEDS], 1)
    print("    bias  precision   recall       F1         cut    dissolve        fade    wrong")
    ranks = []
    for bias, tallies in zip(biases, zip(*judged, strict=True), strict=True):
        real, made = total(tallies[: len(clips)]), total(tallies[len(clips) :])
        found, missed = made.found.total(), made.missed.total()
        f1, precision = 2 * found / (2 * found + missed + made.wrong), found / (found + made.wrong)
        ranks.append((-real.wrong, f1, precision))
        row = made.row(("cut", "dissolve", "fade"))[:-19]  # less the seconds, not measured here
        print(f"{bias:8}{row}   {real.wrong} in real clips")
    print(f"\nWEIGHTS = np.array({weights.tolist()})\nBIAS = {biases[ranks.index(max(ranks))]}")


if __name__ == "__main__":
    main()
