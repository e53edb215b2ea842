"""VideoPrism-LvT against the model itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from saved_models import save_videoprism

from rlm.encoders import Encoder, load_encoder
from rlm.encoders.embedding import normalise
from rlm.encoders.texts import caption
from rlm.errors import UsageError

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_videoprism(tmp_path_factory.mktemp("models") / "prism")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    from transformers import VideoPrismClipModel

    return VideoPrismClipModel.from_pretrained(folder, attn_implementation="eager").eval()


def _window(count: int = 4) -> np.ndarray:
    return RNG.integers(0, 256, (count, 36, 36, 3), dtype=np.uint8)


def _reference(model: Any, window: np.ndarray) -> np.ndarray:
    pixels = torch.from_numpy(window).permute(0, 3, 1, 2)[None].float() / 255
    with torch.no_grad():
        output = model.get_video_features(pixel_values_videos=pixels).pooler_output
    assert output.shape == (1, 1, 32)
    return normalise(output[0].numpy())[0]


def test_windows_are_encoded_as_the_model_does(encoder: Encoder, model: Any) -> None:
    window = _window()
    encoded = encoder.encode([window])["videoprism"]
    assert encoded.shape == (1, 32)
    assert encoded[0] @ _reference(model, window) > 0.999


def test_short_windows_are_spread_over_all_places(encoder: Encoder, model: Any) -> None:
    for count, places in ((1, [0, 0, 0, 0]), (2, [0, 0, 1, 1]), (3, [0, 0, 1, 2])):
        window = _window(count)
        (vector,) = encoder.encode([window])["videoprism"]
        assert vector @ _reference(model, window[places]) > 0.999


def test_windows_of_mixed_length_share_a_batch(encoder: Encoder) -> None:
    windows = [_window(count) for count in (4, 1, 3, 4, 2)]
    together = encoder.encode(windows)["videoprism"]
    for window, vector in zip(windows, together, strict=True):
        assert encoder.encode([window])["videoprism"][0] @ vector > 0.999


def test_order_matters(encoder: Encoder) -> None:
    window = _window()
    one, other = encoder.encode([window, window[::-1].copy()])["videoprism"]
    assert one @ other < 0.9999


def test_context_is_left_out(encoder: Encoder) -> None:
    window = _window()
    (kept,) = encoder.encode([window], keep=[(1, 3)])["videoprism"]
    assert kept @ encoder.encode([window[1:3]])["videoprism"][0] > 0.9999
    assert kept @ encoder.encode([window])["videoprism"][0] < 0.9999


def test_texts_are_encoded_as_the_model_was_trained(encoder: Encoder, model: Any) -> None:
    ids = torch.tensor([[4, 6, 9, 21, *[0] * 60]])  # a red dog, full stop; no end of text
    with torch.no_grad():
        output = model.get_text_features(input_ids=ids, attention_mask=(ids != 0).long())
    reference = normalise(output.pooler_output.numpy())[0]
    said, shouted, other = encoder.encode_text(["a red dog", "A RED, dog!", "the cat sits"])
    assert said @ reference > 0.999
    assert np.array_equal(said, shouted) and said @ other < 0.99
    with pytest.raises(UsageError, match="no text"):
        encoder.encode_text([])


def test_it_has_no_feature_maps_and_no_longer_windows(encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="has no feature maps"):
        encoder.encode_tokens(_window())
    with pytest.raises(UsageError, match="holds 1 to 4 pictures"):
        encoder.encode([_window(5)])


@given(st.text(max_size=60))
def test_captions_are_canonical(text: str) -> None:
    once = caption(text)
    assert caption(once) == once and once.endswith(".") and once == once.lower()
    assert "  " not in once and not set(once[:-1]) & set("!?,;:-_()\"'")


def test_a_caption() -> None:
    assert caption("A dog,\n running -- fast!") == "a dog running fast."
