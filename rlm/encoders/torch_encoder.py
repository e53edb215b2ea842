"""What the encoders have in common: device, number type, batches, checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from rlm.encoders.batching import Batcher
from rlm.encoders.machine import pick_device, pick_dtype
from rlm.encoders.objects import Sight
from rlm.encoders.pixels import check_window, prepare
from rlm.encoders.presets import EncoderSpec
from rlm.encoders.probes import Probe
from rlm.errors import UsageError

R = TypeVar("R")
Keep = tuple[int, int]
Rows = dict[str, NDArray[np.float32]]
"""Rows [R, D] of each track, for one window."""


class TorchEncoder(ABC):
    """The frame of an ``Encoder``: a subclass loads a model and runs it on windows of one shape."""

    reach: int = 0
    tasks: tuple[str, ...] = ()

    def __init__(self, spec: EncoderSpec) -> None:
        self._describe(spec)
        self._device = pick_device()
        self._dtype = pick_dtype(self._device, spec.preset)
        self._load()
        self._batcher = Batcher(spec.preset, self._device, self._dtype)

    def _describe(self, spec: EncoderSpec) -> None:
        self.spec = spec
        self.preset = spec.preset.name
        self.revision = spec.revision
        self.frames = spec.preset.frames
        self.fps = spec.preset.fps
        self.crop = spec.preset.crop
        self.tracks: Mapping[str, str] = spec.tracks
        self.text_space = spec.text_space
        self.tubelet = spec.preset.architecture.tubelet

    def as_used_by(self, spec: EncoderSpec) -> Self:
        """The same model in memory, cutting windows as ``spec`` does, which is of its weights."""
        other = copy(self)
        other._describe(spec)
        other._batcher = Batcher(spec.preset, self._device, self._dtype)
        return other

    @property
    def batch(self) -> int:
        """Windows that go through the model at a time: give ``encode`` a multiple of it."""
        return self._batcher.size

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring uint8[T, H, W, 3] of any size to uint8[T, crop, crop, 3].

        Raises ``UsageError`` for arrays of another kind or shape.
        """
        return prepare(rgb, self.spec)

    def encode(
        self, windows: Sequence[NDArray[np.uint8]], keep: Sequence[Keep] | None = None
    ) -> Rows:
        """Encode prepared windows, each uint8[T, crop, crop, 3], into float32[R, D] a track.

        Rows are in window order. ``keep`` gives for each window the pictures [first, last) that
        its vectors speak for; the others are context (default: all speak). Tracks of
        ``spec.per_tubelet`` have one row for each kept tubelet, the others one for each window.
        Windows of one length go through the model together.

        Raises ``UsageError`` for a window of another shape, or kept pictures that are not in the
        window or do not start with a tubelet; ``EncoderError`` when a window does not fit into
        the memory of the GPU.
        """
        kept = self._check(windows, keep)

        def forward(batch: Sequence[int]) -> list[Rows]:
            return self._encode([windows[i] for i in batch], [kept[i] for i in batch])

        rows = self._by_length(windows, forward)
        return {
            track: np.concatenate([np.empty((0, width), np.float32), *(row[track] for row in rows)])
            for track, width in self._widths().items()
        }

    def encode_tokens(self, window: NDArray[np.uint8]) -> NDArray[np.float16]:
        """The tokens of one window before pooling; see ``VJepaEncoder``."""
        raise UsageError(f"preset {self.preset} has no feature maps: use a V-JEPA 2 preset")

    def detect(
        self, windows: Sequence[NDArray[np.uint8]], keep: Sequence[Keep] | None = None
    ) -> list[list[list[Sight]]]:
        """What things are where in windows; see ``VJepaEncoder``."""
        raise self._lacks("object head")

    def classify(
        self, windows: Sequence[NDArray[np.uint8]], task: str | Probe
    ) -> list[dict[str, float]]:
        """What a probe tells of windows; see ``VJepaEncoder``."""
        raise self._lacks("probes")

    def caption(self, windows: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Windows in words; see ``VJepaEncoder``."""
        raise self._lacks("captioner")

    def features(self, windows: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Layer-normed tokens of windows; see ``VJepaEncoder``."""
        raise UsageError(f"preset {self.preset} has no feature maps: use a V-JEPA 2 preset")

    def predict(
        self, contexts: Sequence[NDArray[np.uint8]], ahead: int
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """What follows contexts; see ``VJepaEncoder``."""
        raise UsageError(f"preset {self.preset} predicts nothing: use a V-JEPA 2 preset")

    def pool(self, maps: Sequence[NDArray[np.float32]]) -> Rows:
        """The vectors of token maps; see ``VJepaEncoder``."""
        raise UsageError(f"preset {self.preset} has no feature maps: use a V-JEPA 2 preset")

    @abstractmethod
    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``; ``UsageError`` if there is none."""

    @abstractmethod
    def _load(self) -> None:
        """Load the model onto the device."""

    @abstractmethod
    def _widths(self) -> Mapping[str, int]:
        """D of each track, in the order of ``tracks``."""

    @abstractmethod
    def _encode(self, windows: Sequence[NDArray[np.uint8]], kept: Sequence[Keep]) -> list[Rows]:
        """One batch: windows of one ``_length``, and what each of them speaks for."""

    @property
    def _most(self) -> int:
        """Pictures in the longest window that makes sense."""
        return self.frames

    def _length(self, pictures: int) -> int:
        """What has to be equal for windows to share a batch."""
        return pictures

    def _by_length(
        self,
        windows: Sequence[NDArray[np.uint8]],
        forward: Callable[[Sequence[int]], Sequence[R]],
    ) -> list[R]:
        """``forward`` over the numbers of windows, those of one length together, in batches."""
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for number, window in enumerate(windows):
            groups[self._length(len(window))].append(number)
        done: dict[int, R] = {}
        with torch.inference_mode():
            for numbers in groups.values():
                done |= zip(numbers, self._batcher.run(numbers, forward), strict=True)
        return [done[number] for number in range(len(windows))]

    def _lacks(self, part: str) -> UsageError:
        return UsageError(f"preset {self.preset} brings no {part}: preset builtin does")

    def _check(
        self, windows: Sequence[NDArray[np.uint8]], keep: Sequence[Keep] | None
    ) -> Sequence[Keep]:
        for window in windows:
            check_window(window, self.spec, self._most)
        if keep is None:
            return [(0, len(window)) for window in windows]
        if len(keep) != len(windows):
            raise UsageError(f"{len(windows)} windows, but {len(keep)} kept ranges: give one each")
        for window, (first, last) in zip(windows, keep, strict=True):
            if not 0 <= first < last <= len(window) or first % self.tubelet:
                raise UsageError(
                    f"pictures [{first}, {last}) cannot be kept of a window of {len(window)}: they "
                    f"lie inside it and start at a multiple of {self.tubelet}"
                )
        return keep
