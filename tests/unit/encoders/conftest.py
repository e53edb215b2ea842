"""Clips of one moving shape, as the built-in weights know them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

COLOURS = {"red": (230, 33, 31), "green": (33, 184, 46), "blue": (38, 71, 242)}
COLOURS["yellow"] = (242, 230, 38)
DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1)}


def _inside(shape: str, x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    if shape == "circle":
        return np.hypot(x, y) - radius
    if shape == "square":
        return np.maximum(abs(x), abs(y)) - 0.86 * radius
    return np.maximum(abs(x) * 0.866 + y * 0.5, -y) - 0.55 * radius


def _draw(colour: str, shape: str, direction: str, *, seed: int = 0, side: int = 64) -> np.ndarray:
    """uint8[16, side, side, 3]: the shape crosses a dark plain ground."""
    rng = np.random.default_rng(seed)
    step = np.array(DIRECTIONS[direction], dtype=float) * rng.uniform(1.3, 1.9)
    radius = rng.uniform(8, 11)
    start = np.array([32.0, 32.0]) - step * 7.5 + rng.uniform(-4, 4, 2)
    ground = rng.uniform(35, 75, 3)
    y, x = (np.mgrid[0:side, 0:side] + 0.5) * 64 / side - 0.5
    clip = []
    for frame in range(16):
        centre = start + step * frame
        depth = _inside(shape, x - centre[0], y - centre[1], radius)
        alpha = 1 / (1 + np.exp(np.clip(2.5 * depth, -50, 50)))[..., None]
        clip.append(ground + alpha * (np.array(COLOURS[colour]) - ground))
    return np.clip(np.stack(clip), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray]:
    return _draw
