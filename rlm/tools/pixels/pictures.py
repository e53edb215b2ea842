"""Whole pictures: cut, scale, compare, mix, measure; and how every helper reads pictures."""

from __future__ import annotations

import dataclasses
import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Times = Sequence[float | None]

# The model writes numpy from its first line on, whether it has imported it or not.
__all__ = ["blend", "crop", "diff", "frame_info", "np", "zoom"]

_DOMINANT, _LEAST_SHARE = 5, 0.02


def crop(pictures: Any, x0: float, y0: float, x1: float, y1: float) -> Any:
    """Cut the same box out of every picture; a part that lies outside is left out.

    Frames give frames, with their times; an array gives a new array of its kind. Numbers are
    rounded.
    Example: show(zoom(crop(frames, *region.box), 3))
    """
    stack = stacked(pictures, "crop")
    height, width = stack.shape[1:3]
    names = ("x0", "y0", "x1", "y1")
    given = tuple(
        real(value, name, "crop") for name, value in zip(names, (x0, y0, x1, y1), strict=True)
    )
    if any(value % 1 for value in given) and all(0 <= value <= 1 for value in given):
        raise ValueError(
            f"crop: the box {given} is in fractions; it needs pixels of {width} x {height}"
        )
    box = tuple(round(value) for value in given)
    left, top, right, bottom = box
    if not (left < right and top < bottom):
        raise ValueError(f"crop: the box {box} is empty; it needs x0 < x1 and y0 < y1")
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if not (left < right and top < bottom):
        raise ValueError(f"crop: the box {box} is outside the picture, {width} x {height} pixels")
    return alike(stack[:, top:bottom, left:right].copy(), pictures)


def zoom(
    pictures: Any,
    factor: float | None = None,
    size: tuple[int, int] | None = None,
    smooth: bool = True,
) -> Any:
    """Scale pictures by `factor`, or to `size` = (width, height) in pixels: give one of the two.

    Smooth is bilinear (averages when it shrinks); smooth=False repeats pixels. Frames give frames,
    an array gives uint8 of its kind.
    Example: show(zoom(frames.rgb[0, 40:90, 60:120], 8, smooth=False))
    """
    stack = as_uint8(pictures, "zoom")
    height, width = stack.shape[1:3]
    if (factor is None) == (size is None):
        raise ValueError("zoom: give either factor or size=(width, height)")
    if factor is not None:
        given: Any = factor
        if isinstance(given, list | tuple):
            raise TypeError("zoom: factor is a number; (width, height) goes in size=")
        scale = real(given, "factor", "zoom")
        wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    elif isinstance(size, list | tuple) and len(size) == 2:
        wide, high = whole(size[0], "width", "zoom"), whole(size[1], "height", "zoom")
        scale = min(wide, high)
    else:
        raise TypeError(f"zoom: size is (width, height), not {size!r}")
    if scale <= 0:
        raise ValueError("zoom: factor, width and height are above 0")
    if not smooth:
        rows = np.arange(high) * height // high
        columns = np.arange(wide) * width // wide
        return alike(stack[:, rows][:, :, columns], pictures)
    scaled = np.empty((len(stack), high, wide, stack.shape[3]), np.uint8)
    for one, into in zip(stack, scaled, strict=True):  # one at a time: floats take much memory
        np.rint(_resampled(_resampled(one, 0, high), 1, wide), out=into, casting="unsafe")
    return alike(scaled, pictures)


def diff(a: Any, b: Any = None) -> Array:
    """Absolute difference |a - b|, uint8, of two pictures, or of two stacks picture by picture.

    One picture against a stack is compared with each. Without b: the differences of consecutive
    pictures of the stack a, one fewer.
    Example: show(diff(frames), times=frames.times[1:])
    """
    first = as_uint8(a, "diff")
    if b is None:
        if len(first) < 2:
            raise ValueError("diff: one picture has nothing to differ from; give b, or a stack")
        return np.maximum(first[1:], first[:-1]) - np.minimum(first[1:], first[:-1])
    second = as_uint8(b, "diff")
    _check_pair(first, second, "diff")
    difference: Array = np.maximum(first, second) - np.minimum(first, second)
    return _alike_either(difference, a, b)


def blend(a: Any, b: Any = None, alpha: float = 0.5) -> Array:
    """Mix two pictures (or stacks) as (1 - alpha) * a + alpha * b, uint8; alpha is 0 to 1.

    Without b: the mean picture of the stack a, in which what moves fades and what rests remains.
    Example: show(blend(frames.rgb[0], frames.rgb[-1]))
    """
    first = as_uint8(a, "blend")
    weight = real(alpha, "alpha", "blend")
    if not 0 <= weight <= 1:
        raise ValueError(f"blend: alpha is from 0 to 1, not {weight:g}")
    if b is None:
        if np.ndim(getattr(a, "rgb", a)) < 4 and not isinstance(a, list | tuple):
            raise ValueError("blend: one picture has nothing to mix with; give b, or a stack")
        mean: Array = np.rint(first.mean(axis=0, dtype=np.float32))
        return mean.astype(np.uint8)
    second = as_uint8(b, "blend")
    _check_pair(first, second, "blend")
    shape = np.broadcast_shapes(first.shape, second.shape)
    mixed = np.empty(shape, np.uint8)
    pairs = zip(np.broadcast_to(first, shape), np.broadcast_to(second, shape), mixed, strict=True)
    for one, other, into in pairs:
        sum_ = one * np.float32(1 - weight)
        sum_ += other * np.float32(weight)
        np.rint(sum_, out=into, casting="unsafe")
    return _alike_either(mixed, a, b)


@dataclasses.dataclass(frozen=True)
class FrameInfo:
    """What a picture measures; ``frame_info`` says in which units."""

    time: float | None
    size: tuple[int, int]
    mean: tuple[float, ...]
    brightness: float
    contrast: float
    sharpness: float
    dominant: tuple[tuple[tuple[int, ...], float], ...]


def frame_info(pictures: Any) -> FrameInfo | list[FrameInfo]:
    """Measure a picture, or each of a stack or of frames (then a list).

    Each result has `.time` (seconds; None for arrays), `.size` (width, height), `.mean` (r, g, b),
    `.brightness` and `.contrast` (mean and deviation of the grey value, 0 to 255), `.sharpness`
    (variance of the Laplacian: compare it within one scene only; blur is low) and `.dominant`, up
    to 5 pairs ((r, g, b), share of the picture), the largest first.
    Example: [(i.time, i.brightness) for i in frame_info(frames)]
    """
    stack = as_uint8(pictures, "frame_info")
    times = times_of(pictures, len(stack))
    found = [_measured(one, time) for one, time in zip(stack, times, strict=True)]
    many = isinstance(pictures, list | tuple) or np.ndim(getattr(pictures, "rgb", pictures)) == 4
    return found if many else found[0]


# ---- what is given and given back


def stacked(value: Any, who: str) -> Array:
    """Pictures as one array (T, H, W, C) of their own values, where C is 1 or 3.

    Raises ``TypeError`` for what is no picture, ``ValueError`` for a shape that none has.
    """
    if isinstance(value, list | tuple) and value:
        stacks = [stacked(item, who) for item in value]
        if len({stack.shape[1:] for stack in stacks}) > 1:
            raise ValueError(f"{who}: the pictures of a list have one shape; zoom() them first")
        return np.concatenate(stacks)
    array = getattr(value, "rgb", value)
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{who}: a picture is an array, or frames, not {type(value).__name__}")
    stack = array[..., None] if array.ndim == 2 else array
    stack = stack[None] if stack.ndim == 3 else stack
    if stack.ndim != 4 or stack.shape[3] not in (1, 3) or 0 in stack.shape:
        raise ValueError(
            f"{who}: a picture has shape (H, W) or (H, W, 3), a stack (T, H, W, 3) or, grey, "
            f"(T, H, W, 1), not {array.shape}"
        )
    if stack.dtype.kind not in "buif":
        raise TypeError(f"{who}: a picture holds real numbers, not {stack.dtype}")
    return stack


def as_uint8(value: Any, who: str) -> Array:
    """Pictures as uint8 (T, H, W, C), where C is 1 or 3.

    Raises ``TypeError`` for what is no picture, ``ValueError`` for a shape or range none has.
    """
    stack = stacked(value, who)
    if stack.dtype == np.uint8:
        return stack
    kind = stack.dtype.kind
    if kind == "b":
        return stack * np.uint8(255)
    top = 1 if kind == "f" else 255
    if not (stack.min() >= 0 and stack.max() <= top):  # also false for NaN
        word = "floats" if kind == "f" else "integers"
        raise ValueError(f"{who}: a picture of {word} holds values from 0 to {top}")
    return (np.rint(stack * 255) if kind == "f" else stack).astype(np.uint8)


def alike(stack: Array, source: Any) -> Any:
    """A stack in the form of what it was made from: frames, many pictures, or one."""
    if isinstance(source, list | tuple):
        return stack
    array = getattr(source, "rgb", source)
    if array.ndim == 4:
        return stack if array is source else dataclasses.replace(source, rgb=stack)
    return stack[0] if array.ndim == 3 else stack[0, :, :, 0]


def times_of(pictures: Any, count: int) -> Times:
    """The times of frames, in seconds; ``None`` for each of ``count`` pictures that have none."""
    array = getattr(pictures, "rgb", None)
    if array is None or array.ndim < 4:
        return [None] * count
    return [round(float(time), 3) for time in pictures.times]


def grey(picture: Array) -> Array:
    """Brightness uint8 (H, W) of one picture uint8 (H, W, C): 0.30 R + 0.59 G + 0.11 B."""
    if picture.shape[2] == 1:
        return picture[:, :, 0]
    light = picture[:, :, 0] * np.uint16(77)
    light += picture[:, :, 1] * np.uint16(150)
    light += picture[:, :, 2] * np.uint16(29)
    light += np.uint16(128)
    return (light >> np.uint16(8)).astype(np.uint8)


def real(value: Any, name: str, who: str) -> float:
    """A finite number; raises ``TypeError`` or ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{who}: {name} is a number, not {type(value).__name__}")
    if not np.isfinite(float(value)):
        raise ValueError(f"{who}: {name} is a finite number, not {value}")
    return float(value)


def whole(value: Any, name: str, who: str, least: int = 1) -> int:
    """A whole number, at least ``least``; raises ``TypeError`` or ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{who}: {name} is a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{who}: {name} is at least {least}, not {value}")
    return int(value)


def _check_pair(first: Array, second: Array, who: str) -> None:
    if first.shape[1:3] != second.shape[1:3]:
        sizes = " and ".join(f"{s.shape[2]} x {s.shape[1]}" for s in (first, second))
        raise ValueError(f"{who}: pictures of {sizes} pixels do not fit; crop() or zoom() one")
    if len(first) != len(second) and 1 not in (len(first), len(second)):
        raise ValueError(f"{who}: stacks of {len(first)} and {len(second)} pictures do not fit")


def _alike_either(stack: Array, a: Any, b: Any) -> Array:
    arrays = [getattr(value, "rgb", value) for value in (a, b)]
    if any(isinstance(array, list | tuple) or array.ndim == 4 for array in arrays):
        return stack
    return stack[0, :, :, 0] if stack.shape[3] == 1 else stack[0]


def _resampled(array: Array, axis: int, size: int) -> Array:
    """One axis in another size: linear between pixels, or the mean of what each new one covers."""
    old = array.shape[axis]
    if size == old:
        return array
    shape = [1] * array.ndim
    shape[axis] = size
    if size > old:
        place = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = place.astype(np.intp)
        part = (place - low).astype(np.float32).reshape(shape)
        base: Array = array.take(low, axis).astype(np.float32)
        step = array.take(np.minimum(low + 1, old - 1), axis) - base
        step *= part
        base += step
        return base
    total = np.cumsum(array, axis, dtype=np.float64)
    total = np.concatenate([np.zeros_like(total.take([0], axis)), total], axis)
    edges = np.arange(size + 1) * (old / size)
    low = np.minimum(edges.astype(np.intp), old - 1)
    shape[axis] += 1
    part = (edges - low).reshape(shape)
    before, after = total.take(low, axis), total.take(low + 1, axis)
    mean: Array = np.diff(before + part * (after - before), axis=axis) * (size / old)
    return mean


def _measured(picture: Array, time: float | None) -> FrameInfo:
    light = grey(picture)
    height, width = light.shape
    sharpness = 0.0
    if min(height, width) >= 3:
        fine = light.astype(np.int16)
        centre = fine[1:-1, 1:-1]
        around = fine[:-2, 1:-1] + fine[2:, 1:-1] + fine[1:-1, :-2] + fine[1:-1, 2:]
        sharpness = float((around - 4 * centre).var(dtype=np.float32))
    colour = np.broadcast_to(picture, (height, width, 3)).reshape(-1, 3)
    return FrameInfo(
        time=time,
        size=(width, height),
        mean=tuple(round(float(value), 1) for value in colour.mean(axis=0)),
        brightness=round(float(light.mean()), 1),
        contrast=round(float(light.std(dtype=np.float32)), 1),
        sharpness=round(sharpness, 1),
        dominant=_dominant(colour),
    )


def _dominant(colour: Array) -> tuple[tuple[tuple[int, ...], float], ...]:
    """The fullest bins of a histogram of 16 levels a channel, each with its 26 neighbours."""
    levels = (colour >> 4).astype(np.intp)
    place = (levels[:, 0] << 8) | (levels[:, 1] << 4) | levels[:, 2]
    shape = (16, 16, 16)
    count = np.bincount(place, minlength=4096).reshape(shape)
    sums = [np.bincount(place, colour[:, c], 4096).reshape(shape) for c in range(3)]
    found = []
    for _ in range(_DOMINANT):
        r, g, b = np.unravel_index(int(count.argmax()), shape)
        near = tuple(slice(max(0, int(k) - 1), int(k) + 2) for k in (r, g, b))
        pixels = int(count[near].sum())
        if pixels < _LEAST_SHARE * len(colour):
            break
        mean = tuple(round(float(s[near].sum()) / pixels) for s in sums)
        found.append((mean, round(pixels / len(colour), 3)))
        count[near] = 0
        for s in sums:
            s[near] = 0
    return tuple(found)
