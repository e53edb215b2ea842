"""The presets: which weights, and how video is cut for them. Nothing here loads or reads a model.

``PRESETS`` are V-JEPA 2 at four sizes. ``COMPANIONS`` share a space with text: SigLIP 2 (Tschannen
et al. 2025, arXiv:2502.14786) for single pictures and VideoPrism-LvT (Zhao et al. 2024,
arXiv:2402.13217) for 16 pictures in motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rlm.encoders.cost import TERA, Architecture, Blocks

Resize = Literal["squash", "crop"]
Kind = Literal["vjepa2", "siglip2", "videoprism"]

HEADS_FILE = "heads.safetensors"
SIZES_FILE = "heads.json"
CAPTIONER_FILE = "captioner.safetensors"
WORDS_FILE = "captioner.json"
READER_FILES = (HEADS_FILE, SIZES_FILE, CAPTIONER_FILE, WORDS_FILE)
"""What a folder may hold beside a V-JEPA 2: what reads it."""
MAX_FRAMES = 64
"""V-JEPA 2 was trained on tubelets 0 to 31; positions past them raise nothing and mean nothing."""
_SAMPLING_FPS = 4.0


@dataclass(frozen=True)
class Preset:
    """A choice of weights and of how video is cut for them.

    ``name`` is that of one of ``PRESETS`` or ``COMPANIONS``, or of a folder without the path to
    it, which is nobody else's business. ``hub_id`` is ``None`` for weights that come from no hub;
    ``revision`` is the commit of them that is pinned. A window holds ``frames`` pictures of
    ``crop`` x ``crop`` pixels, sampled at ``fps``, and the next one starts ``stride`` pictures
    later; where that is less than ``frames`` the edges of a window are context alone. ``resize``
    is ``"squash"`` (the whole frame, aspect ratio given up) or ``"crop"`` (short side to ``crop *
    256 / 224``, then the centre: Meta's evaluation transform, which sees about 43% of a 16:9
    frame). ``batch`` windows go through the model at a time; ``half`` allows bfloat16 where the
    machine computes it natively. ``deep`` names the preset of tier 3, ``companions`` those that
    give this one a text side.
    """

    name: str
    hub_id: str | None
    frames: int
    crop: int
    stride: int
    architecture: Architecture
    kind: Kind = "vjepa2"
    revision: str | None = None
    fps: float = _SAMPLING_FPS
    resize: Resize = "crop"
    batch: int = 1
    half: bool = True
    deep: str | None = None
    companions: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Numbers in the part of the model that encodes video."""
        return self.architecture.parameters(self.frames, self.crop)

    @property
    def tflop(self) -> float:
        """TFLOP for one full window."""
        return self.architecture.flop(self.frames, self.crop) / TERA

    @property
    def tflop_per_second(self) -> float:
        """TFLOP for a second of video, at this window, stride and sampling rate."""
        return self.tflop * self.fps / self.stride

    def deepened(self) -> Preset:
        """The same weights as tier 3 uses them: windows as long as they were trained on.

        Meta's saw up to 64 pictures; of others their own window is all that is known. Windows
        start three quarters of one apart, so that each speaks for its middle.
        """
        frames = self.frames if self.hub_id is None else MAX_FRAMES
        tubelet = self.architecture.tubelet
        stride = max(tubelet, frames * 3 // 4 // tubelet * tubelet)
        return replace(self, frames=frames, stride=stride)

    def memory(self, item: int | None = None, batch: int | None = None) -> int:
        """About how many bytes the loaded model and ``batch`` full windows take.

        ``item`` is the size of a number in bytes, by default that of the type the preset allows.
        """
        item = item or (2 if self.half else 4)
        windows = self.batch if batch is None else batch
        weights = self.architecture.loaded_parameters(self.frames, self.crop) * item
        return weights + windows * self.window_memory(item)

    def window_memory(self, item: int) -> int:
        """About how many bytes one full window takes while it is encoded."""
        return self.architecture.activation_bytes(self.frames, self.crop, item)


def _vjepa(hidden: int, layers: int, heads: int, mlp: int) -> Architecture:
    predictor = Blocks(layers=12, hidden=384, mlp=1536)
    return Architecture(
        hidden, mlp, heads, patch=16, tubelet=2, joint=layers, companions=(predictor,)
    )


_TEXT = Blocks(layers=12, hidden=768, mlp=3072)
_BASE_POOLER = Blocks(layers=1, hidden=768, mlp=3072).parameters
_COMPANION_NAMES = ("siglip2", "videoprism")


def _table(*presets: Preset) -> Mapping[str, Preset]:
    return MappingProxyType({preset.name: preset for preset in presets})


PRESETS: Mapping[str, Preset] = _table(
    Preset(
        "builtin",
        None,
        frames=16,
        crop=64,
        stride=16,
        architecture=Architecture(
            192, 768, 4, patch=16, tubelet=2, joint=6, companions=(Blocks(4, 144, 576),)
        ),
        resize="squash",
        batch=16,
        half=False,
        deep="builtin",
    ),
    Preset(
        "fast",
        "facebook/vjepa2-vitl-fpc64-256",
        revision="b3c1679b7c34d3255ef3547f27c7b226aefab26f",
        frames=16,
        crop=256,
        stride=16,
        architecture=_vjepa(hidden=1024, layers=24, heads=16, mlp=4096),
        batch=4,
        deep="balanced",
        companions=_COMPANION_NAMES,
    ),
    Preset(
        "balanced",
        "facebook/vjepa2-vith-fpc64-256",
        revision="b5eac8703e3efdc1547fbb6ddfbeb133dc0bdee5",
        frames=32,
        crop=256,
        stride=32,
        architecture=_vjepa(hidden=1280, layers=32, heads=16, mlp=5120),
        batch=2,
        deep="quality",
        companions=_COMPANION_NAMES,
    ),
    Preset(
        "quality",
        "facebook/vjepa2-vitg-fpc64-384",
        revision="12ca91694b230e0d4b5b0078af6f4ae1d51e933d",
        frames=64,
        crop=384,
        stride=48,
        architecture=_vjepa(hidden=1408, layers=40, heads=22, mlp=6144),
        deep="quality",
        companions=_COMPANION_NAMES,
    ),
)
"""From the least to the most arithmetic a second of video."""

COMPANIONS: Mapping[str, Preset] = _table(
    Preset(
        "siglip2",
        "google/siglip2-base-patch16-256",
        revision="3f9f96cb90da5dbc758b01813f2f6f1aee24c1ab",
        kind="siglip2",
        frames=1,
        crop=256,
        stride=1,
        fps=1.0,
        architecture=Architecture(
            768,
            3072,
            12,
            patch=16,
            spatial=12,
            companions=(_TEXT,),
            vocabulary=256_000,
            pooler=_BASE_POOLER,
        ),
        resize="squash",
        batch=16,
    ),
    Preset(
        "videoprism",
        "google/videoprism-lvt-base-f16r288",
        revision="fb6de9f0eb7bc285be86bdca1cf7daa3e3ef51ff",
        kind="videoprism",
        frames=16,
        crop=288,
        stride=16,
        architecture=Architecture(
            768,
            3072,
            12,
            patch=18,
            spatial=12,
            temporal=4,
            joint=2,
            companions=(_TEXT,),
            vocabulary=32_000,
            pooler=4 * 768 * 3072,
            fused=False,
        ),
        resize="squash",
    ),
)
"""Encoders whose space holds text too."""

ALL: Mapping[str, Preset] = _table(
    *sorted([*PRESETS.values(), *COMPANIONS.values()], key=lambda preset: preset.tflop_per_second)
)


@dataclass(frozen=True)
class EncoderSpec:
    """All that is known of an encoder before its weights are in memory.

    ``revision`` is the hub commit, or the SHA-256 of configuration and weights for a folder, cut
    to 12 digits. ``tracks`` maps each kind of vector it makes to the space that vector lives in;
    ``text_space`` is the one that holds text as well, or ``None``; ``per_tubelet`` names the
    tracks with a row for each tubelet of a window, where the others have one for each window.
    """

    preset: Preset
    folder: Path
    revision: str

    @property
    def model(self) -> str:
        """The name of the weights: that of the hub repository, the preset or the folder."""
        return (self.preset.hub_id or self.preset.name).rpartition("/")[2]

    @property
    def tracks(self) -> Mapping[str, str]:
        """Track name to space name.

        V-JEPA 2 makes ``"vjepa"`` always, ``"joint"`` where there is a text side, and
        ``"moments"`` where windows overlap. The others make one track, named for their kind.
        """
        model = f"{self.model}@{self.revision}"
        if self.preset.kind != "vjepa2":
            return MappingProxyType({self.preset.kind: f"{model}/joint/pooler"})
        tracks = {"vjepa": f"{model}/encoder/mean"}
        if (self.folder / HEADS_FILE).is_file():
            tracks["joint"] = f"{model}/joint/attention"
        if self.preset.stride < self.preset.frames:
            tracks["moments"] = self.tubelet_space
        return MappingProxyType(tracks)

    @property
    def tubelet_space(self) -> str:
        """The space of the mean over one tubelet's tokens, of V-JEPA 2."""
        return f"{self.model}@{self.revision}/encoder/tubelet"

    @property
    def per_tubelet(self) -> frozenset[str]:
        """The tracks with one row for each tubelet that a window speaks for."""
        return frozenset({"moments"}) & self.tracks.keys()

    @property
    def text_space(self) -> str | None:
        """The space in which text and video can be compared, if there is one."""
        return self.tracks.get("joint" if self.preset.kind == "vjepa2" else self.preset.kind)

    @property
    def frame_size(self) -> int | tuple[int, int]:
        """What to ask a decoder for: a short side, or exactly (width, height)."""
        crop = self.preset.crop
        return (crop, crop) if self.preset.resize == "squash" else int(crop * 256 / 224)
