"""Windows of procedural film with all that is known of them, as a model is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlm.spans import Span
from rlm.world.captions import Told
from rlm.world.draw import pictures
from rlm.world.scene import SHAPES, Shot, Thing, held_out
from rlm.world.shots import make_shot
from rlm.world.tracks import tracks
from rlm.world.windows import Account, account, motion_of

SIDE = 64
TUBELET = 2
MOST = 5  # things in a shot
SHOT_SECONDS = (5.0, 8.0)
_SEEN = 0.55  # share of a thing that has to be in sight for it to be asked for
_NOISE = 0.015


@dataclass(frozen=True)
class Mix:
    """How often a clip is what: shares of clips.

    ``things`` are the shares of 1 to 5 things, ``fast`` those sampled at 8 pictures a second
    instead of 4, ``cut`` those across a transition between two shots, ``plain`` those without
    camera motion, bars and fades. ``held`` is as in :func:`make_shot`, ``kinds`` too.
    """

    things: tuple[float, ...] = (0.4, 0.2, 0.18, 0.12, 0.1)
    fast: float = 0.25
    cut: float = 0.12
    plain: float = 0.4
    held: bool | None = False
    kinds: tuple[str, ...] | None = None


ONE_THING = Mix(things=(0.8, 0.1, 0.1, 0.0, 0.0), cut=0.05, plain=0.7)


@dataclass(frozen=True)
class LabelledClip:
    """T pictures uint8[T, 64, 64, 3] and, for each of T / 2 tubelets and up to 5 things, labels.

    ``position`` [D, 5, 2] and ``radius`` [D, 5] on screen, ``motion`` [D, 5, 2] over the ground
    from picture to picture, in fractions of the picture; ``colour`` and ``shape`` [D, 5] as
    numbers; ``seen`` [D, 5] where a thing is in sight. ``camera`` [D, 2] is its motion from
    picture to picture, ``mark`` [D] whether the white frame shows, ``whole`` [D] whether both
    pictures are of one shot, ``shot`` [D] which of the two it is. ``told`` is what a caption can
    say, the largest thing first, and ``numbers`` which things these are; both are empty where the
    clip shows two shots. ``sure`` is whether none of it was half seen. ``moments`` has for each of
    the D tubelets what can be told of it by itself: nothing where that is not sure, across two
    shots, and at 8 pictures a second, where a tubelet is too short for it.
    """

    rgb: NDArray[np.uint8]
    position: NDArray[np.float32]
    radius: NDArray[np.float32]
    motion: NDArray[np.float32]
    colour: NDArray[np.int64]
    shape: NDArray[np.int64]
    seen: NDArray[np.bool_]
    camera: NDArray[np.float32]
    mark: NDArray[np.float32]
    whole: NDArray[np.bool_]
    shot: NDArray[np.int64]
    told: tuple[Told, ...]
    numbers: tuple[int, ...]
    sure: bool
    moments: tuple[tuple[Told, ...], ...]


def draw_clip(rng: np.random.Generator, mix: Mix, length: int = 16) -> LabelledClip:
    """One clip of ``length`` pictures, drawn by ``rng``."""
    fps = 8.0 if rng.random() < mix.fast else 4.0
    plain = bool(rng.random() < mix.plain)
    count = 1 + int(rng.choice(MOST, p=mix.things))
    seconds = max((length + 1) / fps, float(rng.uniform(*SHOT_SECONDS)))
    span = Span(0.0, seconds)
    shot = _shot(rng, mix, span, count, plain)
    if rng.random() < mix.cut:
        return _across(rng, shot, _shot(rng, mix, span, count, plain), fps, length)
    return clip_of(rng, shot, _begin(rng, shot, length / fps), fps, length)


def _shot(rng: np.random.Generator, mix: Mix, span: Span, count: int, plain: bool) -> Shot:
    while True:
        shot = make_shot(rng, span, things=count, kinds=mix.kinds, held=mix.held, plain=plain)
        if mix.held is not False or not any(map(_ever_held_out, shot.things)):
            return shot


def _ever_held_out(thing: Thing) -> bool:
    """Whether a thing is a held-out combination at any time, turned around or recoloured too."""
    motions = {motion_of(leg) for leg in thing.legs}
    return any(held_out(c, thing.shape, m) for c in thing.colours for m in motions)


def _begin(rng: np.random.Generator, shot: Shot, seconds: float) -> float:
    """Where a window starts: mostly so that it shows something happen."""
    latest = shot.span.end - seconds - 0.01
    if shot.events and rng.random() < 0.7:
        event = shot.events[int(rng.integers(len(shot.events)))].span.start
        wanted = event - seconds * float(rng.uniform(0.2, 0.75))
    else:
        wanted = float(rng.uniform(0, max(latest, 0.0)))
    return min(max(wanted, shot.span.start), max(latest, shot.span.start))


def clip_of(
    rng: np.random.Generator, shot: Shot, begin: float, fps: float, length: int = 16
) -> LabelledClip:
    """The clip of ``shot`` that starts at ``begin`` (seconds)."""
    times = begin + np.arange(length) / fps
    marks = [_mark(rng, Span(begin, begin + length / fps))] if rng.random() < 0.1 else []
    parts = _labels(shot, times)
    accounts, sure = _accounts(shot, Span(begin, float(times[-1])), parts["seen"])
    moments = []
    for time, seen in zip(times[::TUBELET], parts["seen"], strict=True):
        shown = Span(float(time), float(time) + TUBELET / fps)
        of_moment, certain = _accounts(shot, shown, seen[None])
        moments.append(tuple(a.told for a in of_moment) if certain else ())
    return LabelledClip(
        rgb=_grain(rng, pictures(shot, times, SIDE, marks)),
        mark=_marked(marks, times),
        whole=np.ones(length // TUBELET, bool),
        shot=np.zeros(length // TUBELET, np.int64),
        told=tuple(a.told for a in accounts),
        numbers=tuple(a.thing for a in accounts),
        sure=sure,
        moments=tuple(moments),
        **parts,
    )


def _accounts(shot: Shot, window: Span, seen: NDArray[np.bool_]) -> tuple[list[Account], bool]:
    """What can be told of ``window``, whose tubelets show what ``seen`` [D, 5] says, the largest
    thing first; whether none of it was half seen."""
    if shot.warp is not None:
        return [], False
    accounts = [a for i in range(len(shot.things)) if (a := account(shot, i, window))]
    in_sight = seen.sum(0) * TUBELET
    accounts = [a for a in accounts if in_sight[a.thing] >= min(3, TUBELET * len(seen))]
    accounts.sort(key=lambda a: -shot.things[a.thing].radius)
    lit = window.start >= shot.span.start + shot.fade_in
    lit = lit and window.end <= shot.span.end - shot.fade_out
    return accounts, lit and all(a.sure for a in accounts)


def _across(
    rng: np.random.Generator, before: Shot, after: Shot, fps: float, length: int
) -> LabelledClip:
    """The last pictures of one shot and the first of another."""
    kept = int(rng.integers(3, length - 2))
    first = before.span.end - (kept - 0.5) / fps + np.arange(kept) / fps
    second = after.span.start + 0.5 / fps + np.arange(length - kept) / fps
    # Labels go by tubelets; one that is of both shots is left out.
    rgb = np.concatenate([pictures(before, first, SIDE), pictures(after, second, SIDE)])
    labels = [_labels(before, first[: kept // 2 * 2]), _labels(after, second[kept % 2 :])]
    if kept % 2:
        labels.insert(1, _labels(after, second[:1].repeat(2)))
    whole = np.ones(length // TUBELET, bool)
    whole[kept // 2] = kept % 2 == 0
    parts = {key: np.concatenate([part[key] for part in labels]) for key in labels[0]}
    return LabelledClip(
        rgb=_grain(rng, rgb),
        mark=np.zeros(len(whole), np.float32),
        whole=whole,
        shot=(np.arange(len(whole)) >= kept // TUBELET).astype(np.int64),
        told=(),
        numbers=(),
        sure=False,
        moments=((),) * len(whole),
        **parts,
    )


def _labels(shot: Shot, times: NDArray[np.float64]) -> dict[str, Any]:
    """The labels of an even number of pictures, by tubelet, things padded to ``MOST``."""
    told = tracks(shot, times)
    count, pairs = len(shot.things), len(times) // TUBELET

    def pad(values: NDArray[np.generic], fill: float = 0) -> NDArray[np.generic]:
        width = [(0, 0), (0, MOST - count)] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, width, constant_values=fill)

    placed = told.position.reshape(pairs, TUBELET, count, 2)
    over_ground = (told.position + told.camera[:, None]).reshape(placed.shape)
    camera = told.camera.reshape(pairs, TUBELET, 2)
    shapes = np.array([[SHAPES.index(thing.shape) for thing in shot.things]] * pairs)
    seen = told.seen.reshape(pairs, TUBELET, count).min(1) >= _SEEN
    return {
        "position": pad(placed.mean(1)).astype(np.float32),
        "radius": pad(told.radius.reshape(pairs, TUBELET, count).mean(1)).astype(np.float32),
        "motion": pad(over_ground[:, 1] - over_ground[:, 0]).astype(np.float32),
        "colour": pad(told.colour[1::TUBELET]).astype(np.int64),
        "shape": pad(shapes.reshape(pairs, count)).astype(np.int64),
        "seen": pad(seen).astype(bool),
        "camera": (camera[:, 1] - camera[:, 0]).astype(np.float32),
    }


def _mark(rng: np.random.Generator, window: Span) -> Span:
    start = float(rng.uniform(window.start, window.end))
    return Span(start, start + 0.48)


def _marked(marks: Sequence[Span], times: NDArray[np.float64]) -> NDArray[np.float32]:
    shown = np.array([any(time in mark for mark in marks) for time in times], np.float32)
    by_tubelet: NDArray[np.float32] = shown.reshape(-1, TUBELET).max(1)
    return by_tubelet


def _grain(rng: np.random.Generator, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light noise, as a camera or a codec leaves it."""
    noise = rng.standard_normal(rgb.shape[1:], np.float32) * np.float32(_NOISE * 255)
    shifts = rng.integers(SIDE, size=len(rgb))
    noisy = rgb + np.stack([np.roll(noise, shift, axis=0) for shift in shifts])
    grainy: NDArray[np.uint8] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return grainy
