"""Pictures from the jail, checked and named for a model."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from rlm.spans import format_time
from rlm.tools.base import Frames, Labelled, Pictures, Sheet


def as_rgb(value: object) -> Pictures:
    """Pictures as uint8 (T, H, W, 3) from colour or grey, one or many, integers or floats.

    Raises ``TypeError`` for what is no array, ``ValueError`` for a shape or range no picture has.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a picture is an array, or frames, not {type(value).__name__}")
    array = value[..., None] if value.ndim == 2 else value
    array = array[None] if array.ndim == 3 else array
    if array.ndim != 4 or array.shape[-1] not in (1, 3) or 0 in array.shape:
        raise ValueError(
            f"a picture has shape (H, W), (H, W, 3) or (T, H, W, 3), not {value.shape}"
        )
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    elif array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # also false for NaN
            raise ValueError("a picture of floats holds values from 0 to 1")
        array = np.rint(array * 255)
    elif array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise ValueError("a picture of integers holds values from 0 to 255")
    colour = np.broadcast_to(array, (*array.shape[:3], 3))
    return np.ascontiguousarray(colour, dtype=np.uint8)


def frame_label(time: float) -> str:
    """How a frame is named to the model: in seconds, as every tool takes them."""
    clock = f" ({format_time(time)})" if time >= 60 else ""
    return f"frame at {time:.2f} s{clock}"


def labelled(
    pictures: object, label: str = "", times: Sequence[float] | float | None = None
) -> list[Labelled]:
    """Pictures one by one.

    Frames are named by their own times, which arrays do not have: there ``times``, one for each
    picture of an array or a list, names them, or they are numbered. Raises ``TypeError`` or
    ``ValueError`` for what is no picture, label or time.
    """
    if not isinstance(label, str):
        raise TypeError(f"label is text, not {type(label).__name__}; times go in times=")
    moments = [times] if isinstance(times, int | float) else times
    if isinstance(pictures, list | tuple):
        groups = [labelled(item, label) for item in pictures]
        if moments is not None:
            _check_times(moments, sum(map(len, groups)))
            left = iter(moments)
            shares = [list(itertools.islice(left, len(group))) for group in groups]
            groups = [labelled(item, label, s) for item, s in zip(pictures, shares, strict=True)]
        return [one for group in groups for one in group]
    if isinstance(pictures, Sheet):
        name = f"contact sheet of {pictures.start:.1f} to {pictures.end:.1f} s"
        return [(_named(label, name), pictures.rgb, len(pictures.times))]
    if isinstance(pictures, Frames):
        moments, pictures = pictures.times.tolist(), pictures.rgb
    rgb = as_rgb(pictures)
    if moments is not None:
        _check_times(moments, len(rgb))
        names = [_named(label, frame_label(float(time))) for time in moments]
    elif len(rgb) == 1:
        names = [label or "picture"]
    else:
        names = [f"{label or 'picture'}, {n} of {len(rgb)}" for n in range(1, len(rgb) + 1)]
    return [(name, one, 1) for name, one in zip(names, rgb, strict=True)]


def _check_times(times: Sequence[float], pictures: int) -> None:
    if len(times) != pictures:
        raise ValueError(f"{pictures} pictures need {pictures} times, not {len(times)}")


def _named(label: str, name: str) -> str:
    return f"{label}, {name}" if label else name
