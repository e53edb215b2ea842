from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from saved_models import save_vjepa

from rlm.encoders.rotary import quicken


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import VJEPA2Model

    folder = save_vjepa(tmp_path_factory.mktemp("models") / "small")
    return VJEPA2Model.from_pretrained(folder, local_files_only=True).eval().encoder


def _tokens(encoder: Any, pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    with torch.inference_mode():
        output = copy.deepcopy(encoder).to(dtype)(pixel_values_videos=pixels.to(dtype))
    return output.last_hidden_state.float()


@pytest.fixture(scope="module")
def quick(plain: Any) -> Any:
    other = copy.deepcopy(plain)
    quicken(other)
    return other


def test_tables_say_what_transformers_computes_at_every_length(plain: Any, quick: Any) -> None:
    for pictures in (2, 8, 64):
        pixels = torch.randn(2, pictures, 3, 32, 32, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(_tokens(quick, pixels), _tokens(plain, pixels))


def test_in_half_precision_tables_are_the_more_exact(plain: Any, quick: Any) -> None:
    ours, theirs = (encoder.layer[0].attention for encoder in (quick, plain))
    count, width = 32 * theirs.grid_size**2, theirs.attention_head_size
    heads = torch.randn(1, 2, count, width, generator=torch.Generator().manual_seed(2))
    places = theirs.get_position_ids(heads[:, 0])
    exact = theirs.apply_rotary_embeddings(heads, places)
    off = [
        float((one.apply_rotary_embeddings(heads.bfloat16(), places) - exact).square().mean())
        for one in (ours, theirs)
    ]
    assert off[0] < off[1]


def test_tables_made_while_looking_can_be_trained_with(plain: Any) -> None:
    encoder = copy.deepcopy(plain)
    quicken(encoder)
    pixels = torch.randn(1, 2, 3, 32, 32)
    with torch.inference_mode():
        encoder(pixel_values_videos=pixels)
    encoder(pixel_values_videos=pixels).last_hidden_state.sum().backward()
