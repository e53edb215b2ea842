"""What an encoder is, and how to get one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rlm.encoders.hub import find_weights
from rlm.encoders.presets import EncoderSpec

if TYPE_CHECKING:
    from rlm.encoders.objects import Sight
    from rlm.encoders.probes import Probe


class Encoder(Protocol):
    """Turns windows of pictures, and perhaps text, into L2-normalised vectors.

    ``spec`` says which preset, revision and spaces; the loose attributes repeat what callers need
    most: ``frames`` a window, sampled at ``fps``, each ``crop`` x ``crop`` pixels.
    """

    @property
    def spec(self) -> EncoderSpec:
        """Preset, folder and revision."""
        ...

    @property
    def preset(self) -> str:
        """The preset's name, or that of the folder of the weights."""
        ...

    @property
    def revision(self) -> str:
        """Which weights: a hub commit or a digest, 12 digits."""
        ...

    @property
    def frames(self) -> int:
        """Pictures in a full window."""
        ...

    @property
    def fps(self) -> float:
        """Pictures a second it wants to be shown."""
        ...

    @property
    def crop(self) -> int:
        """Side of a prepared picture, in pixels."""
        ...

    @property
    def batch(self) -> int:
        """Windows that go through the model at a time: give ``encode`` a multiple of it."""
        ...

    @property
    def tracks(self) -> Mapping[str, str]:
        """Names of the vectors made for a window, each with its space."""
        ...

    @property
    def text_space(self) -> str | None:
        """The space that holds text too, or ``None``."""
        ...

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring uint8[T, H, W, 3] of any size to uint8[T, crop, crop, 3]."""
        ...

    def encode(
        self,
        windows: Sequence[NDArray[np.uint8]],
        keep: Sequence[tuple[int, int]] | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """Encode prepared windows, each uint8[T, crop, crop, 3], into float32[R, D] a track.

        ``keep`` gives for each window the pictures [first, last) that its vectors speak for; the
        others are context. Rows are in window order: one for each kept tubelet in the tracks of
        ``spec.per_tubelet``, one for each window in the others. Windows may differ in T.
        """
        ...

    def as_used_by(self, spec: EncoderSpec) -> Encoder:
        """The same model in memory, cutting windows as ``spec`` does, which is of its weights."""
        ...

    def encode_tokens(self, window: NDArray[np.uint8]) -> NDArray[np.float16]:
        """The tokens of one window before pooling, float16[ceil(T / 2), G, G, D].

        Raises ``UsageError`` where the model is no V-JEPA 2.
        """
        ...

    @property
    def reach(self) -> int:
        """Tubelets, of context and future together, that the predictor was trained on; else 0."""
        ...

    def features(self, windows: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Layer-normed tokens float32[tubelets, G * G, D] of each window.

        Raises ``UsageError`` where the model is no V-JEPA 2.
        """
        ...

    def predict(
        self, contexts: Sequence[NDArray[np.uint8]], ahead: int
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """The ``features`` of each context, and those expected of the ``ahead`` tubelets after it.

        float32[tubelets, G * G, D] and float32[ahead, G * G, D]. Raises ``UsageError`` beyond
        ``reach`` and where the model has no predictor.
        """
        ...

    def pool(self, maps: Sequence[NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """The vectors of ``tracks`` for maps of tokens that ``features`` or ``predict`` gave.

        Raises ``UsageError`` where the model is no V-JEPA 2.
        """
        ...

    def detect(
        self,
        windows: Sequence[NDArray[np.uint8]],
        keep: Sequence[tuple[int, int]] | None = None,
    ) -> list[list[list[Sight]]]:
        """The things in each tubelet of each window; with ``keep`` in each kept tubelet.

        Raises ``UsageError`` where the weights bring no object head.
        """
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the weights bring a probe for; empty where they bring none."""
        ...

    def classify(
        self, windows: Sequence[NDArray[np.uint8]], task: str | Probe
    ) -> list[dict[str, float]]:
        """For each window the probability of each class of ``task``, by an attentive probe.

        ``task`` is one of ``tasks``, or a probe made for these weights. Raises ``UsageError`` where
        the weights bring no probe for it.
        """
        ...

    def caption(self, windows: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """For each window a sentence about it and, in [0, 1], how sure the captioner is.

        Raises ``UsageError`` where the weights bring no captioner.
        """
        ...

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``; ``UsageError`` if there is none."""
        ...


def load_encoder(preset: str | Path | EncoderSpec = "builtin") -> Encoder:
    """Load one of ``PRESETS`` or ``COMPANIONS``, a folder with a saved model, or a spec.

    The encoder runs on the GPU when torch sees one, else on the CPU. Nothing is downloaded.

    Raises ``WeightsMissing`` when the weights are not on this machine or are not what they should
    be.
    """
    spec = preset if isinstance(preset, EncoderSpec) else find_weights(preset)
    if spec.preset.kind == "siglip2":
        from rlm.encoders.siglip import SiglipEncoder

        return SiglipEncoder(spec)
    if spec.preset.kind == "videoprism":
        from rlm.encoders.videoprism import VideoPrismEncoder

        return VideoPrismEncoder(spec)
    from rlm.encoders.vjepa import VJepaEncoder

    return VJepaEncoder(spec)
