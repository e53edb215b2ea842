"""Pictures of a film at any size and frame rate, one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlm.world.scene import COLOURS, Film, Ground, Shot, Thing

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
Field = NDArray[np.floating[Any]]

RGB: dict[str, tuple[float, float, float]] = dict(
    zip(
        COLOURS,
        (
            (0.90, 0.13, 0.12),
            (0.13, 0.72, 0.18),
            (0.15, 0.28, 0.95),
            (0.95, 0.90, 0.15),
            (1.00, 0.52, 0.05),
            (0.58, 0.15, 0.80),
            (0.12, 0.85, 0.90),
            (0.95, 0.95, 0.95),
        ),
        strict=True,
    )
)

TEXTURE_CELLS = 9
EDGE = 0.5 / 64  # half the width of the soft rim: a lens is never perfectly sharp


def frames(film: Film, fps: Fraction | float = 25, side: int = 320) -> Iterator[Picture]:
    """Every picture of a film as uint8 ``[side, side, 3]``, picture k at time ``k / fps``."""
    rate = Fraction(fps)
    count = math.ceil(Fraction(film.span.end).limit_denominator(10**6) * rate)
    for k in range(count):
        # A cut lies exactly on a frame; the nudge keeps float error from moving it to the next.
        time = float(k / rate)
        yield picture(film.shot_at(time + 1e-9), time, side)


def picture(shot: Shot, time: float, side: int) -> Picture:
    """One picture of a shot at ``time``, uint8 ``[side, side, 3]``."""
    canvas = ground(shot.ground, side).copy()
    for thing in shot.things:
        if time + 1e-9 in thing.visible:
            _paint(canvas, thing, time, side)
    return np.rint(canvas * 255).astype(np.uint8)


@lru_cache(maxsize=4)
def ground(spec: Ground, side: int) -> Plane:
    """A shot's empty ground, float32 ``[side, side, 3]`` in ``[0, 1]``; do not write into it."""
    even = np.asarray(spec.colour, np.float32)
    if spec.contrast == 0:
        texture = np.zeros((side, side, 3), np.float32)
    else:
        cells = np.random.default_rng(spec.seed).random((TEXTURE_CELLS, TEXTURE_CELLS, 3))
        texture = spec.contrast * (_bilinear(cells.astype(np.float32), side) - 0.5)
    canvas: Plane = np.clip(even + texture, 0, 1)
    canvas.flags.writeable = False
    return canvas


def _bilinear(cells: Plane, side: int) -> Plane:
    """``[n, n, 3]`` stretched to ``[side, side, 3]``."""
    n = len(cells)
    at = np.clip((np.arange(side) + 0.5) * n / side - 0.5, 0, n - 1)
    low = np.minimum(at.astype(int), n - 2)
    part = (at - low).astype(np.float32)
    rows = cells[low] + part[:, None, None] * (cells[low + 1] - cells[low])
    stretched: Plane = rows[:, low] + part[None, :, None] * (rows[:, low + 1] - rows[:, low])
    return stretched


def _paint(canvas: Plane, thing: Thing, time: float, side: int) -> None:
    """Blend a thing into the part of the canvas around it."""
    x, y = thing.position(time)
    reach = 1.25 * thing.radius + 2 * EDGE
    left, top = (max(0, math.floor((c - reach) * side)) for c in (x, y))
    right, bottom = (min(side, math.ceil((c + reach) * side)) for c in (x, y))
    if left >= right or top >= bottom:
        return
    dx = ((np.arange(left, right, dtype=np.float32) + 0.5) / side - x)[None, :]
    dy = ((np.arange(top, bottom, dtype=np.float32) + 0.5) / side - y)[:, None]
    cos, sin = math.cos(thing.tilt), math.sin(thing.tilt)
    distance = _distance(thing.shape, dx * cos + dy * sin, dy * cos - dx * sin, thing.radius)
    cover = np.clip(0.5 - distance / (2 * EDGE), 0, 1)[..., None]
    colour = np.clip(np.add(RGB[thing.colour_at(time + 1e-9)], thing.shade, dtype=np.float32), 0, 1)
    patch = canvas[top:bottom, left:right]
    patch += cover * (colour - patch)


def _distance(shape: str, x: Field, y: Field, r: float) -> Field:
    """Signed distance (negative inside) to a shape of radius ``r`` about the origin."""
    if shape == "circle":
        return np.hypot(x, y) - r
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.86 * r
    if shape == "triangle":
        return np.maximum(0.866 * np.abs(x) + 0.5 * y, -y) - 0.55 * r
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.74 * r) - 0.26 * r
    ax, ay = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(ax - r, ay - 0.32 * r), np.maximum(ay - r, ax - 0.32 * r))
