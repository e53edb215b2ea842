"""What is wrong with a folder of weights is said in one line before anything runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from saved_models import save_siglip, save_videoprism, save_vjepa

from rlm.encoders import EncoderSpec, find_weights
from rlm.encoders.folder import weight_files
from rlm.errors import WeightsMissing

SAVED: dict[str, Callable[[Path], Path]] = {
    "vjepa2": save_vjepa,
    "siglip2": save_siglip,
    "flexible siglip2": lambda folder: save_siglip(folder, flexible=True),
    "videoprism": save_videoprism,
}


@pytest.mark.parametrize("name", SAVED)
def test_cost_is_known_for_folders_too(tmp_path: Path, name: str) -> None:
    spec: EncoderSpec = find_weights(SAVED[name](tmp_path / "m"))
    stored = sum(
        tensor.numel() for file in weight_files(spec.folder) for tensor in load_file(file).values()
    )
    loaded = spec.preset.architecture.loaded_parameters(spec.preset.frames, spec.preset.crop)
    assert loaded == pytest.approx(stored, rel=0.25)  # biases and positions weigh in small models
    assert 0 < spec.preset.parameters < loaded
    assert spec.preset.tflop_per_second > 0


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no whole model"),
        ("{", "cannot be read"),
        ("[]", "holds no JSON object"),
        ('{"model_type": "vit"}', "a model of type 'vit', not one of vjepa2, siglip"),
        ('{"model_type": "vjepa2"}', "config.json lacks hidden_size"),
        (
            '{"model_type": "vjepa2", "hidden_size": 8, "num_hidden_layers": 1, "crop_size": 32}',
            "config.json lacks frames_per_clip",
        ),
        ('{"model_type": "siglip", "vision_config": 3}', "lacks the tokenizer"),
        ('{"model_type": "vjepa2", "hidden_size": "x"}', "describes no model"),
    ],
)
def test_folders_that_hold_no_model(tmp_path: Path, config: str | None, message: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(WeightsMissing, match=message) as caught:
        find_weights(tmp_path)
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused_by_name(tmp_path: Path) -> None:
    folder = save_vjepa(tmp_path / "s")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    find_weights(folder)  # beside safetensors they are not read and do no harm
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match=r"pickled weights .pytorch_model.bin.*safetensors"):
        find_weights(folder)


def test_shards_outside_the_folder_are_not_taken(tmp_path: Path) -> None:
    folder = save_vjepa(tmp_path / "s", shard_size="50KB")
    assert len(weight_files(folder)) > 1
    shard_list = folder / "model.safetensors.index.json"
    content = json.loads(shard_list.read_text())
    (folder / "config.json").rename(tmp_path / "outside.safetensors")
    content["weight_map"]["more"] = "../outside.safetensors"
    shard_list.write_text(json.dumps(content))
    assert weight_files(folder) == []


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        ("vjepa2", "video_preprocessor_config.json", {"image_mean": [0.5] * 3}, "image_mean"),
        ("vjepa2", "video_preprocessor_config.json", {"image_std": [0.5] * 3}, "image_std"),
        ("vjepa2", "video_preprocessor_config.json", {"do_rescale": False}, "rescale_factor 1.0"),
        ("vjepa2", "video_preprocessor_config.json", {"do_normalize": False}, "image_mean"),
        ("vjepa2", "video_preprocessor_config.json", {"crop_size": 224}, "size 224"),
        ("vjepa2", "preprocessor_config.json", {"rescale_factor": 1 / 127.5}, "rescale_factor"),
        ("siglip2", "preprocessor_config.json", {"size": {"height": 224, "width": 224}}, "size"),
        ("siglip2", "preprocessor_config.json", {"image_mean": [0.48, 0.45, 0.4]}, "image_mean"),
        ("siglip2", "preprocessor_config.json", {"image_std": "grey"}, "image_std"),
    ],
)
def test_a_processor_that_prepares_otherwise_is_caught(
    tmp_path: Path, name: str, file: str, change: dict[str, Any], message: str
) -> None:
    folder = SAVED[name](tmp_path / "m")
    find_weights(folder)
    written = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
    (folder / file).write_text(json.dumps(written | change))
    with pytest.raises(WeightsMissing, match=f"{file} prepares pictures with {message}") as caught:
        find_weights(folder)
    assert "\n" not in str(caught.value)


def test_a_mean_counts_only_where_it_is_used(tmp_path: Path) -> None:
    folder = save_videoprism(tmp_path / "m")
    file = folder / "processor_config.json"
    processor = json.loads(file.read_text())["video_processor"] | {"image_mean": [0.5] * 3}
    file.write_text(json.dumps({"video_processor": processor}))
    find_weights(folder)
    file.write_text(json.dumps({"video_processor": processor | {"do_normalize": True}}))
    with pytest.raises(WeightsMissing, match="image_mean"):
        find_weights(folder)
