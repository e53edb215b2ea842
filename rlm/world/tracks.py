"""Where everything of a shot is at given moments: the one truth for pictures, labels, questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlm.world.scene import COLOURS, Bar, Shot, Thing

Times = NDArray[np.float64]
NUDGE = 1e-9
"""Cuts and events lie on frames; this keeps float error from moving them to the next one."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """T moments of N things, as seen on screen.

    ``position`` float64[T, N, 2] and ``radius`` float64[T, N] in fractions of the picture,
    ``colour`` int64[T, N] into ``COLOURS``, ``seen`` float64[T, N] about the share of the thing
    that is inside the picture and not behind a bar (0 where it is absent).
    ``camera`` float64[T, 2] is how far the camera has moved.
    """

    position: NDArray[np.float64]
    radius: NDArray[np.float64]
    colour: NDArray[np.int64]
    seen: NDArray[np.float64]
    camera: NDArray[np.float64]


def tracks(shot: Shot, times: Sequence[float] | Times) -> Tracks:
    """Where the things of ``shot`` are at ``times`` (seconds of the film)."""
    moments = np.array([shot.moment(float(time)) for time in times])
    camera = np.outer(moments - shot.span.start, shot.pan)
    count = len(shot.things)
    position = np.empty((len(moments), count, 2))
    radius = np.empty((len(moments), count))
    colour = np.empty((len(moments), count), np.int64)
    seen = np.empty((len(moments), count))
    for number, thing in enumerate(shot.things):
        placed = positions(thing, moments)
        position[:, number] = placed - camera
        radius[:, number] = radii(thing, moments)
        colour[:, number] = _colours(thing, moments)
        here = (thing.present.start <= moments + NUDGE) & (moments + NUDGE < thing.present.end)
        size = radius[:, number]
        seen[:, number] = here * _inside(position[:, number], size)
        for bar in shot.bars:
            seen[:, number] *= 1 - _covered(placed, size, bar)
    return Tracks(position, radius, colour, seen, camera)


def positions(thing: Thing, moments: Times) -> NDArray[np.float64]:
    """The centre on the ground, [T, 2]; before the first leg it extends that leg backwards."""
    starts = np.array([leg.time for leg in thing.legs])
    which = np.maximum(np.searchsorted(starts, moments, side="right") - 1, 0)
    placed = np.empty((len(moments), 2))
    for number, leg in enumerate(thing.legs):
        on = which == number
        passed = moments[on] - leg.time
        (vx, vy), turned = leg.velocity, leg.spin * passed
        if leg.spin:
            along, aside = np.sin(turned) / leg.spin, (1 - np.cos(turned)) / leg.spin
        else:
            along, aside = passed, np.zeros_like(passed)
        placed[on, 0] = leg.start[0] + along * vx - aside * vy
        placed[on, 1] = leg.start[1] + along * vy + aside * vx
    return placed


def radii(thing: Thing, moments: Times) -> NDArray[np.float64]:
    """The radius, [T]."""
    if thing.growth is None:
        return np.full(len(moments), thing.radius)
    span = thing.growth.span
    done = np.clip((moments - span.start) / max(span.duration, NUDGE), 0, 1)
    return thing.radius * (1 + done * (thing.growth.factor - 1))


def _colours(thing: Thing, moments: Times) -> NDArray[np.int64]:
    starts = np.array([coat.time for coat in thing.coats])
    which = np.maximum(np.searchsorted(starts, moments + NUDGE, side="right") - 1, 0)
    return np.array([COLOURS.index(coat.colour) for coat in thing.coats])[which]


def _inside(position: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """About the share of a thing that is inside the picture, from its bounding box."""
    low = np.clip(position - radius[:, None], 0, 1)
    high = np.clip(position + radius[:, None], 0, 1)
    share: NDArray[np.float64] = np.prod((high - low) / (2 * radius[:, None]), axis=1)
    return share


def _covered(
    placed: NDArray[np.float64], radius: NDArray[np.float64], bar: Bar
) -> NDArray[np.float64]:
    """About the share of a thing that is behind a bar, from its bounding box."""
    low = np.maximum(placed - radius[:, None], bar.low)
    high = np.minimum(placed + radius[:, None], bar.high)
    share: NDArray[np.float64] = np.prod(
        np.clip(high - low, 0, None) / (2 * radius[:, None]), axis=1
    )
    return share
