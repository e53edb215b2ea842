"""What every encoder owes its callers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlm.encoders import Embedding, Encoder, available_presets, load_encoder


def _small_model(folder: Path) -> Path:
    import torch
    from transformers import VJEPA2Config, VJEPA2Model

    torch.manual_seed(0)
    config = VJEPA2Config(
        crop_size=32,
        frames_per_clip=4,
        hidden_size=24,
        num_attention_heads=1,
        num_hidden_layers=1,
        pred_hidden_size=24,
        pred_num_attention_heads=1,
        pred_num_hidden_layers=1,
        num_pooler_layers=1,
    )
    VJEPA2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["builtin", "folder"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    if request.param == "folder":
        return load_encoder(_small_model(tmp_path_factory.mktemp("contract") / "model"))
    return load_encoder(request.param)


@pytest.fixture(scope="module")
def windows(encoder: Encoder) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    full = rng.integers(0, 256, (encoder.frames, 48, 80, 3), dtype=np.uint8)
    return [encoder.prepare(full), encoder.prepare(full[:3]), encoder.prepare(full[:1])]


def test_the_builtin_one_is_always_here() -> None:
    assert "builtin" in available_presets()


def test_it_says_what_it_is(encoder: Encoder) -> None:
    assert encoder.frames % 2 == 0 and encoder.fps == 4.0
    assert "vjepa" in encoder.tracks
    assert len(set(encoder.tracks.values())) == len(encoder.tracks)
    assert all(f"@{encoder.revision}/" in space for space in encoder.tracks.values())
    assert encoder.spec.tracks == encoder.tracks
    assert encoder.text_space in (None, *encoder.tracks.values())


def test_prepare_gives_windows(encoder: Encoder, windows: list[np.ndarray]) -> None:
    for window in windows:
        assert window.dtype == np.uint8 and window.shape[1:] == (encoder.crop, encoder.crop, 3)


def test_vectors_are_embeddings(encoder: Encoder, windows: list[np.ndarray]) -> None:
    encoded = encoder.encode(windows)
    assert list(encoded) == list(encoder.tracks)
    for track, vectors in encoded.items():
        assert vectors.dtype == np.float32 and len(vectors) == len(windows)
        for vector in vectors:
            Embedding(encoder.tracks[track], vector)


def test_encoding_repeats_itself(encoder: Encoder, windows: list[np.ndarray]) -> None:
    first, second = encoder.encode(windows), encoder.encode(windows)
    assert all(np.array_equal(first[track], second[track]) for track in first)


def test_nothing_in_nothing_out(encoder: Encoder) -> None:
    assert {track: len(vectors) for track, vectors in encoder.encode([]).items()} == dict.fromkeys(
        encoder.tracks, 0
    )


def test_text_where_there_is_a_text_space(encoder: Encoder) -> None:
    if encoder.text_space is None:
        pytest.skip("this encoder has no text side")
    (vector,) = encoder.encode_text(["a red circle moves up"])
    Embedding(encoder.text_space, vector, origin="text")
