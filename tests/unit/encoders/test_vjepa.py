from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from saved_models import overlapped, save_vjepa

from rlm.encoders import PRESETS, Encoder, load_encoder
from rlm.encoders.embedding import normalise
from rlm.encoders.vjepa import VJepaEncoder
from rlm.errors import UsageError

RNG = np.random.default_rng(0)


def _noise(count: int, side: int = 32) -> np.ndarray:
    return RNG.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_vjepa(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


@pytest.fixture(scope="module")
def overlapping(folder: Path) -> Encoder:
    return overlapped(folder, stride=4)


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


def test_shards_load(tmp_path: Path, encoder: Encoder) -> None:
    sharded = load_encoder(save_vjepa(tmp_path / "s", shard_size="50KB"))
    window = _noise(8)
    one, other = (each.encode([window])["vjepa"][0] for each in (encoder, sharded))
    assert np.array_equal(one, other)


def test_weights_of_a_classifier_load(tmp_path: Path, folder: Path, encoder: Encoder) -> None:
    from transformers import VJEPA2Config, VJEPA2ForVideoClassification, VJEPA2Model

    config = VJEPA2Config.from_pretrained(folder)
    classifier = VJEPA2ForVideoClassification(config)
    classifier.vjepa2.load_state_dict(VJEPA2Model.from_pretrained(folder).state_dict())
    classifier.save_pretrained(tmp_path / "ssv2")
    window = _noise(8)
    one = encoder.encode([window])["vjepa"]
    assert np.array_equal(load_encoder(tmp_path / "ssv2").encode([window])["vjepa"], one)


class TestKeep:
    def test_vectors_speak_for_the_kept_tubelets(self, folder: Path, overlapping: Encoder) -> None:
        window = _noise(8)
        tokens = torch.from_numpy(overlapping.encode_tokens(window)).float().flatten(1, 2)
        tokens = torch.nn.functional.layer_norm(tokens, (48,)).numpy()  # [4, 4, 48]
        rows = overlapping.encode([window], keep=[(2, 6)])
        assert rows["moments"].shape == (2, 48)
        assert np.allclose(rows["moments"], normalise(tokens[1:3].mean(axis=1)), atol=2e-3)
        assert np.allclose(rows["vjepa"][0], normalise(tokens[1:3].mean(axis=(0, 1))), atol=2e-3)

    def test_context_is_seen_but_not_spoken_for(self, overlapping: Encoder) -> None:
        window = _noise(8)
        other = window.copy()
        other[6:] = 255 - other[6:]
        inside, changed = (
            overlapping.encode([w], keep=[(2, 6)])["vjepa"][0] for w in (window, other)
        )
        alone = overlapping.encode([window[2:6]])["vjepa"][0]
        assert inside @ changed < 0.99999 and inside @ alone < 0.99999

    def test_rows_are_in_window_order(self, overlapping: Encoder) -> None:
        windows = [_noise(count) for count in (8, 5, 8, 1, 8, 6)]
        keep = [(0, 8), (2, 5), (2, 6), (0, 1), (4, 8), (0, 6)]
        together = overlapping.encode(windows, keep)
        counts = [-(-(last - first) // 2) for first, last in keep]
        assert together["vjepa"].shape == (6, 48)
        assert together["moments"].shape == (sum(counts), 48)
        parts = np.split(together["moments"], np.cumsum(counts)[:-1])
        for number, part in enumerate(parts):
            single = overlapping.encode([windows[number]], [keep[number]])
            assert np.allclose(single["vjepa"][0], together["vjepa"][number], atol=1e-3)
            assert np.allclose(single["moments"], part, atol=1e-3)

    def test_all_is_kept_by_default(self, overlapping: Encoder) -> None:
        windows = [_noise(8), _noise(5)]
        plain, kept = overlapping.encode(windows), overlapping.encode(windows, [(0, 8), (0, 5)])
        assert all(np.array_equal(plain[track], kept[track]) for track in overlapping.tracks)

    def test_the_joint_vector_speaks_for_the_kept_ones_too(self) -> None:
        builtin = overlapped("builtin", stride=8)
        window = RNG.integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
        ranges = [(0, 16), (4, 12), (4, 12)]
        rows = builtin.encode([window] * 3, ranges)
        assert np.allclose(rows["joint"][1], rows["joint"][2], atol=1e-5)
        assert rows["joint"][0] @ rows["joint"][1] < 0.9999
        assert np.allclose(
            builtin.encode([window], [(4, 12)])["joint"][0], rows["joint"][1], atol=1e-4
        )

    @pytest.mark.parametrize("keep", [[(1, 8)], [(0, 9)], [(4, 4)], [(-2, 4)], [(0, 8)] * 2, []])
    def test_what_cannot_be_kept_is_refused(
        self, overlapping: Encoder, keep: list[tuple[int, int]]
    ) -> None:
        with pytest.raises(UsageError, match="kept"):
            overlapping.encode([_noise(8)], keep)


def test_tokens_are_the_last_hidden_state(folder: Path, encoder: Encoder) -> None:
    from transformers import VJEPA2Model

    window = _noise(5)
    tokens = encoder.encode_tokens(window)
    assert tokens.shape == (3, 2, 2, 48) and tokens.dtype == np.float16
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    filled = torch.from_numpy(np.concatenate([window, window[-1:]]))
    pixels = ((filled.float() / 255 - mean) / std).permute(0, 3, 1, 2)[None]
    model = VJEPA2Model.from_pretrained(folder, local_files_only=True).eval()
    with torch.no_grad():
        reference = model(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
    assert np.allclose(tokens.reshape(-1, 48), reference[0].numpy(), atol=0.1)
    with pytest.raises(UsageError, match="window"):
        encoder.encode_tokens(_noise(4, side=16))


def test_a_model_that_runs_out_of_memory_goes_on_in_smaller_batches(folder: Path) -> None:
    encoder = load_encoder(folder)
    assert isinstance(encoder, VJepaEncoder)
    windows = [_noise(8) for _ in range(6)]
    expected = encoder.encode(windows)["vjepa"]
    seen: list[int] = []

    def out_of_memory_above_two(module: object, args: object, kwargs: dict[str, Any]) -> None:
        seen.append(len(kwargs["pixel_values_videos"]))
        if seen[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    encoder._encoder.register_forward_pre_hook(out_of_memory_above_two, with_kwargs=True)
    encoder._batcher.size = 5
    assert np.allclose(encoder.encode(windows)["vjepa"], expected, atol=1e-3)
    assert seen == [5, 2, 2, 2] and encoder.batch == 2


@pytest.fixture
def real_vit_l(tmp_path: Path) -> Iterator[Path]:
    """The published configuration with random numbers for weights, in shards; 650 MB, then gone."""
    from transformers import VJEPA2Config, VJEPA2Model

    with torch.device("meta"):
        model = VJEPA2Model(VJEPA2Config())
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    block = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            flat = parameter.view(-1)
            for part in flat.split(len(block)):
                part.copy_(block[: len(part)])
            flat.mul_(0.02).add_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
    model.save_pretrained(tmp_path / "vitl", max_shard_size="200MB")
    del model
    yield tmp_path / "vitl"
    shutil.rmtree(tmp_path / "vitl")


def test_the_real_vit_l_loads_from_shards(real_vit_l: Path) -> None:
    assert len(list(real_vit_l.glob("*.safetensors"))) >= 3
    encoder = load_encoder(real_vit_l)
    assert encoder.spec.preset.architecture == PRESETS["fast"].architecture
    assert (encoder.frames, encoder.crop) == (64, 256)
    one, other = encoder.encode([_noise(2, side=256), _noise(2, side=256)])["vjepa"]
    assert one.shape == (1024,) and np.isfinite(one).all() and one @ other < 0.9999
    assert encoder.encode_tokens(_noise(1, side=256)).shape == (1, 16, 16, 1024)


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
