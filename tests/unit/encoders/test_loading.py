"""A model is loaded whole, with the mask token that was trained, or not at all."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from saved_models import save_siglip, save_videoprism, save_vjepa

from rlm.encoders import find_weights, load_encoder
from rlm.encoders.loading import load_vjepa2
from rlm.errors import WeightsMissing

TOKENS = "predictor.embeddings.mask_tokens"


def _with_tokens(folder: Path, first: float, used: float, **config: object) -> Path:
    """A model whose mask tokens 0 and 1 are filled with the two numbers."""
    tensors = load_file(save_vjepa(folder, crop=256) / "model.safetensors")
    tensors[TOKENS].zero_()
    tensors[TOKENS][0], tensors[TOKENS][1] = first, used
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(written | config))
    return folder


def _used(place: str | Path) -> float:
    """What the loaded predictor puts where it has to predict."""
    model = load_vjepa2(find_weights(place), torch.float32)
    tokens = model.predictor.embeddings.mask_tokens
    context, target = [torch.zeros(1, 1, dtype=torch.long)], [torch.ones(1, 1, dtype=torch.long)]
    hidden = torch.zeros(1, 2, model.config.hidden_size)
    embedded, _ = model.predictor.embeddings(hidden[:, :1], context, target)
    assert torch.equal(embedded[:, 1:].flatten(), tokens[1].flatten())
    return float(tokens[1].mean())


def test_released_weights_get_the_token_they_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_tokens(tmp_path / "vjepa2-vitl-fpc64-256", first=0.5, used=-0.25)
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path))
    assert _used("fast") == 0.5


def test_the_builtin_weights_stay_as_they_are() -> None:
    spec = find_weights("builtin")
    stored = load_file(spec.folder / "model.safetensors")[TOKENS].float()
    loaded = load_vjepa2(spec, torch.float32).predictor.embeddings.mask_tokens
    assert torch.equal(loaded, stored) and stored[1].any()


@pytest.mark.parametrize(
    ("first", "used", "config", "expected"),
    [
        (0.5, 0.0, {}, 0.5),  # only 0 moved away from zero
        (0.0, 0.25, {}, 0.25),
        (0.5, 0.25, {}, 0.25),  # cannot be told: as transformers trains it
        (0.0, 0.0, {}, 0.0),
        (0.5, 0.25, {"mask_token": 0}, 0.5),  # the folder says so
        (0.5, 0.0, {"mask_token": 1}, 0.0),
    ],
)
def test_folders_are_told_by_what_they_say_or_hold(
    tmp_path: Path, first: float, used: float, config: dict[str, object], expected: float
) -> None:
    assert _used(_with_tokens(tmp_path / "m", first, used, **config)) == expected


@pytest.mark.parametrize("value", [2, -1, "first", True])
def test_a_mask_token_that_is_none(tmp_path: Path, value: object) -> None:
    folder = _with_tokens(tmp_path / "m", 0.5, 0.0, mask_token=value)
    with pytest.raises(WeightsMissing, match="mask_token is 0 or 1"):
        load_encoder(folder)


def test_a_predictor_without_the_token_that_is_used(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="has 1 mask token"):
        load_encoder(save_vjepa(tmp_path / "m", pred_num_mask_tokens=1))


def test_a_broken_mask_token_is_caught(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"mask token .* is not a number"):
        load_encoder(_with_tokens(tmp_path / "m", float("nan"), 0.0))


@pytest.mark.parametrize(
    ("save", "tensor"),
    [
        (save_vjepa, "encoder.layer.1.mlp.fc1.weight"),
        (save_siglip, "vision_model.encoder.layers.0.mlp.fc1.weight"),
        (save_videoprism, "video_model.head.q_proj.weight"),
    ],
)
def test_tensors_are_never_made_up(tmp_path: Path, save: object, tensor: str) -> None:
    assert callable(save)
    file = save(tmp_path / "s") / "model.safetensors"
    tensors = load_file(file)
    whole = tensors.pop(tensor)
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsMissing, match=f"lack 1 tensors .{tensor}"):
        load_encoder(tmp_path / "s")
    tensors[tensor] = whole[:-1].clone()
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsMissing, match=f"another shape of 1 tensors .{tensor}"):
        load_encoder(tmp_path / "s")


def test_damaged_weights(tmp_path: Path) -> None:
    file = save_vjepa(tmp_path / "s") / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsMissing, match="cannot be loaded") as caught:
        load_encoder(tmp_path / "s")
    assert "\n" not in str(caught.value)


def test_a_damaged_tokenizer(tmp_path: Path) -> None:
    folder = save_siglip(tmp_path / "s")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(WeightsMissing, match="the tokenizer in") as caught:
        load_encoder(folder)
    assert "\n" not in str(caught.value)


def test_loading_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = save_siglip(tmp_path / "s")
    capfd.readouterr()
    load_encoder(folder)
    assert capfd.readouterr() == ("", "")


def test_code_beside_the_weights_is_not_run(tmp_path: Path) -> None:
    folder = save_siglip(tmp_path / "s")
    marker = tmp_path / "ran"
    (folder / "foreign.py").write_text(f"open({str(marker)!r}, 'w')\n")
    for name in ("config.json", "tokenizer_config.json"):
        content = json.loads((folder / name).read_text())
        content["auto_map"] = {
            "AutoTokenizer": ["foreign.Tokenizer", None],
            "AutoModel": "foreign.Model",
            "AutoConfig": "foreign.Config",
        }
        content.pop("tokenizer_class", None)
        (folder / name).write_text(json.dumps(content))
    with contextlib.suppress(WeightsMissing):
        load_encoder(folder)
    assert not marker.exists()
