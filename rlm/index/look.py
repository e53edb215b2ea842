"""What a picture looks like, without a model: its colours, where they are, and where edges run.

Three descriptions of a 32 x 32 thumbnail are put together. They follow the colour histogram of
Swain and Ballard (Color Indexing, IJCV 1991, section 3, with its opponent axes), and the color
layout and edge histogram descriptors of MPEG-7 (Manjunath et al., Color and Texture Descriptors,
IEEE CSVT 2001, sections III-B, III-C and IV-C), with soft bins instead of hard ones and without
their quantisation. Values are square roots of light as coded, relative to how bright the picture
is as a whole, so that a fade changes little.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError

SPACE = "look/1"
"""The descriptor and its version; vectors of another one cannot be compared with these."""

SIZE = 300
"""Numbers in a vector."""

_SIDE = 32
_PIXELS_AT_A_TIME = 2**19  # 64 pictures of 128 x 64; more no longer fit the caches
_BRIGHTNESS_FLOOR = 0.1  # keeps the noise of black pictures small
_BINS = (3, 5, 5)
_BRIGHTEST = 1.1 * 3**0.5
_MOST_COLOURFUL = 0.25
_CHROMA = 2.0  # colours vary less than brightness and tell more
_EDGE_BINS = 8

# What makes each part vary as much over footage of many kinds, times its weight: shots differ in
# their colours foremost, and edges move with what is in the picture.
_WEIGHTS = (1.4, 0.18, 0.48)

# Pictures near the mean of a video have no direction of their own: noise would give them one.
_STEADY = 0.4

_OPPONENT = np.array(
    [[3**-0.5, 2**-0.5, 6**-0.5], [3**-0.5, -(2**-0.5), 6**-0.5], [3**-0.5, 0, -2 * 6**-0.5]],
    dtype=np.float32,
)

Vectors = NDArray[np.float32]


def describe(rgb: NDArray[np.uint8]) -> Vectors:
    """The raw descriptors, float32 ``[N, SIZE]``, of pictures uint8 ``[N, H, W, 3]`` of any size.

    They are to be centred before they are compared: see ``centre``. A picture of a short side of
    64 tells as much as a larger one.

    Raises ``UsageError`` for arrays of another kind or shape.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 4 or rgb.shape[-1] != 3 or 0 in rgb.shape[1:]:
        raise UsageError(f"pictures are uint8[N, H, W, 3], not {rgb.dtype}{list(rgb.shape)}")
    vectors = np.empty((len(rgb), SIZE), dtype=np.float32)
    at_a_time = max(1, _PIXELS_AT_A_TIME // (rgb.shape[1] * rgb.shape[2]))
    for first in range(0, len(rgb), at_a_time):
        part = rgb[first : first + at_a_time]
        vectors[first : first + len(part)] = _describe(part)
    return vectors


def centre(raw: Vectors) -> tuple[Vectors, Vectors]:
    """The mean ``[SIZE]`` of a video's descriptors, and these relative to it, ``[N, SIZE]``.

    What all pictures of a video share tells none from another. The vectors are L2-normalised; a
    dot product of two is their cosine. They can be compared within this video alone.

    Raises ``UsageError`` when there are none.
    """
    if not len(raw):
        raise UsageError("there are no pictures to centre; describe at least one")
    mean = mean_of(raw.sum(axis=0, dtype=np.float64), len(raw))
    return mean, place(raw, mean)


def mean_of(total: NDArray[np.float64], count: int) -> Vectors:
    """What to centre on, ``[SIZE]``, where ``total`` is the sum of ``count`` descriptors."""
    mean = (total / count).astype(np.float32)
    mean[-1] = 0  # the steady number, which keeps every vector away from zero
    return mean


def place(raw: Vectors, mean: Vectors) -> Vectors:
    """Descriptors ``[N, SIZE]`` of any pictures among those of the video with this ``mean``."""
    moved = raw - mean
    lengths = np.linalg.norm(moved, axis=-1, keepdims=True)
    placed: Vectors = np.divide(moved, lengths, dtype=np.float32)
    return placed


def _describe(rgb: NDArray[np.uint8]) -> Vectors:
    count = len(rgb)
    small = np.sqrt(_thumbnails(rgb))
    brightness = np.sqrt(np.square(small).mean(axis=(1, 2, 3), keepdims=True))
    small /= brightness + _BRIGHTNESS_FLOOR
    opponent = small @ _OPPONENT
    parts = (
        np.sqrt(_colours(opponent.reshape(count, -1, 3))),
        _layout(opponent),
        np.sqrt(_edges(opponent[..., 0])),
    )
    steady = np.full((count, 1), _STEADY, dtype=np.float32)
    weighted = [weight * part for weight, part in zip(_WEIGHTS, parts, strict=True)]
    return np.concatenate([*weighted, steady], axis=1)


def _thumbnails(rgb: NDArray[np.uint8]) -> Vectors:
    """Means over the areas of ``_SIDE`` x ``_SIDE`` equal cells, in [0, 1]."""
    count, height, width, _ = rgb.shape
    flat = rgb.reshape(count, height, width * 3).astype(np.float32)
    rows = _areas(height) @ flat
    cells = rows @ _areas_of_colours(width)
    return cells.reshape(count, _SIDE, _SIDE, 3).astype(np.float32, copy=False)


@lru_cache(maxsize=4)
def _areas(length: int) -> Vectors:
    """The share ``[_SIDE, length]`` of each pixel in each cell of a line."""
    edges = np.linspace(0, length, _SIDE + 1)
    pixels = np.arange(length)
    ends = np.minimum(edges[1:, None], pixels + 1)
    starts = np.maximum(edges[:-1, None], pixels)
    shares: NDArray[np.float64] = np.maximum(ends - starts, 0) * _SIDE / length
    return shares.astype(np.float32)


@lru_cache(maxsize=4)
def _areas_of_colours(width: int) -> Vectors:
    """The same for a line of interleaved colours, ``[width * 3, _SIDE * 3]``, of 8 bits each."""
    shares: NDArray[np.float64] = np.kron(_areas(width).T, np.eye(3)) / 255
    return shares.astype(np.float32)


def _colours(pixels: Vectors) -> Vectors:
    """Histogram ``[N, 75]`` of opponent colours ``[N, P, 3]``, linear between the bins."""
    light, red_green, yellow_blue = (
        _soft(np.clip((pixels[..., axis] - low) / (high - low), 0, 1) * (bins - 1), bins)
        for axis, (low, high, bins) in enumerate(
            zip(
                (0, -_MOST_COLOURFUL, -_MOST_COLOURFUL),
                (_BRIGHTEST, _MOST_COLOURFUL, _MOST_COLOURFUL),
                _BINS,
                strict=True,
            )
        )
    )
    count, size = pixels.shape[:2]
    pairs = (light[..., None] * red_green[..., None, :]).reshape(count, size, -1)
    histogram = pairs.transpose(0, 2, 1) @ yellow_blue
    shares: Vectors = histogram.reshape(count, -1).astype(np.float32) / np.float32(size)
    return shares


def _layout(opponent: Vectors) -> Vectors:
    """Means ``[N, 64 + 2 * 16]``: of lightness on 8 x 8 cells, of the colours on 4 x 4."""
    light, colour = _pooled(opponent[..., :1], 8), _pooled(opponent[..., 1:], 4)
    return np.concatenate([light, 2 * np.float32(_CHROMA) * colour], axis=1)


def _edges(light: Vectors) -> Vectors:
    """Strength of edges by direction ``[N, 4 * 4 * 8]``, each cell's 8 directions together."""
    around = np.pad(light, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = around[:, 1:-1, 2:] - around[:, 1:-1, :-2]
    down = around[:, 2:, 1:-1] - around[:, :-2, 1:-1]
    direction = np.arctan2(down, across) * np.float32(_EDGE_BINS / np.pi) % _EDGE_BINS
    # A direction and its opposite are one, so the last bin is the first as well.
    soft = _soft(direction, _EDGE_BINS + 1)
    soft[..., 0] += soft[..., -1]
    return _pooled(soft[..., :-1] * np.hypot(across, down)[..., None], 4)


def _soft(values: Vectors, bins: int) -> Vectors:
    """How much of each value belongs to each of the bins at 0, 1, ... ``bins`` - 1."""
    apart = values[..., None] - np.arange(bins, dtype=np.float32)
    weights: Vectors = np.maximum(1 - np.abs(apart), 0)
    return weights


def _pooled(maps: Vectors, cells: int) -> Vectors:
    """Means ``[N, cells * cells * C]`` over square cells of ``[N, _SIDE, _SIDE, C]``."""
    count, _, _, channels = maps.shape
    step = _SIDE // cells
    blocks = maps.reshape(count, cells, step, cells, step, channels)
    pooled: Vectors = blocks.mean(axis=(2, 4)).reshape(count, -1)
    return pooled
