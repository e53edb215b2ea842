"""The presets, and where their weights are on this machine. Nothing here loads a model.

Weights are looked for in ``$VIDEORLM_WEIGHTS/<name of the hub repository>`` and then in the hub
cache (``$HF_HUB_CACHE``, ``$HF_HOME/hub``, ``~/.cache/huggingface/hub``), never on the network.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rlm.errors import WeightsMissing

Resize = Literal["squash", "crop"]

HEADS_FILE = "heads.safetensors"
_SINGLE_FILE = "model.safetensors"
_SHARD_LIST = "model.safetensors.index.json"
_BUILTIN_FOLDER = Path(__file__).parent / "weights" / "builtin"
_SAMPLING_FPS = 4.0


@dataclass(frozen=True)
class Preset:
    """A choice of weights and of how video is cut for them.

    ``name`` is that of one of ``PRESETS``, or of a folder without the path to it, which is nobody
    else's business. ``hub_id`` is ``None`` for weights that come from no hub. A window holds
    ``frames`` pictures of ``crop`` x ``crop`` pixels, sampled at ``fps``. ``resize`` is
    ``"squash"`` (the whole frame, aspect ratio given up) or ``"crop"`` (short side to ``crop * 256
    / 224``, then the centre: Meta's evaluation transform, which sees about 43% of a 16:9 frame).
    ``batch`` windows go through the model at a time; ``half`` allows bfloat16 where the machine
    computes it natively.
    """

    name: str
    hub_id: str | None
    frames: int
    crop: int
    fps: float = _SAMPLING_FPS
    resize: Resize = "crop"
    batch: int = 1
    half: bool = True


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset("builtin", None, frames=16, crop=64, resize="squash", batch=16, half=False),
            Preset("fast", "facebook/vjepa2-vitl-fpc64-256", frames=16, crop=256, batch=4),
            Preset("balanced", "facebook/vjepa2-vith-fpc64-256", frames=32, crop=256, batch=2),
            Preset("quality", "facebook/vjepa2-vitg-fpc64-384", frames=64, crop=384),
        )
    }
)
"""From the least to the most arithmetic a second of video."""


@dataclass(frozen=True)
class EncoderSpec:
    """All that is known of an encoder before its weights are in memory.

    ``revision`` is the hub commit, or the SHA-256 of configuration and weights for a folder, cut
    to 12 digits. ``tracks`` maps each kind of vector it makes for a window to the space that
    vector lives in; ``text_space`` is the one that holds text as well, or ``None``.
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
        """Track name to space name: ``"vjepa"`` always, ``"joint"`` where there is a text side."""
        model = f"{self.model}@{self.revision}"
        tracks = {"vjepa": f"{model}/encoder/mean"}
        if (self.folder / HEADS_FILE).is_file():
            tracks["joint"] = f"{model}/joint/attention"
        return MappingProxyType(tracks)

    @property
    def text_space(self) -> str | None:
        """The space in which text and video can be compared, if there is one."""
        return self.tracks.get("joint")

    @property
    def frame_size(self) -> int | tuple[int, int]:
        """What to ask a decoder for: a short side, or exactly (width, height)."""
        crop = self.preset.crop
        return (crop, crop) if self.preset.resize == "squash" else int(crop * 256 / 224)


def available_presets() -> dict[str, Path]:
    """The presets whose weights are on this machine, with their folders, smallest first.

    Looks at files only: no import of torch, no network.
    """
    found = {name: _locate(preset) for name, preset in PRESETS.items()}
    return {name: place for name, place in found.items() if place is not None}


def find_weights(preset: str | Path) -> EncoderSpec:
    """Find the weights of ``preset``: one of ``PRESETS``, or a folder with a saved ``VJEPA2Model``.

    Raises ``WeightsMissing`` when they are not on this machine (the message says how to get them)
    or are of another kind or resolution than the preset wants.
    """
    if isinstance(preset, str) and preset in PRESETS:
        known = PRESETS[preset]
        folder = _locate(known)
        if folder is None:
            raise WeightsMissing(_how_to_get(known))
    else:
        folder = Path(preset).expanduser().resolve()
        if not folder.is_dir():
            names = ", ".join(PRESETS)
            raise WeightsMissing(
                f"{str(preset)!r} is neither a preset ({names}) nor a folder with a V-JEPA 2 model"
            )
        if not _is_whole(folder):
            raise WeightsMissing(
                f"{folder} holds no whole model: it needs config.json and {_SINGLE_FILE}"
            )
        known = _preset_of(folder)
    _check_config(known, folder)
    return EncoderSpec(known, folder, _revision(known, folder))


def _locate(preset: Preset) -> Path | None:
    if preset.hub_id is None:
        return _BUILTIN_FOLDER if _is_whole(_BUILTIN_FOLDER) else None
    own = os.environ.get("VIDEORLM_WEIGHTS")
    if own:
        folder = Path(own).expanduser() / preset.hub_id.partition("/")[2]
        if _is_whole(folder):
            return folder
    repository = _hub_cache() / f"models--{preset.hub_id.replace('/', '--')}"
    try:
        commit = (repository / "refs" / "main").read_text().strip()
    except OSError:
        return None
    folder = repository / "snapshots" / commit
    return folder if commit and _is_whole(folder) else None


def _hub_cache() -> Path:
    """Where huggingface_hub keeps its files, by the rules it documents, without importing it."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def _how_to_get(preset: Preset) -> str:
    if preset.hub_id is None:
        return f"the {preset.name} weights are missing from {_BUILTIN_FOLDER}: reinstall videorlm"
    name = preset.hub_id.partition("/")[2]
    return (
        f"the weights of preset {preset.name} ({preset.hub_id}) are not on this machine: run "
        f"`hf download {preset.hub_id}`, or put them in $VIDEORLM_WEIGHTS/{name}"
    )


def _is_whole(folder: Path) -> bool:
    return (folder / "config.json").is_file() and bool(_weight_files(folder))


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in order; empty when any is missing."""
    shard_list = folder / _SHARD_LIST
    names = [_SINGLE_FILE]
    if not (folder / _SINGLE_FILE).is_file() and shard_list.is_file():
        try:
            names = sorted(set(json.loads(shard_list.read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, OSError):
            return []
    files = [folder / name for name in names]
    return files if all(file.is_file() for file in files) else []


def _config(folder: Path) -> dict[str, object]:
    try:
        config = json.loads((folder / "config.json").read_text())
    except (ValueError, OSError) as error:
        raise WeightsMissing(f"{folder}/config.json cannot be read: {error}") from error
    if not isinstance(config, dict) or config.get("model_type") != "vjepa2":
        raise WeightsMissing(f"{folder} holds no V-JEPA 2 model (model_type vjepa2 in config.json)")
    return config


def _preset_of(folder: Path) -> Preset:
    config = _config(folder)
    frames, crop = config.get("frames_per_clip"), config.get("crop_size")
    if not (isinstance(frames, int) and isinstance(crop, int)):
        raise WeightsMissing(f"{folder}/config.json lacks frames_per_clip or crop_size")
    return Preset(folder.name, None, frames=frames, crop=crop)


def _check_config(preset: Preset, folder: Path) -> None:
    crop = _config(folder).get("crop_size")
    # Another resolution would run, with every position silently scrambled.
    if crop != preset.crop:
        raise WeightsMissing(
            f"preset {preset.name} wants {preset.crop} px, the model in {folder} has {crop} px"
        )


def _revision(preset: Preset, folder: Path) -> str:
    if preset.hub_id is not None and folder.parent.name == "snapshots":
        return folder.name[:12]
    digest = hashlib.sha256()
    heads = folder / HEADS_FILE
    extra = [heads] if heads.is_file() else []
    for file in [folder / "config.json", *_weight_files(folder), *extra]:
        status = file.stat()
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        digest.update(_sha256(file, (*stamp, status.st_ctime_ns)))
    return digest.hexdigest()[:12]


@lru_cache(maxsize=64)
def _sha256(file: Path, stamp: tuple[int, ...]) -> bytes:
    """The digest of a file that bears this stamp, read once in the life of the process.

    Nothing is kept on disk: a digest that vouches for weights is not to be had from an unsealed
    note beside them, and reading gigabytes once costs less than loading them. The change time is
    in the stamp because, unlike the time of modification, nobody can set it back.
    """
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
