"""From a span or pictures to one vector of a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder
from rlm.encoders.embedding import normalise
from rlm.errors import EncoderError, UsageError
from rlm.index import look
from rlm.index.reading import read_span
from rlm.index.snapshot import Field
from rlm.spans import Span
from rlm.video import Video

Load = Callable[[], Encoder]
"""Gives the encoder of the field, loading it if it must."""


def of_span(
    field: Field, video: Video, part: Span, boundaries: NDArray[np.float64], load: Load
) -> NDArray[np.float32]:
    """The mean of the rows of ``field`` in ``part``, weighted by length and normalised.

    Where rows are long, what those inside leave open is decoded and encoded, window by window, none
    across one of ``boundaries`` (seconds). Raises ``EncoderError`` when nothing can be decoded,
    ``VideoDamaged`` when the file is no longer the one that was opened.
    """
    mean = _Mean()
    rows, rest = _rows_of(field, part)
    if rows.size:
        lengths = field.spans[rows, 1] - field.spans[rows, 0]
        mean.add(field.track.vectors[rows], lengths.tolist())
    for piece in rest:
        encoder = load()
        for window in read_span(video, encoder, piece, boundaries):
            vectors = encoder.encode([window.pictures])[field.made_as]
            mean.add(vectors, [window.span.duration / len(vectors)] * len(vectors))
    if rest:
        video.check_unchanged()
    return mean.vector()


def of_pictures(
    field: Field, rgb: NDArray[np.uint8], look_centre: NDArray[np.float32], load: Load
) -> NDArray[np.float32]:
    """The mean vector of pictures, one uint8[H, W, 3] or uint8[T, H, W, 3] at the field's rate.

    ``look_centre`` is what the looks of the video are centred on. Raises ``UsageError`` for arrays
    of another kind.
    """
    mean = _Mean()
    pictures = rgb[None] if rgb.ndim == 3 else rgb
    if not len(pictures):
        raise UsageError("there are no pictures to embed: give at least one")
    if field.encoding is None:
        looks = look.place(look.describe(pictures), look_centre)
        mean.add(looks, [1.0] * len(looks))
        return mean.vector()
    encoder = load()
    prepared = encoder.prepare(pictures)
    for start in range(0, len(prepared), encoder.frames):
        window = prepared[start : start + encoder.frames]
        vectors = encoder.encode([window])[field.made_as]
        mean.add(vectors, [len(window) / len(vectors)] * len(vectors))
    return mean.vector()


class _Mean:
    """A running mean of vectors, weighted by how much each stands for."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | None = None

    def add(self, vectors: NDArray[np.float32 | np.float16], weights: Sequence[float]) -> None:
        added = np.asarray(weights, dtype=np.float64) @ vectors.astype(np.float64)
        self._sum = added if self._sum is None else self._sum + added

    def vector(self) -> NDArray[np.float32]:
        if self._sum is None:
            raise EncoderError("there was no picture to embed: give a longer span")
        return normalise(self._sum)


def _rows_of(field: Field, part: Span) -> tuple[NDArray[np.intp], list[Span]]:
    """The rows of ``field`` that stand for ``part``, and what of it they leave open.

    Rows inside it are taken whole. Where rows are short, those it touches by half or more are
    taken too, and nothing is left open; if there are none, the one it touches most.
    """
    shared = np.minimum(field.spans[:, 1], part.end) - np.maximum(field.spans[:, 0], part.start)
    lengths = field.spans[:, 1] - field.spans[:, 0]
    if field.fine or field.encoding is None:
        rows = np.flatnonzero(shared >= lengths / 2)
        return (rows if rows.size else np.array([int(shared.argmax())])), []
    rows = np.flatnonzero(shared >= lengths - 1e-9)
    if not rows.size:
        return rows, [part]
    first, last = float(field.spans[rows[0], 0]), float(field.spans[rows[-1], 1])
    rest = [(part.start, first), (last, part.end)]
    return rows, [Span(start, end) for start, end in rest if end - start > 1e-9]
