"""Where shots part: found by this package and by PySceneDetect, on the same files.

::

    python tests/bench/bench_scenes.py

A boundary counts as found when one lies within 0.3 s of it, or within 0.3 s of the stretch that a
gradual transition takes; each is found once, and what is left over is wrong. PySceneDetect runs
with the defaults of its detectors. Seconds are those of the whole run from file to boundaries, and
CPU seconds those of all its threads, which say more on a machine that is busy.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
from made_films import Boundary, RealClip, make_film

from rlm.index.transitions import TransitionDetector
from rlm.video import Video
from rlm.world import make_film as make_world_film
from rlm.world import write_film

TOLERANCE = 0.3
CLIPS = Path(__file__).resolve().parents[3] / "shared" / "videos"
SINGLE_SHOTS = (
    "intel_cars/car-detection.mp4",
    "intel_bottles/bottle-detection.mp4",
    "sam2_coffee/04_coffee.mp4",
    "sam2_cups/02_cups.mp4",
    "chaplin/chaplin.mp4",
)
WORLD_SEEDS = ((1, 160), (2, 160), (3, 320), (27, 160))
MADE_SEEDS = range(14)
QUIET_SEEDS = range(100, 112)

Detector = Callable[[Path], list[float]]
Case = tuple[Path, list[Boundary]]


def ours(path: Path) -> list[float]:
    """Boundaries found by the index's detector, at the rate of its usual windows."""
    video, detector = Video.open(path), TransitionDetector(min_shot=0.25)
    for _ in video.frames(fps=4.0, size=(64, 64), tap=detector.add):
        pass
    detector.finish(video.span.end)
    return [transition.time for transition in detector.transitions]


def peer(name: str) -> Detector:
    """A detector of PySceneDetect with its default settings."""
    import scenedetect

    def find(path: Path) -> list[float]:
        scenes = scenedetect.detect(str(path), getattr(scenedetect, name)())
        return [start.seconds for start, _ in scenes[1:]]

    return find


@dataclass
class Tally:
    """What one detector did on a set of files."""

    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def add(self, boundaries: Sequence[Boundary], times: Sequence[float]) -> None:
        """Match the boundaries of a file with the times found."""
        left = list(times)
        for boundary in boundaries:
            near = [
                each
                for each in left
                if boundary.start - TOLERANCE <= each <= boundary.end + TOLERANCE
            ]
            if near:
                middle = (boundary.start + boundary.end) / 2
                left.remove(min(near, key=lambda each, at=middle: abs(each - at)))
            (self.found if near else self.missed)[boundary.kind] += 1
        self.wrong += len(left)

    def row(self, kinds: Sequence[str]) -> str:
        """Precision, recall, F1, found of each kind, found beside them, seconds, CPU seconds."""
        found, missed = self.found.total(), self.missed.total()
        precision = found / max(1, found + self.wrong)
        recall = found / max(1, found + missed)
        f1 = 2 * found / max(1, 2 * found + missed + self.wrong)
        line = f"{precision:11.3f}{recall:9.3f}{f1:9.3f}"
        for kind in kinds:
            every = self.found[kind] + self.missed[kind]
            line += f"{f'{self.found[kind]}/{every}':>12}"
        return line + f"{self.wrong:9}{self.seconds:10.1f}{self.cpu:9.1f}"


def listed(folder: Path) -> list[Case]:
    """The real clips and what a person saw in them."""
    cases: list[Case] = []
    for name, told in json.loads((folder / "cuts.json").read_text()).items():
        boundaries = [Boundary("cut", at, at) for at in told["hard_cuts_s"]]
        boundaries += [Boundary("dissolve", *span) for span in told.get("dissolves_s", ())]
        # A fade in at the start and a fade out at the end part nothing.
        boundaries += [
            Boundary("fade", first["out"], second["in"])
            for first, second in pairwise(told.get("fades", ()))
        ]
        cases.append((folder / name, sorted(boundaries, key=lambda each: each.start)))
    return cases


def world(folder: Path) -> list[Case]:
    """Films of the procedural world: hard cuts between shapes on grounds."""
    cases: list[Case] = []
    for seed, side in WORLD_SEEDS:
        film = make_world_film(seed, seconds=60)
        files = write_film(film, folder / f"world-{seed}", side=side)
        cases.append((files.film, [Boundary("cut", at, at) for at in film.cuts]))
    return cases


def made(folder: Path, clips: Sequence[RealClip], seeds: Sequence[int], joined: bool) -> list[Case]:
    """Films with all kinds of transitions, or films of one shot with what resembles them."""
    cases: list[Case] = []
    for seed in seeds:
        path = folder / f"made-{seed}.mp4"
        cases.append((path, make_film(path, seed, clips, joined=joined)))
    return cases


def compare(title: str, cases: Sequence[Case], detectors: dict[str, Detector]) -> None:
    """Print a table of one set."""
    kinds = [
        kind
        for kind in ("cut", "dissolve", "fade")
        if any(each.kind == kind for _, boundaries in cases for each in boundaries)
    ]
    count = sum(len(boundaries) for _, boundaries in cases)
    print(f"{title}: {len(cases)} files, {count} boundaries")
    head = "".join(f"{word:>12}" for word in kinds)
    print(
        f"{'':30}{'precision':>11}{'recall':>9}{'F1':>9}{head}"
        f"{'wrong':>9}{'seconds':>10}{'CPU s':>9}"
    )
    for name, detect in detectors.items():
        tally = Tally()
        for path, boundaries in cases:
            began, spent = time.perf_counter(), time.process_time()
            times = detect(path)
            tally.seconds += time.perf_counter() - began
            tally.cpu += time.process_time() - spent
            tally.add(boundaries, times)
        print(f"{name:30}{tally.row(kinds)}")
    print()


def controls(title: str, cases: Sequence[Case], detectors: dict[str, Detector]) -> None:
    """Print the boundaries found where there are none."""
    print(f"{title}: boundaries found where there are none")
    for name, detect in detectors.items():
        counts = {path: len(detect(path)) for path, _ in cases}
        listed = ", ".join(f"{path.stem} {count}" for path, count in counts.items() if count)
        print(f"{name:30}{sum(counts.values()):5}   {listed}")
    print()


def cost() -> str:
    """What the detector costs a picture, decoding aside, on noise that moves."""
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (64, 32, 32, 3)).astype(np.float32)
    detector, count = TransitionDetector(0.25), 3000
    began = time.process_time()
    for number in range(count):
        detector.add(number / 25, pictures[(number // 40) % 64])
    return f"{(time.process_time() - began) / count * 1e3:.2f} ms of CPU a picture"


def main() -> None:
    """Measure and print."""
    detectors: dict[str, Detector] = {"this package": ours}
    try:
        import scenedetect
    except ImportError:
        print("PySceneDetect is not installed: pip install -e '.[dev]'")
    else:
        for name in ("ContentDetector", "AdaptiveDetector"):
            detectors[f"PySceneDetect {name}"] = peer(name)
        print(f"shot boundaries beside PySceneDetect {scenedetect.__version__}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; our detector: {cost()}\n")
    real = CLIPS.is_dir()
    clips = [
        RealClip(CLIPS / name, Video.open(CLIPS / name).span.end) for name in SINGLE_SHOTS if real
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if real:
            seen = [case for case in listed(CLIPS) if case[1]]
            compare("real clips", seen, detectors)
        else:
            print(f"real clips: not measured, {CLIPS} is not there\n")
        compare("films of the procedural world", world(folder), detectors)
        compare("made transitions", made(folder, clips, MADE_SEEDS, True), detectors)
        if real:
            controls("negative controls", [(clip.path, []) for clip in clips], detectors)
        quiet = made(folder, clips, QUIET_SEEDS, False)
        controls("made shots that resemble transitions", quiet, detectors)


if __name__ == "__main__":
    main()
