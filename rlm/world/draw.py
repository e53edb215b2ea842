"""Pictures of a film at any size and frame rate, a few at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span
from rlm.world.scene import COLOURS, Bar, Film, Ground, Shot, Thing
from rlm.world.tracks import NUDGE, Times, Tracks, tracks

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]

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
MARK = 1 / 20  # width of the white frame
_AT_A_TIME = 32  # pictures drawn together: enough to be quick, few enough to be small


def frames(film: Film, fps: Fraction | float = 25, side: int = 320) -> Iterator[Picture]:
    """Every picture of a film as uint8 ``[side, side, 3]``, picture k at time ``k / fps``."""
    rate = Fraction(fps)
    count = math.ceil(Fraction(film.span.end).limit_denominator(10**6) * rate)
    numbers = (float(k / rate) for k in range(count))
    for shot, group in groupby(numbers, key=lambda time: film.shot_at(time + NUDGE)):
        times = list(group)
        for first in range(0, len(times), _AT_A_TIME):
            yield from pictures(shot, times[first : first + _AT_A_TIME], side, film.marks)


def pictures(
    shot: Shot, times: Sequence[float] | Times, side: int, marks: Sequence[Span] = ()
) -> Picture:
    """Pictures of a shot at T ``times``, uint8 ``[T, side, side, 3]``."""
    told = tracks(shot, times)
    canvas = _grounds(shot.ground, told.camera, side)
    for number, thing in enumerate(shot.things):
        _paint(canvas, thing, number, told)
    for bar in shot.bars:
        _wall(canvas, bar, told.camera)
    for k, time in enumerate(times):
        if any(time + NUDGE in mark for mark in marks):
            _mark(canvas[k])
        light = _light(shot, float(time))
        if light < 1:
            canvas[k] *= light
    return np.rint(canvas * 255).astype(np.uint8)


def _light(shot: Shot, time: float) -> float:
    """From 0, black, to 1: how far a fade has come."""
    light = 1.0
    if shot.fade_in:
        light = min(light, (time - shot.span.start) / shot.fade_in)
    if shot.fade_out:
        light = min(light, (shot.span.end - time) / shot.fade_out)
    return min(1.0, max(0.0, light))


def _mark(canvas: Plane) -> None:
    width = max(1, round(MARK * len(canvas)))
    for edge in (canvas[:width], canvas[-width:], canvas[:, :width], canvas[:, -width:]):
        edge[:] = 1.0


def _grounds(spec: Ground, camera: NDArray[np.float64], side: int) -> Plane:
    """The ground under T positions of the camera, float32 ``[T, side, side, 3]``."""
    if not camera.any():
        return np.repeat(_still_ground(spec, side)[None], len(camera), axis=0)
    return _textured(spec, camera, side)


@lru_cache(maxsize=4)
def _still_ground(spec: Ground, side: int) -> Plane:
    still: Plane = _textured(spec, np.zeros((1, 2)), side)[0]
    still.flags.writeable = False
    return still


def _textured(spec: Ground, camera: NDArray[np.float64], side: int) -> Plane:
    even = np.asarray(spec.colour, np.float32)
    if spec.contrast == 0:
        return np.tile(even, (len(camera), side, side, 1))
    n = TEXTURE_CELLS
    cells = np.random.default_rng(spec.seed).random((n, n, 3)).astype(np.float32)
    across, down = (_between(camera[:, axis], side) for axis in (0, 1))  # [T, side, n] each
    rows = (down @ cells.reshape(n, n * 3)).reshape(len(camera), side, n, 3)
    texture: Plane = across[:, None] @ rows  # [T, side, side, 3]
    texture -= np.float32(0.5)
    texture *= np.float32(spec.contrast)
    texture += even
    np.clip(texture, 0, 1, out=texture)
    return texture


def _between(camera: NDArray[np.float64], side: int) -> Plane:
    """How much of each of the texture's cells is in each pixel of a row, ``[T, side, cells]``.

    Straight lines between the cells' middles. The texture has no end: it comes back.
    """
    n = TEXTURE_CELLS
    place = (camera[:, None] + (np.arange(side) + 0.5) / side)[..., None] * n - 0.5
    away = np.abs((place - np.arange(n) + n / 2) % n - n / 2)
    share: Plane = np.clip(1 - away, 0, None).astype(np.float32)
    return share


def _paint(canvas: Plane, thing: Thing, number: int, told: Tracks) -> None:
    """Blend a thing into the part of each picture around it."""
    side = canvas.shape[1]
    there = np.flatnonzero(told.seen[:, number] > 0)
    if not len(there):
        return
    centre, radius = told.position[there, number] * side, told.radius[there, number]
    reach = math.ceil((1.25 * float(radius.max()) + 2 * EDGE) * side)
    corner = np.floor(centre).astype(int) - reach  # [K, 2], the window's upper left pixel
    steps = np.arange(2 * reach + 1)
    dx = ((corner[:, :1] + steps + 0.5 - centre[:, :1]) / side).astype(np.float32)[:, None, :]
    dy = ((corner[:, 1:] + steps + 0.5 - centre[:, 1:]) / side).astype(np.float32)[:, :, None]
    cos, sin = math.cos(thing.tilt), math.sin(thing.tilt)
    away = _distance(
        thing.shape,
        dx * np.float32(cos) + dy * np.float32(sin),
        dy * np.float32(cos) - dx * np.float32(sin),
        radius.astype(np.float32)[:, None, None],
    )
    cover = np.clip(0.5 - away / np.float32(2 * EDGE), 0, 1)[..., None]
    shades = np.array([RGB[colour] for colour in COLOURS]) + thing.shade
    colours = np.clip(shades, 0, 1).astype(np.float32)[told.colour[there, number]]
    for k, frame in enumerate(there):
        left, top = (max(0, -int(c)) for c in corner[k])
        right, bottom = (min(len(steps), side - int(c)) for c in corner[k])
        if left >= right or top >= bottom:
            continue
        x, y = (int(c) for c in corner[k])
        patch = canvas[frame, y + top : y + bottom, x + left : x + right]
        patch += cover[k, top:bottom, left:right] * (colours[k] - patch)


def _wall(canvas: Plane, bar: Bar, camera: NDArray[np.float64]) -> None:
    """Draw a bar into T pictures; its rim is one pixel soft."""
    side = canvas.shape[1]
    low, high = (np.subtract(corner, camera) * side for corner in (bar.low, bar.high))
    pixels = np.arange(side) + 0.5
    share = [
        np.clip(np.minimum(pixels - low[:, [a]], high[:, [a]] - pixels) + 0.5, 0, 1) for a in (0, 1)
    ]
    cover = (share[1][:, :, None] * share[0][:, None, :]).astype(np.float32)[..., None]
    canvas += cover * (np.float32(bar.grey) - canvas)


def _distance(shape: str, x: Plane, y: Plane, r: Plane) -> Plane:
    """Signed distance (negative inside) to a shape of radius ``r`` about the origin."""
    ax, ay = np.abs(x), np.abs(y)
    away: Plane
    if shape == "circle":
        away = np.hypot(x, y) - r
    elif shape == "square":
        away = np.maximum(ax, ay) - 0.86 * r
    elif shape == "triangle":
        away = np.maximum(0.866 * ax + 0.5 * y, -y) - 0.55 * r
    elif shape == "ring":
        away = np.abs(np.hypot(x, y) - 0.74 * r) - 0.26 * r
    else:
        away = np.minimum(np.maximum(ax - r, ay - 0.32 * r), np.maximum(ay - r, ax - 0.32 * r))
    return away
