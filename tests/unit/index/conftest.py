"""Short films of moving shapes, written as real mp4 files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest

from rlm.encoders import Encoder, load_encoder
from rlm.index import VideoIndex

COLOURS = {"red": (230, 33, 31), "green": (33, 184, 46), "blue": (38, 71, 242)}
COLOURS |= {"yellow": (242, 230, 38), "white": (242, 242, 242)}
DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1)}
SIDE = 128


class Shot(NamedTuple):
    """``seconds`` of one shape that crosses a plain ground once, then again."""

    seconds: float
    colour: str = "red"
    shape: str = "circle"
    direction: str = "right"
    ground: tuple[int, int, int] = (45, 50, 60)


def _distance(shape: str, x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    if shape == "circle":
        return np.hypot(x, y) - radius
    if shape == "square":
        return np.maximum(abs(x), abs(y)) - 0.86 * radius
    return np.maximum(abs(x) * 0.866 + y * 0.5, -y) - 0.55 * radius


def draw(shot: Shot, time: float) -> np.ndarray:
    """The picture uint8[128, 128, 3] that lies ``time`` seconds into the shot."""
    travelled = (time % 4.0 - 2.0) * 12.0
    centre = SIDE / 2 + np.array(DIRECTIONS[shot.direction]) * travelled
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    depth = _distance(shot.shape, x - centre[0], y - centre[1], 20.0)
    alpha = 1 / (1 + np.exp(np.clip(1.3 * depth, -50, 50)))[..., None]
    ground = np.array(shot.ground, dtype=float)
    return np.round(ground + alpha * (np.array(COLOURS[shot.colour]) - ground)).astype(np.uint8)


def write(path: Path, pictures: Sequence[np.ndarray], fps: int = 12) -> Path:
    """Encode pictures uint8[H, W, 3] as h264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20", "preset": "ultrafast"}
        stream.time_base = Fraction(1, fps)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def film(path: Path, shots: Sequence[Shot], fps: int = 12) -> Path:
    """Write ``shots`` one after the other."""
    pictures = [draw(shot, n / fps) for shot in shots for n in range(round(shot.seconds * fps))]
    return write(path, pictures, fps)


SHOTS = (
    Shot(4.0, "red", "circle", "right"),
    Shot(9.0, "blue", "square", "down", (70, 45, 40)),
    Shot(4.0, "yellow", "triangle", "left", (35, 60, 40)),
    Shot(2.5, "green", "circle", "up", (60, 60, 85)),
    Shot(4.0, "red", "circle", "right", (50, 45, 70)),
)
CUTS = (4.0, 13.0, 17.0, 19.5)
DURATION = 23.5


@pytest.fixture(scope="session")
def shot() -> type[Shot]:
    return Shot


@pytest.fixture(scope="session")
def make_film() -> Callable[..., Path]:
    return film


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    return write


@pytest.fixture(scope="session")
def draw_shot() -> Callable[[Shot, float], np.ndarray]:
    return draw


@pytest.fixture(scope="session")
def five_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five shots, cut at 4, 13, 17 and 19.5 s; 23.5 s in all."""
    return film(tmp_path_factory.mktemp("film") / "five.mp4", SHOTS)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return load_encoder("builtin")


@pytest.fixture(scope="session")
def index(
    five_shots: Path, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> VideoIndex:
    return VideoIndex.build(five_shots, cache=tmp_path_factory.mktemp("cache"), encoder=encoder)
