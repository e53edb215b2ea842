from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rlm.encoders import Encoder, load_encoder
from rlm.errors import UsageError, WeightsMissing

RNG = np.random.default_rng(0)


def _noise(count: int, side: int = 32) -> np.ndarray:
    return RNG.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, save_model: Callable[..., Path]) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


def test_features_are_those_of_the_model(folder: Path, encoder: Encoder) -> None:
    from transformers import VJEPA2Model

    window = _noise(8)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = ((torch.from_numpy(window).float() / 255 - mean) / std).permute(0, 3, 1, 2)[None]
    model = VJEPA2Model.from_pretrained(folder, local_files_only=True).eval()
    with torch.no_grad():
        tokens = model(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
    pooled = torch.nn.functional.layer_norm(tokens, (48,)).mean(1)[0].numpy()
    pooled /= np.linalg.norm(pooled)
    # bfloat16 where the machine has it.
    assert encoder.encode([window])["vjepa"][0] @ pooled > 0.999


def test_windows_of_mixed_length_come_back_in_order(encoder: Encoder) -> None:
    windows = [_noise(count) for count in (8, 2, 8, 5, 1, 64)]
    together = encoder.encode(windows)["vjepa"]
    assert together.shape == (6, 48) and together.dtype == np.float32
    for window, vector in zip(windows, together, strict=True):
        assert encoder.encode([window])["vjepa"][0] @ vector > 0.9999


def test_the_last_odd_picture_is_seen(encoder: Encoder) -> None:
    window = _noise(5)
    other = window.copy()
    other[4] = 255 - other[4]
    one, two = encoder.encode([window, other])["vjepa"]
    assert one @ two < 0.9999
    doubled = np.concatenate([window, window[-1:]])
    assert encoder.encode([doubled])["vjepa"][0] @ one > 0.9999


@pytest.mark.parametrize(
    "window",
    [
        np.zeros((4, 64, 64, 3), np.uint8),
        np.zeros((4, 32, 32, 3), np.float32),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
        np.zeros((65, 32, 32, 3), np.uint8),
    ],
    ids=["resolution", "dtype", "rank", "empty", "too long"],
)
def test_what_is_no_window_is_refused(encoder: Encoder, window: np.ndarray) -> None:
    with pytest.raises(UsageError, match="window"):
        encoder.encode([window])


def test_no_text_side(encoder: Encoder) -> None:
    assert encoder.text_space is None and list(encoder.tracks) == ["vjepa"]
    with pytest.raises(UsageError, match="no text side"):
        encoder.encode_text(["a red circle"])


def test_shards_load(tmp_path: Path, save_model: Callable[..., Path], encoder: Encoder) -> None:
    sharded = load_encoder(save_model(tmp_path / "s", shard_size="50KB"))
    window = _noise(8)
    one, other = (each.encode([window])["vjepa"][0] for each in (encoder, sharded))
    assert np.array_equal(one, other)


def test_missing_tensors_are_never_made_up(tmp_path: Path, save_model: Callable[..., Path]) -> None:
    file = save_model(tmp_path / "s") / "model.safetensors"
    tensors = load_file(file)
    del tensors["encoder.layer.1.mlp.fc1.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsMissing, match="lack 1 tensors"):
        load_encoder(tmp_path / "s")


def test_damaged_weights(tmp_path: Path, save_model: Callable[..., Path]) -> None:
    file = save_model(tmp_path / "s") / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsMissing, match="cannot be loaded") as caught:
        load_encoder(tmp_path / "s")
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_not_read(tmp_path: Path, save_model: Callable[..., Path]) -> None:
    folder = save_model(tmp_path / "s")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="no whole model"):
        load_encoder(folder)


class TestPrepare:
    def test_crop_takes_the_centre(self, encoder: Encoder) -> None:
        wide = np.zeros((3, 36, 64, 3), np.uint8)
        wide[:, :, 16:48] = 200
        assert encoder.spec.frame_size == 36
        prepared = encoder.prepare(wide)
        assert prepared.shape == (3, 32, 32, 3) and (prepared == 200).all()

    def test_any_size_is_brought_to_the_crop(self, encoder: Encoder) -> None:
        for height, width in ((33, 500), (720, 405), (36, 36), (7, 9)):
            prepared = encoder.prepare(np.full((9, height, width, 3), 77, np.uint8))
            assert prepared.shape == (9, 32, 32, 3) and (prepared == 77).all()

    def test_shrinking_is_antialiased(self, encoder: Encoder) -> None:
        stripes = np.zeros((1, 360, 360, 3), np.uint8)
        stripes[:, :, ::2] = 254
        assert abs(encoder.prepare(stripes).astype(int) - 127).max() <= 3

    def test_squash_keeps_the_whole_frame(self) -> None:
        builtin = load_encoder("builtin")
        wide = np.zeros((1, 90, 160, 3), np.uint8)
        wide[:, :, :40] = 255
        prepared = builtin.prepare(wide)
        assert prepared.shape == (1, 64, 64, 3)
        assert (prepared[:, :, :15] > 250).all() and (prepared[:, :, 17:] < 5).all()

    @pytest.mark.parametrize("shape", [(4, 4, 3), (1, 4, 4, 4), (0, 4, 4, 3)])
    def test_refuses_what_is_no_clip(self, encoder: Encoder, shape: tuple[int, ...]) -> None:
        with pytest.raises(UsageError, match="pictures are uint8"):
            encoder.prepare(np.zeros(shape, np.uint8))
