"""The gates of the built-in models, on films that training never saw, beside their baselines.

::

    python tests/bench/bench_models.py [WEIGHTS ...] [--only probes,future] [--every 5] [--quick]

``WEIGHTS`` are folders as ``python -m rlm.world.train`` writes them, one for each training seed;
by default the set in the wheel. Each gate is printed with what is asked of it, what the models
reach, and what the same models at random initialisation, or a copy of the last tubelet, reach.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support"), str(HERE / "models")]

import numpy as np
import torch
from loaded import Models
from machine import machine

# Seeds of what is measured; training draws from seeds that no film and no clip here shares.
SEED = 900_000
FILMS = (901, 902, 903)
SCENE_SECONDS = 180.0
PAPERS = {300.0: (911, 912), 1200.0: (921,)}


@dataclass(frozen=True)
class Gate:
    """One row: ``reached`` is to be at least (``at_most``: at most) ``wanted``.

    ``margin`` is by how much it has to be better than ``baseline``, if it has to.
    """

    group: str
    what: str
    reached: float
    wanted: float | None = None
    baseline: float | None = None
    of: str = ""
    margin: float | None = None
    at_most: bool = False

    @property
    def passed(self) -> bool | None:
        """``None`` for what is told but not asked."""
        if self.wanted is None and self.margin is None:
            return None
        sign = -1 if self.at_most else 1
        reached = self.wanted is None or sign * (self.reached - self.wanted) >= 0
        ahead = self.baseline is None or self.margin is None
        ahead = ahead or sign * (self.reached - float(self.baseline or 0)) >= float(
            self.margin or 0
        )
        return reached and ahead


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    train: int = 2000
    test: int = 1000
    pools: int = 5
    futures: int = 512
    ranked: int = 128
    read: int = 400
    head_steps: int = 100
    every: int = 1


QUICK = Size(train=400, test=200, pools=1, futures=64, ranked=32, read=60, head_steps=20, every=20)


def probes(trained: Models, untrained: Models, folder: Path, size: Size) -> Iterator[Gate]:
    """Linear probes on the mean and maximum over tokens."""
    from probes import one_thing, several_things

    wanted = {"direction": 0.97, "colour": 0.97, "shape": 0.93, "event": 0.90}
    rng = np.random.default_rng((SEED, 1))
    for what, pool, high, low in one_thing(trained, untrained, rng, size.train, size.test):
        yield Gate("linear probes, one thing", f"{what}, {pool}", high, wanted[what], low,
                   "random weights", 0.30)  # fmt: skip
    for what, pool, high, low in several_things(trained, untrained, rng, size.train, size.test):
        yield Gate("linear probes, 2 to 5 things", f"{what}, {pool}", high, 0.85, low,
                   "random weights")  # fmt: skip


def retrieval(trained: Models, untrained: Models, folder: Path, size: Size) -> Iterator[Gate]:
    """Text to clip among 100 with distinct captions."""
    from retrieval import binding, heads_on_random, recall

    one, more = (1.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.5, 0.5, 0.0, 0.0)
    baseline = heads_on_random(SEED, size.head_steps)
    for what, things, held, wanted in (
        ("one thing, R@1", one, False, 0.95),
        ("one thing, held-out combinations, R@1", one, True, 0.90),
        ("2 or 3 things, R@1", more, False, 0.70),
    ):
        high, low = (
            recall(models, np.random.default_rng((SEED, 2)), things, held, size.pools)
            for models in (trained, baseline)
        )
        yield Gate("text to clip, 1 of 100", what, high, wanted, low,
                   f"text side taught {size.head_steps} steps on random weights")  # fmt: skip
    yield Gate("text to clip, 1 of 100", "whose colour: another wording nearer than a swap",
               binding(trained, np.random.default_rng((SEED, 7))))  # fmt: skip


def future(trained: Models, untrained: Models, folder: Path, size: Size) -> Iterator[Gate]:
    """What comes next, and what cannot."""
    from future import DETECTED, UNPREDICTED, coherence, horizons, rank

    rng = np.random.default_rng((SEED, 3))
    copy, group = "copy of the last", "future, context of 4 tubelets"
    for h, row in enumerate(horizons(trained, rng, size.futures), start=1):
        yield Gate(group, f"cosine at {h}", row.cosine[0], None, row.cosine[1], copy, 0.0)
        yield Gate(group, f"L1 at {h}", row.l1[0], None, row.l1[1], copy, 0.0, at_most=True)
        yield Gate(group, f"position at {h}, px of 64", row.pixels[0], 4.0 if h == 4 else None,
                   row.pixels[1], copy, 0.0, at_most=True)  # fmt: skip
    group = "true future first of 32"
    row = rank(trained, rng, size.ranked)
    yield Gate(group, "by tokens", row.predicted, 0.80, row.copied, copy)
    yield Gate(group, "by tokens, predictions shuffled", row.shuffled)
    yield Gate(group, "by position", row.predicted_place, 0.75, row.copied_place, copy)
    together = rank(trained, rng, size.ranked, alone=False)
    yield Gate(group, "by tokens, encoded with the context", together.predicted, None,
               together.copied, copy)  # fmt: skip
    group = f"broken continuations, {UNPREDICTED:.0%} of the true ones unpredictable, AUC"
    broken, alarms = coherence(trained, rng, size.futures // 2)
    for name, score in broken.items():
        yield Gate(group, f"{name}, energy", score.predicted, 0.95, score.copied, copy)
        yield Gate(group, f"{name}, log ratio to copy", score.ratio)
        yield Gate(group, f"{name}, position", score.place)
        yield Gate(group, f"{name}, missed at the threshold", score.missed)
    for name, share in alarms.items():
        yield Gate(group, f"false alarms, {name} (threshold: {DETECTED:.0%} of quiet ones)", share)


def reading(trained: Models, untrained: Models, folder: Path, size: Size) -> Iterator[Gate]:
    """Captions and things."""
    from reading import ONE, SEVERAL, TWO_OR_THREE, captioned, detected

    from rlm.encoders.captioner import Captioner

    captioner = Captioner.load(folder)
    for what, things, wanted in (("one thing", ONE, 0.85), ("2 or 3 things", TWO_OR_THREE, 0.60)):
        (whole, single), (low, _) = (
            captioned(models, captioner, np.random.default_rng((SEED, 4)), things, size.read)
            for models in (trained, untrained)
        )
        yield Gate("captions: colour, shape, motion right", what, whole, wanted, low,
                   "random encoder")  # fmt: skip
        yield Gate("captions: colour, shape, motion right", f"{what}, each thing", single)
    for what, things in (("one thing", ONE), ("2 to 5 things", SEVERAL)):
        rng = np.random.default_rng((SEED, 5))
        for name, value in detected(trained, rng, things, size.read).items():
            yield Gate("things in a tubelet", f"{what}, {name}", value)


def scenes(trained: Models, untrained: Models, folder: Path, size: Size) -> Iterator[Gate]:
    """Boundaries between shots of unseen films; they come from the pixels, not from the weights."""
    from scenes import boundaries

    precision, recall, f1 = boundaries(FILMS, SCENE_SECONDS)
    yield Gate("scenes, within 0.3 s", "F1", f1, 0.97)
    yield Gate("scenes, within 0.3 s", "precision", precision)
    yield Gate("scenes, within 0.3 s", "recall", recall)


def questions(trained: Models, untrained: Models, folder: Path, size: Size) -> Iterator[Gate]:
    """Multiple choice through the whole loop, by the built-in policy."""
    from loop import Answered, Paper, examined

    papers = [Paper(seed, t, size.every) for t, seeds in PAPERS.items() for seed in seeds]
    every = examined(folder, papers)
    group = "questions through the whole loop, chance 0.25"

    def gate(what: str, some: list[Answered], wanted: float | None) -> Gate:
        right, untrained, words = (
            float(np.mean([getattr(one, name) for one in some]))
            for name in ("right", "untrained", "words")
        )
        base, of = max((untrained, "random weights"), (words, "words alone"))
        return Gate(group, f"{what} ({len(some)})", right, wanted, base, of, 1e-9)

    yield gate("all", every, 0.75)
    for seconds in PAPERS:
        some = [one for one in every if one.seconds == seconds]
        yield gate(f"films of {seconds / 60:.0f} minutes", some, 0.75)
        for what, name in (("words alone", "words"), ("random weights", "untrained")):
            share = float(np.mean([getattr(one, name) for one in some]))
            yield Gate(group, f"films of {seconds / 60:.0f} minutes, {what}", share)
    for category in dict.fromkeys(one.category for one in every):
        yield gate(category, [one for one in every if one.category == category], None)


GROUPS: dict[str, Callable[[Models, Models, Path, Size], Iterator[Gate]]] = {
    "probes": probes,
    "retrieval": retrieval,
    "future": future,
    "reading": reading,
    "scenes": scenes,
    "questions": questions,
}


def measure(weights: Path | str, groups: list[str], size: Size) -> list[Gate]:
    """All gates of ``groups`` for one set of weights."""
    from rlm.encoders.hub import find_weights

    folder = find_weights(weights).folder
    trained, untrained = Models.of(weights), Models.untrained(SEED)
    gates: list[Gate] = []
    for name in groups:
        began = time.monotonic()
        gates += GROUPS[name](trained, untrained, folder, size)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return gates


def table(runs: list[list[Gate]]) -> Iterator[str]:
    """The gates side by side, a column for each set of weights."""
    group = None
    for row in zip(*runs, strict=True):
        first = row[0]
        if first.group != group:
            group = first.group
            yield f"\n{group}"
        reached = "  ".join(f"{gate.reached:7.3f}" for gate in row)
        sign = "<=" if first.at_most else ">="
        wanted = f"{sign} {first.wanted:.2f}" if first.wanted is not None else ""
        if not wanted and first.margin is not None:
            wanted = "better"
        base = f"{first.of} {first.baseline:.3f}" if first.baseline is not None else ""
        passed = [gate.passed for gate in row]
        verdict = "" if None in passed else "passes" if all(passed) else "MISSED"
        yield f"  {first.what:44} {reached}  {wanted:8} {verdict:7} {base}".rstrip()


def main() -> int:
    """Measure and print; 1 when a gate is missed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="*", default=["builtin"])
    parser.add_argument("--only", default=",".join(GROUPS), help="groups of gates, by comma")
    parser.add_argument("--every", type=int, default=1, help="ask every so many questions")
    parser.add_argument("--quick", action="store_true", help="a few clips: to see that it runs")
    parser.add_argument("--json", type=Path, help="where the numbers go")
    chosen = parser.parse_args()
    torch.set_num_threads(2)
    size = QUICK if chosen.quick else Size(every=chosen.every)
    runs = [measure(weights, chosen.only.split(","), size) for weights in chosen.weights]
    print(f"{machine()}; {len(runs)} set(s) of weights, a column each")
    print("\n".join(table(runs)))
    if chosen.json:
        told = [[asdict(gate) | {"passed": gate.passed} for gate in run] for run in runs]
        chosen.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return int(any(gate.passed is False for run in runs for gate in run))


if __name__ == "__main__":
    sys.exit(main())
