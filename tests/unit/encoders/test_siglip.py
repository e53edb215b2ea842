"""SigLIP 2 against the model itself, in both of its classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from saved_models import save_siglip

from rlm.encoders import Encoder, load_encoder
from rlm.encoders.embedding import normalise
from rlm.encoders.texts import lower_case
from rlm.errors import UsageError


@pytest.fixture(scope="module", params=["siglip", "siglip2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models") / request.param
    return save_siglip(place, flexible=request.param == "siglip2")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    from transformers import Siglip2Model, SiglipModel

    flexible = json.loads((folder / "config.json").read_text())["model_type"] == "siglip2"
    return (Siglip2Model if flexible else SiglipModel).from_pretrained(folder).eval()


def _picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)


def test_it_is_an_encoder_of_pictures(encoder: Encoder) -> None:
    assert (encoder.frames, encoder.fps, encoder.crop) == (1, 1.0, 32)
    assert encoder.spec.frame_size == (32, 32)
    assert list(encoder.tracks) == ["siglip2"] and not encoder.spec.per_tubelet


def test_pictures_are_encoded_as_the_model_does(encoder: Encoder, model: Any) -> None:
    from transformers import Siglip2ImageProcessorPil

    window = _picture()
    if "num_patches" in model.config.vision_config.to_dict():
        processor = Siglip2ImageProcessorPil(patch_size=16, max_num_patches=4)
        inputs = processor(list(window), return_tensors="pt")
    else:
        inputs = {"pixel_values": torch.from_numpy(window).permute(0, 3, 1, 2) / 127.5 - 1}
    with torch.no_grad():
        reference = normalise(model.get_image_features(**inputs).pooler_output.numpy())
    assert encoder.encode([window])["siglip2"][0] @ reference[0] > 0.999


def test_texts_are_encoded_as_the_model_was_trained(encoder: Encoder, model: Any) -> None:
    # words of the tokenizer, the end of the text, padding to 64; the padding is read too
    ids = torch.tensor([[3, 5, 8, 1, *[0] * 60]])
    with torch.no_grad():
        reference = normalise(model.get_text_features(input_ids=ids).pooler_output.numpy())
    (vector,) = encoder.encode_text(["A  RED Dog"])
    if encoder.preset == "siglip":  # the tokenizer class of the other splits words its own way
        assert vector @ reference[0] > 0.999
    assert np.array_equal(vector, encoder.encode_text(["a red dog"])[0])


def test_many_texts_are_encoded_as_one(encoder: Encoder) -> None:
    texts = [f"a {colour} dog" for colour in ("red", "green", "blue")] * 50
    together = encoder.encode_text(texts)
    assert together.shape == (150, 32)
    assert np.allclose(together[:3], together[147:], atol=1e-3)
    assert np.allclose(together[1], encoder.encode_text(texts[1:2])[0], atol=1e-3)


def test_long_texts_are_cut(encoder: Encoder) -> None:
    long, longer = encoder.encode_text(["red " * 100, "red " * 200])
    assert np.array_equal(long, longer)
    with pytest.raises(UsageError, match="no text"):
        encoder.encode_text([])


def test_a_window_is_one_picture(encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="holds 1 to 1 pictures, not 2"):
        encoder.encode([np.repeat(_picture(), 2, axis=0)])
    with pytest.raises(UsageError, match="has no feature maps"):
        encoder.encode_tokens(_picture())


def test_the_whole_frame_is_squashed(encoder: Encoder) -> None:
    wide = np.zeros((1, 90, 160, 3), np.uint8)
    wide[:, :, :80] = 255
    prepared = encoder.prepare(wide)
    assert (prepared[:, :, :15] > 250).all() and (prepared[:, :, 17:] < 5).all()


def test_case_and_spaces_do_not_matter() -> None:
    assert lower_case("  A Red\n DOG ") == "a red dog"
