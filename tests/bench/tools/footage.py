"""The tools on real clips, with the built-in models: cuts, visits, and a film joined of clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from rlm.index import VideoIndex, fields
from rlm.prediction import find_anomalies, surprise_curve
from rlm.prediction.anomalies import APART
from rlm.spans import Span
from rlm.video import Video

CLIPS = Path(__file__).resolve().parents[4] / "shared" / "videos"
JOINED = (
    "bbb_0_30/big_buck_bunny_0_30.webm",
    "nasa_jwst/nasa_13013.mp4",
    "chaplin/chaplin.mp4",
    "intel_bottles/bottle-detection.mp4",
    "intel_cars/car-detection.mp4",
    "sam2_coffee/04_coffee.mp4",
    "sam2_cups/02_cups.mp4",
)
TAKEN = ("intel_bottles-02", "intel_bottles-03", "intel_bottles-06")
"""Questions whose evidence is a bottle that is taken away."""
PIECE = 8.0  # seconds of a clip that are joined at a time
FREEZE = 2.0
SIZE, FPS = (320, 180), 12
Pictures = NDArray[np.uint8]


def cuts(folder: Path) -> Iterator[tuple[str, float, float, str]]:
    """How many of the hard cuts are among as many peaks, beside those of frame differences."""
    told = json.loads((CLIPS / "cuts.json").read_text(encoding="utf-8"))
    for name, truth in told.items():
        if not truth["hard_cuts_s"]:
            continue
        index = VideoIndex.build(CLIPS / name, "builtin", cache=folder / "cache")
        curve = surprise_curve(index)
        hit = _share(curve.times, curve.score, truth["hard_cuts_s"])
        copied = _share(curve.times, curve.copy_energy, truth["hard_cuts_s"])
        yield f"{Path(name).stem}, of {len(truth['hard_cuts_s'])}", hit, copied, "copy of the last"


def _share(times: NDArray[np.float64], scores: NDArray[np.float64], wanted: list[float]) -> float:
    chosen: list[float] = []
    for place in np.argsort(-scores):
        if len(chosen) < len(wanted) and all(abs(times[place] - c) >= APART for c in chosen):
            chosen.append(float(times[place]))
    return float(np.mean([any(-1.0 <= c - cut <= 0.5 for c in chosen) for cut in wanted]))


def visits(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Whether the first hit for one visit, itself left out, shows another of the same kind."""
    for name, spans in _visits().items():
        index = VideoIndex.build(CLIPS / name, "builtin", cache=folder / "cache")
        for field in (*[f for f in fields.fields(index) if f != "text"], "all"):
            right = []
            for span in spans:
                (hit,) = fields.search(index, span, field, 1, exclude=span)[:1] or [None]
                right.append(hit is not None and any(
                    hit.start < other.end and other.start < hit.end
                    for other in spans if other != span
                ))  # fmt: skip
            share = sum(span.duration for span in spans) / index.video.span.duration
            yield f"{Path(name).stem}, {field}, of {len(spans)}", float(np.mean(right)), share


def _visits() -> dict[str, list[Span]]:
    """By video, when the same kind of thing happens: a car passes, a bottle is taken away."""
    told = json.loads((CLIPS / "cuts.json").read_text(encoding="utf-8"))
    found = {
        name: [Span(*pair) for pair in of.get("events_present_s", [])] for name, of in told.items()
    }
    for line in (CLIPS / "qa.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["id"] in TAKEN:
            found[row["video"]].append(Span(*row["evidence_time"]))
    return {name: spans for name, spans in found.items() if len(spans) > 1}


@dataclass(frozen=True)
class Piece:
    """Part of a clip in the film, and which clip."""

    span: Span
    clip: int


def joined(folder: Path, seconds: float) -> Iterator[tuple[str, float, float | None, float | None]]:
    """Other appearances of a clip by one of them, and a freeze, in a film joined of all clips."""
    pieces, frozen = _join(folder / "joined.mp4", seconds)
    index = VideoIndex.build(folder / "joined.mp4", "builtin", cache=folder / "cache")
    for field in [f for f in fields.fields(index) if f != "text"]:
        scores = [_found(index, piece, pieces, field) for piece in pieces]
        chance = float(np.mean([len(_others(p, pieces)) / (len(pieces) - 1) for p in pieces]))
        wanted = 0.9 if field == "visual" else None
        yield (
            f"other appearances, {field}, recall = precision",
            float(np.mean(scores)),
            wanted,
            chance,
        )
    found = find_anomalies(index, 5)
    rank = next((n for n, a in enumerate(found, 1) if _near(a.start, a.end, frozen)), None)
    yield f"a {FREEZE:g} s freeze, 1 / its rank", 1 / rank if rank else 0.0, 0.2, None


def _near(start: float, end: float, span: Span) -> bool:
    return start < span.end and span.start < end


def _others(piece: Piece, pieces: list[Piece]) -> list[Piece]:
    return [other for other in pieces if other.clip == piece.clip and other is not piece]


def _found(index: VideoIndex, piece: Piece, pieces: list[Piece], field: str) -> float:
    """The share of other appearances among as many pieces as there are, best first."""
    right = _others(piece, pieces)
    hits = fields.search(index, piece.span, field, 1000, exclude=piece.span, diverse=False)
    ranked: list[Piece] = []
    for hit in hits:
        middle = (hit.start + hit.end) / 2
        shown = next((p for p in pieces if p.span.start <= middle < p.span.end), None)
        if shown is not None and shown is not piece and shown not in ranked:
            ranked.append(shown)
    return float(np.mean([p in right for p in ranked[: len(right)]]))


def _join(path: Path, seconds: float) -> tuple[list[Piece], Span]:
    """Pieces of all clips in turn, each other parts of it, some mirrored, slowed or backwards."""
    rng = np.random.default_rng(0)
    shown = [_pictures(CLIPS / name) for name in JOINED]
    pieces: list[Piece] = []
    frozen = Span(0, 0)
    count = round(PIECE * FPS)
    order: list[int] = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "26"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        time = 0.0
        while time < seconds:
            order = order or rng.permutation(len(shown)).tolist()
            clip = order.pop()
            pictures = _changed(rng, shown[clip], count)
            if frozen.duration == 0 and time > seconds / 2 and clip == 4:  # cars: most of it moves
                first = len(pictures) // 3
                pictures[first : first + round(FREEZE * FPS)] = pictures[first]
                begin = time + first / FPS
                frozen = Span(begin, begin + FREEZE)
            for rgb in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
            pieces.append(Piece(Span(time, time + len(pictures) / FPS), clip))
            time += len(pictures) / FPS
        container.mux(stream.encode(None))
    return pieces, frozen


def _changed(rng: np.random.Generator, shown: Pictures, count: int) -> Pictures:
    """Some part of a clip, in one of four ways."""
    slowed = rng.random() < 0.25
    needed = count // 2 if slowed else count
    needed = min(needed, len(shown))
    first = int(rng.integers(len(shown) - needed + 1))
    part = shown[first : first + needed]
    if slowed:
        part = part.repeat(2, axis=0)
    if rng.random() < 0.25:
        part = part[::-1]
    if rng.random() < 0.25:
        part = part[:, :, ::-1]
    return np.ascontiguousarray(part)


def _pictures(path: Path) -> Pictures:
    video = Video.open(path)
    return np.stack([frame.rgb for frame in video.frames(fps=FPS, size=SIZE)])
