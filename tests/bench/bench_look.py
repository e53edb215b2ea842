"""How well the appearance descriptor finds a shot again, beside what it could be replaced by.

::

    python tests/bench/bench_look.py [--keep FILM.mp4]

A film is cut together in which each shot, of real clips and of a procedural film, appears several
times, each time with other moments of it, another resolution and another compression. For every
sampled frame all frames of other appearances are ranked; R-precision is the share of frames of
the same shot among the first R, R being how many there are.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import av
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rlm.index import look
from rlm.spans import Span
from rlm.video import Video
from rlm.world import make_film
from rlm.world.draw import frames as drawn

Pictures = NDArray[np.uint8]
Matrix = NDArray[np.float64]

CLIPS = Path(__file__).resolve().parents[3] / "shared" / "videos"
# Seconds in which nothing but one shot is seen: by cuts.json, and by eye where it has none.
SHOTS = {
    "psd_testvideo/testvideo.mp4": [(1.2, 6.1), (7.3, 12.1), (13.4, 17.1), (19.0, 23.2)],
    "bbb_0_30/big_buck_bunny_0_30.webm": [(2.1, 11.7), (11.85, 15.6), (15.7, 22.9), (23.0, 29.9)],
    "nasa_jwst/nasa_13013.mp4": [(0, 4.8), (6.0, 8.0), (8.1, 13.0)],
    "chaplin/chaplin.mp4": [(0, 9.6)],
    "intel_bottles/bottle-detection.mp4": [(0, 39.8)],
    "intel_cars/car-detection.mp4": [(0, 30.0)],
    "sam2_coffee/04_coffee.mp4": [(0, 9.5)],
    "sam2_cups/02_cups.mp4": [(0, 9.9)],
}
SIZE = (320, 180)
FPS = 16
SECONDS = 1.625  # of one appearance
PICTURES = round(SECONDS * FPS)
GAP = 0.4  # between two of one shot, at least
MOST = 5  # appearances of one shot
SAMPLED = 2.5  # frames a second
DRAWN_SECONDS = 160.0


@dataclass(frozen=True)
class Appearance:
    """Some moments of a shot: which, whether of a real clip, and its pictures [T, H, W, 3]."""

    shot: int
    real: bool
    rgb: Pictures


def appearances() -> Iterator[Appearance]:
    """All there are, shot by shot."""
    shot = 0
    for name, spans in SHOTS.items():
        if not (CLIPS / name).exists():
            print(f"without {name}: it is not beside the repository")
            continue
        video = Video.open(CLIPS / name)
        for start, end in spans:
            for begin in _begins(start, end):
                span = Span(begin, begin + SECONDS)
                yield Appearance(shot, True, video.clip(span, count=PICTURES, size=SIZE).rgb)
            shot += 1
    film = make_film(11, DRAWN_SECONDS)
    pictures = np.stack(list(drawn(film, Fraction(FPS), SIZE[1])))
    wider = np.arange(SIZE[0]) * SIZE[1] // SIZE[0]
    for one in film.shots:
        for begin in _begins(one.span.start + 0.1, one.span.end - 0.1):
            first = round(begin * FPS)
            moments = pictures[first : first + PICTURES]
            yield Appearance(shot, False, moments[:, :, wider])
        shot += 1


def _begins(start: float, end: float) -> list[float]:
    count = min(MOST, int((end - start + GAP) // (SECONDS + GAP)))
    if count < 2:
        # Too short to appear twice with a pause: it only distracts.
        return [start]
    return list(np.linspace(start, end - SECONDS, count))


def encoded(rgb: Pictures, crf: int, target: str | io.BytesIO) -> None:
    """Write pictures as H.264."""
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=FPS, options={"crf": str(crf), "preset": "veryfast"}
        )
        stream.height, stream.width = rgb.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in rgb:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def degraded(rgb: Pictures, rng: np.random.Generator) -> Pictures:
    """The pictures after a smaller size and a stronger compression, at their own size again."""
    scale = rng.uniform(0.4, 1.0)
    width, height = (2 * round(side * scale / 2) for side in SIZE)
    small = [
        av.VideoFrame.from_ndarray(picture, format="rgb24")
        .reformat(width=width, height=height)
        .to_ndarray()
        for picture in np.ascontiguousarray(rgb)
    ]
    file = io.BytesIO()
    encoded(np.stack(small), int(rng.integers(23, 36)), file)
    file.seek(0)
    with av.open(file) as container:
        back = [
            frame.reformat(width=SIZE[0], height=SIZE[1], format="rgb24").to_ndarray()
            for frame in container.decode(video=0)
        ]
    return np.stack(back)


@dataclass(frozen=True)
class Sampled:
    """The film as an index would sample it: a row for each frame."""

    rgb: Pictures
    shots: NDArray[np.int64]
    real: NDArray[np.bool_]
    takes: NDArray[np.int64]
    windows: list[Pictures]
    """All pictures of each take."""


def build(path: Path) -> Sampled:
    """Make the film and read it again."""
    rng = np.random.default_rng(4)
    takes = list(appearances())
    takes = [takes[i] for i in rng.permutation(len(takes))]
    encoded(np.concatenate([degraded(take.rgb, rng) for take in takes]), 26, str(path))
    video = Video.open(path)
    step = FPS / SAMPLED
    rgb, shots, real, owner = [], [], [], []
    everything = list(video.frames(size=(114, 64)))
    for number, take in enumerate(takes):
        for at in np.arange(step / 2, PICTURES, step):
            rgb.append(everything[number * PICTURES + int(at)].rgb)
            shots.append(take.shot)
            real.append(take.real)
            owner.append(number)
    whole = np.stack([frame.rgb for frame in everything])
    windows = [whole[n * PICTURES : (n + 1) * PICTURES] for n in range(len(takes))]
    return Sampled(np.stack(rgb), np.array(shots), np.array(real), np.array(owner), windows)


def precision(similar: Matrix, film: Sampled) -> NDArray[np.float64]:
    """R-precision of every frame [N]; NaN where its shot appears but once."""
    found = np.full(len(similar), np.nan)
    for row, scores in enumerate(similar):
        others = np.flatnonzero(film.takes != film.takes[row])
        relevant = film.shots[others] == film.shots[row]
        if count := int(relevant.sum()):
            best = np.argsort(-scores[others], kind="stable")[:count]
            found[row] = relevant[best].mean()
    return found


def macro(found: NDArray[np.float64], film: Sampled, rows: NDArray[np.bool_]) -> float:
    """The mean over shots of the mean over their frames."""
    keep = rows & ~np.isnan(found)
    return float(np.mean([found[keep & (film.shots == s)].mean() for s in set(film.shots[keep])]))


def cosine(vectors: NDArray[np.float32]) -> Matrix:
    """Of all with all."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return (unit @ unit.T).astype(np.float64)


def by_look(film: Sampled) -> Matrix:
    """The descriptor as the index keeps it."""
    return cosine(look.centre(look.describe(film.rgb))[1])


def by_thumbnail(film: Sampled) -> Matrix:
    """Cosine of 8 x 8 RGB thumbnails, as they are."""
    return cosine(_thumbnails(film.rgb, (8, 8)).reshape(len(film.rgb), -1))


def by_centred_thumbnail(film: Sampled) -> Matrix:
    """The same, less the film's mean thumbnail."""
    flat = _thumbnails(film.rgb, (8, 8)).reshape(len(film.rgb), -1)
    return cosine(flat - flat.mean(axis=0))


def by_dhash(film: Sampled) -> Matrix:
    """Bits in common of the 64-bit difference hash of a 9 x 8 thumbnail."""
    grey = _thumbnails(film.rgb, (9, 8)).mean(axis=-1)
    bits = (grey[:, :, 1:] > grey[:, :, :-1]).reshape(len(grey), -1)
    same: Matrix = (bits[:, None] == bits[None]).mean(axis=-1)
    return same


def by_vjepa(film: Sampled) -> Matrix:
    """The pooled vector of the built-in V-JEPA for the take a frame is in."""
    from rlm.encoders import load_encoder

    encoder = load_encoder("builtin")
    step = max(1, round(FPS / encoder.fps))
    windows = [encoder.prepare(window[::step]) for window in film.windows]
    vectors = encoder.encode(windows)["vjepa"]
    return cosine(vectors[film.takes])


def _thumbnails(rgb: Pictures, size: tuple[int, int]) -> NDArray[np.float32]:
    frames = (av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in rgb)
    small = [
        frame.reformat(width=size[0], height=size[1], interpolation="AREA").to_ndarray()
        for frame in frames
    ]
    return np.stack(small).astype(np.float32)


METHODS: dict[str, Callable[[Sampled], Matrix]] = {
    "look": by_look,
    "8x8 RGB thumbnail, centred": by_centred_thumbnail,
    "8x8 RGB thumbnail": by_thumbnail,
    "dHash 64": by_dhash,
    "built-in V-JEPA, pooled": by_vjepa,
}


def speed() -> None:
    """Pictures in a second of one core's time, at the sizes an index looks at."""
    rng = np.random.default_rng(0)
    for height, width in ((64, 64), (64, 114), (128, 228)):
        rgb = rng.integers(0, 256, (256, height, width, 3), dtype=np.uint8)
        look.describe(rgb[:8])
        took = []
        for _ in range(5):
            began = time.process_time()
            with threadpool_limits(1):
                look.describe(rgb)
            took.append(time.process_time() - began)
        rate = len(rgb) / min(took)
        print(f"{f'{width}x{height}':>10} {rate:8.0f} pictures a second of one core")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="appearance descriptor beside its baselines")
    parser.add_argument("--keep", type=Path, help="write the film here")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as folder:
        film = build(keep or Path(folder) / "film.mp4")
    known = ~np.isnan(precision(by_dhash(film), film))
    print(
        f"{len(film.windows)} appearances of {len(set(film.shots))} shots, {len(film.rgb)} frames;"
        f" {len(set(film.shots[known & film.real]))} real and"
        f" {len(set(film.shots[known & ~film.real]))} drawn shots appear more than once\n"
    )
    print(f"{'R-precision, mean over shots':32}{'real':>8}{'drawn':>8}{'all':>8}")
    for name, method in METHODS.items():
        found = precision(method(film), film)
        shares = (film.real, ~film.real, np.ones(len(found), dtype=bool))
        values = [macro(found, film, rows) if (rows & known).any() else np.nan for rows in shares]
        print(f"{name:32}" + "".join(f"{value:8.3f}" for value in values))
    print(f"\n{look.SPACE}: {look.describe(film.rgb[:1]).shape[1]} numbers a picture")
    speed()


if __name__ == "__main__":
    main()
