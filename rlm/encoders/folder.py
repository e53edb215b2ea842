"""What a folder of weights says of itself: its files, its shape, how it wants its pictures.

Only safetensors are read: a pickle runs what it contains. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from rlm.encoders.cost import Architecture, Blocks
from rlm.encoders.presets import MAX_FRAMES, READER_FILES, Kind, Preset
from rlm.errors import WeightsMissing

_SINGLE_FILE = "model.safetensors"
_SHARD_LIST = "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_PROCESSORS = (
    "video_preprocessor_config.json",
    "preprocessor_config.json",
    "processor_config.json",  # holds the others, one level down
)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model")

_KINDS: Mapping[str, Kind] = {
    "vjepa2": "vjepa2",
    "siglip": "siglip2",  # the fixed-resolution SigLIP 2 checkpoints say so
    "siglip2": "siglip2",
    "videoprism": "videoprism",
}
# What each kind is shown: mean and deviation of pixels in [0, 1], as rlm.encoders.pixels has it.
STATISTICS: Mapping[Kind, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "vjepa2": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "siglip2": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "videoprism": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def is_whole(folder: Path) -> bool:
    """Whether every file is there that ``folder`` needs to be loaded."""
    try:
        config = read_config(folder)
    except WeightsMissing:
        return False
    with_text = _KINDS.get(str(config.get("model_type")), "vjepa2") != "vjepa2"
    has_tokenizer = any((folder / name).is_file() for name in _TOKENIZERS)
    return bool(weight_files(folder)) and (has_tokenizer or not with_text)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in order; empty when any is missing."""
    shard_list = folder / _SHARD_LIST
    names = [_SINGLE_FILE]
    if not (folder / _SINGLE_FILE).is_file() and shard_list.is_file():
        try:
            names = sorted(set(json.loads(shard_list.read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, OSError):
            return []
    # A list of shards may come from anybody: it names files of its own folder, no others.
    if any(Path(name).name != name for name in names):
        return []
    files = [folder / name for name in names]
    return files if all(file.is_file() for file in files) else []


def preset_of(folder: Path) -> Preset:
    """The preset that ``folder`` describes in its ``config.json``.

    Raises ``WeightsMissing``, naming what is wrong, when the folder lacks a file, holds pickled
    weights alone, a model of another type, or no window can be told from its configuration.
    """
    if not (folder / "config.json").is_file() or not weight_files(folder):
        pickles = [file.name for pattern in _PICKLES for file in folder.glob(pattern)]
        if pickles:
            raise WeightsMissing(
                f"{folder} holds pickled weights ({pickles[0]}), which run code when read: "
                "save them as safetensors"
            )
        raise WeightsMissing(
            f"{folder} holds no whole model: it needs config.json and {_SINGLE_FILE}"
        )
    config = read_config(folder)
    kind = _KINDS.get(str(config.get("model_type")))
    if kind is None:
        raise WeightsMissing(
            f"{folder} holds a model of type {config.get('model_type')!r}, not one of "
            f"{', '.join(_KINDS)}"
        )
    if not is_whole(folder):
        raise WeightsMissing(
            f"{folder} lacks the tokenizer of its text side: it needs one of "
            f"{', '.join(_TOKENIZERS)}"
        )
    try:
        return {"vjepa2": _vjepa, "siglip2": _siglip, "videoprism": _videoprism}[kind](
            folder.name, config
        )
    except KeyError as error:
        raise WeightsMissing(f"{folder}/config.json lacks {error.args[0]}") from error
    except (AttributeError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise WeightsMissing(f"{folder}/config.json describes no model: {error}") from error


def check(folder: Path, preset: Preset) -> None:
    """Hold ``folder`` against what ``preset`` is going to feed it.

    Raises ``WeightsMissing``, one line that names the difference: another kind of model, another
    resolution (it would run, with every position silently scrambled), or a processor beside the
    weights that prepares pictures in another way than we do.
    """
    found = preset_of(folder)
    if found.kind != preset.kind:
        raise WeightsMissing(
            f"preset {preset.name} wants a {preset.kind} model, {folder} holds a {found.kind} one"
        )
    if found.crop != preset.crop:
        raise WeightsMissing(
            f"preset {preset.name} wants {preset.crop} px, the model in {folder} has "
            f"{found.crop} px"
        )
    for file in (folder / name for name in _PROCESSORS):
        if file.is_file():
            said = _read(file)
            parts = (said.get("video_processor"), said.get("image_processor"), said)
            for part in (part for part in parts if isinstance(part, dict)):
                _check_processor(file, part, preset)


def digest(folder: Path) -> str:
    """12 digits of the SHA-256 of configuration, weights, what reads them, and tokenizer."""
    total = hashlib.sha256()
    extra = [folder / name for name in (*READER_FILES, *_TOKENIZERS)]
    for file in [folder / "config.json", *weight_files(folder), *filter(Path.is_file, extra)]:
        status = file.stat()
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        total.update(_sha256(file, (*stamp, status.st_ctime_ns)))
    return total.hexdigest()[:12]


@lru_cache(maxsize=64)
def _sha256(file: Path, stamp: tuple[int, ...]) -> bytes:
    """The digest of a file that bears this stamp, read once in the life of the process.

    Nothing is kept on disk: a digest that vouches for weights is not to be had from an unsealed
    note beside them, and reading gigabytes once costs less than loading them. The change time is
    in the stamp because, unlike the time of modification, nobody can set it back.
    """
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json`` of the model in ``folder``; ``WeightsMissing`` when it cannot be read."""
    return _read(folder / "config.json")


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text())
    except (ValueError, OSError) as error:
        raise WeightsMissing(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise WeightsMissing(f"{file} cannot be read: it holds no JSON object")
    return content


def _check_processor(file: Path, said: dict[str, Any], preset: Preset) -> None:
    mean, std = STATISTICS[preset.kind]
    if said.get("do_normalize") is False:
        said = {**said, "image_mean": [0.0] * 3, "image_std": [1.0] * 3}
    scale = 1.0 if said.get("do_rescale") is False else said.get("rescale_factor")
    side = _side(said.get("crop_size" if preset.resize == "crop" else "size"))
    wanted: dict[str, tuple[Any, Any]] = {
        "image_mean": (said.get("image_mean"), mean),
        "image_std": (said.get("image_std"), std),
        "rescale_factor": (scale, 1 / 255),
        "size": (side, float(preset.crop)),
    }
    for name, (value, ours) in wanted.items():
        if value is not None and not _close(value, ours):
            raise WeightsMissing(
                f"{file} prepares pictures with {name} {value}, preset {preset.name} with {ours}: "
                "these weights were trained on other input"
            )


def _side(size: Any) -> Any:
    """The side of a square picture as processors write it: 256, or {"height": 256, ...}."""
    if not isinstance(size, dict):
        return size
    sides = {size[name] for name in ("height", "width") if name in size}
    return sides.pop() if len(sides) == 1 else size if sides else None


def _close(value: Any, ours: Any) -> bool:
    ours = ours if isinstance(ours, tuple) else (ours,)
    value = value if isinstance(value, list) else [value] * len(ours)
    try:
        return len(value) == len(ours) and all(
            math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for a, b in zip(value, ours, strict=True)
        )
    except TypeError:
        return False


def _vjepa(name: str, config: dict[str, Any]) -> Preset:
    hidden, frames = int(config["hidden_size"]), int(config["frames_per_clip"])
    predictor_width = int(config.get("pred_hidden_size", 384))
    predictor = Blocks(
        int(config.get("pred_num_hidden_layers", 12)),
        predictor_width,
        int(predictor_width * config.get("pred_mlp_ratio", 4.0)),
    )
    architecture = Architecture(
        hidden,
        int(hidden * config.get("mlp_ratio", 4.0)),
        int(config.get("num_attention_heads", 16)),
        patch=int(config.get("patch_size", 16)),
        tubelet=int(config.get("tubelet_size", 2)),
        joint=int(config["num_hidden_layers"]),
        companions=(predictor,),
    )
    frames = min(frames, MAX_FRAMES)
    crop = int(config["crop_size"])
    architecture.flop(frames, crop)
    return Preset(name, None, frames, crop, frames, architecture, deep=None)


def _towers(config: dict[str, Any]) -> tuple[dict[str, Any], Blocks, int]:
    """The vision side, the blocks of the text side and its vocabulary, with their defaults."""
    text = config.get("text_config") or {}
    blocks = Blocks(
        int(text.get("num_hidden_layers", 12)),
        int(text.get("hidden_size", 768)),
        int(text.get("intermediate_size", 3072)),
    )
    return config.get("vision_config") or {}, blocks, int(text.get("vocab_size", 32_000))


def _siglip(name: str, config: dict[str, Any]) -> Preset:
    vision, text, vocabulary = _towers(config)
    hidden, mlp = int(vision.get("hidden_size", 768)), int(vision.get("intermediate_size", 3072))
    patch = int(vision.get("patch_size", 16))
    # With a flexible number of patches, a square of as many as positions were trained for.
    side = patch * math.isqrt(int(vision.get("num_patches", 256)))
    crop = int(vision.get("image_size", 224)) if config["model_type"] == "siglip" else side
    architecture = Architecture(
        hidden,
        mlp,
        int(vision.get("num_attention_heads", 12)),
        patch=patch,
        spatial=int(vision.get("num_hidden_layers", 12)),
        companions=(text,),
        vocabulary=vocabulary,
        pooler=Blocks(1, hidden, mlp).parameters,
    )
    return Preset(
        name, None, 1, crop, 1, architecture, kind="siglip2", fps=1.0, resize="squash", batch=16
    )


def _videoprism(name: str, config: dict[str, Any]) -> Preset:
    vision, text, vocabulary = _towers(config)
    hidden, mlp = int(vision.get("hidden_size", 768)), int(vision.get("intermediate_size", 3072))
    frames = int(vision.get("num_frames", 16))
    architecture = Architecture(
        hidden,
        mlp,
        int(vision.get("num_attention_heads", 12)),
        patch=int(vision.get("tubelet_size", (1, 18, 18))[-1]),
        spatial=int(vision.get("num_spatial_layers", 12)),
        temporal=int(vision.get("num_temporal_layers", 4)),
        joint=int(vision.get("num_auxiliary_layers", 2)),
        companions=(text,),
        vocabulary=vocabulary,
        pooler=4 * hidden * mlp,
        fused=False,
    )
    crop = int(vision.get("image_size", 288))
    return Preset(
        name, None, frames, crop, frames, architecture, kind="videoprism", resize="squash"
    )
