"""Feature maps: V-JEPA's tokens of a span before any pooling, kept in a cache of bounded size."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder
from rlm.encoders.presets import EncoderSpec
from rlm.errors import EncoderError, UsageError, VideoDamaged
from rlm.index.reading import read_span
from rlm.index.storage import store
from rlm.index.windows import Window
from rlm.spans import Span
from rlm.video import Video

CACHE_BYTES = 2 * 2**30
"""What all feature maps on disk may take; the least recently used go first."""

_MAX_BYTES = 2**30


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Raw encoder outputs, before the layer norm: ``tokens`` float16[T, G, G, D].

    Row t is a tubelet (two pictures) seen from ``spans[t]``, float64[T, 2] seconds, together with
    the others of its window; G x G is the grid of patches of the prepared picture. ``windows``
    counts the tubelets of each window: tokens attended to each other inside one, not across.
    """

    spans: NDArray[np.float64]
    tokens: NDArray[np.float16]
    windows: tuple[int, ...]


def of_span(
    root: Path,
    video: Video,
    spec: EncoderSpec,
    load: Callable[[], Encoder],
    span: Span,
    boundaries: NDArray[np.float64],
) -> FeatureMaps:
    """The maps of ``span`` by the encoder of ``spec``, from the cache under ``root`` or else by
    the one that ``load`` loads; ``boundaries`` are those of all shots, in seconds."""
    inside = boundaries[(boundaries > span.start) & (boundaries < span.end)]
    space, frames = spec.tracks["vjepa"], spec.preset.frames
    key = [store.SCHEMA, video.sha256, space, frames, *span, *inside.tolist()]
    return cached(root, key, lambda: compute(load(), video, span, inside))


def compute(
    encoder: Encoder, video: Video, span: Span, boundaries: NDArray[np.float64]
) -> FeatureMaps:
    """Decode and encode ``span``, window by window, none across one of ``boundaries`` (seconds).

    Raises ``UsageError`` when the maps would take more than 1 GiB, ``VideoDamaged`` when there is
    no picture in the span.
    """
    windows: list[Window] = []
    tokens: list[NDArray[np.float16]] = []
    for window in read_span(video, encoder, span, boundaries):
        windows.append(window)
        tokens.append(encoder.encode_tokens(window.pictures))
        if sum(each.nbytes for each in tokens) > _MAX_BYTES:
            raise UsageError(
                f"the feature maps of {span} take more than 1 GiB: ask for a shorter span"
            )
    if not tokens:
        raise VideoDamaged(f"no picture in {span} of {video.path} can be decoded")
    video.check_unchanged()
    spans = np.concatenate([window.moments for window in windows])
    return FeatureMaps(spans, np.concatenate(tokens), tuple(len(each) for each in tokens))


def cached(
    root: Path, key: object, make: Callable[[], FeatureMaps], limit: int = CACHE_BYTES
) -> FeatureMaps:
    """The maps kept under ``key`` (anything JSON can tell), or those ``make`` makes, then kept.

    A damaged file is made anew. Maps that alone exceed ``limit`` bytes are not kept.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = root / store.FEATURES / f"{digest[:32]}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    made = make()
    if made.tokens.nbytes <= limit:
        _write(path, made)
        _evict(path.parent, limit)
    return made


def _read(path: Path) -> FeatureMaps | None:
    try:
        # A zip archive bears a checksum of each array.
        with np.load(path, allow_pickle=False) as arrays:
            maps = FeatureMaps(arrays["spans"], arrays["tokens"], tuple(arrays["windows"].tolist()))
        os.utime(path)
    except FileNotFoundError:
        return None
    except Exception:  # noqa: BLE001 - zipfile and numpy raise a dozen kinds for a damaged file
        return None
    fits = len(maps.spans) == len(maps.tokens) == sum(maps.windows)
    return maps if fits and maps.tokens.dtype == np.float16 else None


def _write(path: Path, maps: FeatureMaps) -> None:
    writing = path.with_name(f"{path.stem}.{os.getpid()}{store.BUILDING}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(writing, "wb") as file:
            np.savez(
                file, spans=maps.spans, tokens=maps.tokens, windows=np.array(maps.windows, int)
            )
        writing.replace(path)
    except OSError as error:
        store.remove(writing)
        raise EncoderError(
            f"feature maps cannot be written to {path.parent}: {error.strerror or error}; free "
            "some space or choose another cache folder (VIDEORLM_CACHE)"
        ) from error


def _evict(folder: Path, limit: int) -> None:
    """Remove what was used least recently until the rest fits."""
    files = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process may evict too
            status = path.stat()
            files.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            return
        store.remove(path)
        total -= size
