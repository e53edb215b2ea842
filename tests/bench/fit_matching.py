"""The temperature that makes scores of candidates into probabilities: TEMPERATURES of matching.

::

    python tests/bench/fit_matching.py [--preset builtin] [--films 24]

On procedural films of seeds that nothing was trained on, each thing of each shot is told in the
plain wording, among three wrong statements: half of the time of things the film shows elsewhere
(easy), else the right one with another colour, shape or motion (hard). None of the wrong ones is
true of the span that is asked about: the shot, or now and then the whole film. ``match`` scores
them. The temperature has the least negative log-likelihood on the films of the fit; accuracy and
expected calibration error (15 equal bins of the probability of the first, Guo et al. 2017) are
those of other films, beside those of temperature 1 and of chance. What to paste is printed. It
takes some minutes on two cores. For other presets it is a beginning and no more: real footage is
not procedural film.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
from machine import here
from numpy.typing import NDArray

from rlm.index import VideoIndex
from rlm.prediction.matching import match, probabilities
from rlm.spans import Span
from rlm.world import COLOURS, MOTIONS, SHAPES, Film, make_film
from rlm.world.captions import Told, describe
from rlm.world.files import write_pictures

FIRST_SEED, SECONDS = 70_000, 75.0
FPS, SIDE = 8, 96
CANDIDATES, BINS = 4, 15
WHOLE = 0.2  # of the questions are about the whole film
TEMPERATURES = np.geomspace(0.005, 1.0, 107)


def questions(film: Film, rng: np.random.Generator) -> Iterator[tuple[str, Span, list[str]]]:
    """Kind, span and statements, of which the first is right."""
    shown = {
        shot: [Told.of(thing, shot.events_of(n)) for n, thing in enumerate(shot.things)]
        for shot in film.shots
    }
    everything = [told for things in shown.values() for told in things]
    for shot, things in shown.items():
        for told in things:
            whole = rng.random() < WHOLE
            true = {describe([each]) for each in (everything if whole else things)}
            hard = whole or rng.random() < 0.5
            others = _changed(told, rng) if hard else rng.permutation(np.array(everything, object))
            wrong = [describe([other]) for other in others]
            wrong = [text for text in dict.fromkeys(wrong) if text not in true]
            if len(wrong) >= CANDIDATES - 1:
                kind = "hard, whole film" if whole else "hard" if hard else "easy"
                span = film.span if whole else shot.span
                yield kind, span, [describe([told]), *wrong[: CANDIDATES - 1]]


def _changed(told: Told, rng: np.random.Generator) -> list[Told]:
    changed = [replace(told, colour=other) for other in COLOURS]
    changed += [replace(told, shape=other) for other in SHAPES]
    changed += [replace(told, motion=other) for other in MOTIONS]
    return [changed[number] for number in rng.permutation(len(changed))]


def collect(preset: str, seeds: range) -> tuple[list[str], NDArray[np.float64]]:
    """The kind of each question and its scores [N, CANDIDATES], the right one first."""
    kinds, rows = [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        with tempfile.TemporaryDirectory() as folder:
            film = make_film(seed, SECONDS)
            path = write_pictures(film, Path(folder) / "film.mp4", fps=FPS, side=SIDE)
            index = VideoIndex.build(path, preset, cache=Path(folder) / "cache")
            for kind, span, told in questions(film, rng):
                score = {each.candidate: each.score for each in match(index, "", told, span)}
                kinds.append(kind)
                rows.append([score[text] for text in told])
    return kinds, np.array(rows)


def loss(scores: NDArray[np.float64], temperature: float) -> float:
    """Mean negative log-likelihood of the right one."""
    return float(-np.log(np.maximum(probabilities(scores, temperature)[:, 0], 1e-12)).mean())


def error(scores: NDArray[np.float64], temperature: float) -> float:
    """Expected calibration error of the first."""
    chances = probabilities(scores, temperature)
    sure, right = chances.max(axis=1), chances.argmax(axis=1) == 0
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == n].sum() - right[bins == n].sum()) for n in range(BINS)]
    return float(np.sum(gaps) / len(scores))


def main() -> None:
    """Fit, then print what holds on other films."""
    parser = argparse.ArgumentParser(description="fit the temperature of matching")
    parser.add_argument("--preset", default="builtin")
    parser.add_argument("--films", type=int, default=24, help="half of them for the fit")
    options = parser.parse_args()
    print(here("torch"))
    half = options.films // 2
    seeds = range(FIRST_SEED, FIRST_SEED + half), range(FIRST_SEED + half, FIRST_SEED + 2 * half)
    (_, fit), (kinds, held) = (collect(options.preset, each) for each in seeds)
    losses = [loss(fit, temperature) for temperature in TEMPERATURES]
    temperature = float(np.round(TEMPERATURES[int(np.argmin(losses))], 3))
    print(f"{len(fit)} questions of {half} films for the fit, {len(held)} of {half} others below\n")
    print("                    questions  accuracy   ECE    NLL   ECE at 1  NLL at 1")
    for kind in ("easy", "hard", "hard, whole film", "all"):
        rows = held if kind == "all" else held[[each == kind for each in kinds]]
        if not len(rows):
            continue
        accuracy = float((rows.argmax(axis=1) == 0).mean())
        print(
            f"{kind:18} {len(rows):10} {accuracy:9.3f} {error(rows, temperature):5.3f} "
            f"{loss(rows, temperature):6.3f} {error(rows, 1.0):10.3f} {loss(rows, 1.0):9.3f}"
        )
    print(f"chance             {'':10} {1 / CANDIDATES:9.3f}")
    print(f"\ntemperature = {temperature:g}")


if __name__ == "__main__":
    main()
