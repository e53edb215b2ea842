from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlm.encoders import COMPANIONS, PRESETS, EncoderSpec
from rlm.encoders.cost import Architecture
from rlm.encoders.presets import ALL

ROOT = Path(__file__).parents[3]


def test_the_table() -> None:
    windows = {name: (p.frames, p.crop, p.stride) for name, p in PRESETS.items()}
    assert windows == {
        "builtin": (16, 64, 16),
        "fast": (16, 256, 16),
        "balanced": (32, 256, 32),
        "quality": (64, 384, 48),
    }
    assert {name: (p.frames, p.crop, p.fps) for name, p in COMPANIONS.items()} == {
        "siglip2": (1, 256, 1.0),
        "videoprism": (16, 288, 4.0),
    }


def test_what_is_on_the_hub_is_pinned() -> None:
    for preset in ALL.values():
        pinned = preset.revision is not None and len(preset.revision) == 40
        assert pinned == (preset.hub_id is not None)
        assert all(name in COMPANIONS for name in preset.companions)
    for preset in PRESETS.values():
        assert preset.deep is not None
        assert PRESETS[preset.deep].tflop_per_second >= preset.tflop_per_second


# The published encoders: millions of parameters, TFLOP for windows of 16, 32 and 64 pictures.
@pytest.mark.parametrize(
    ("name", "parameters", "tflop"),
    [
        ("fast", 304, (1.66, 4.14, 11.6)),
        ("balanced", 632, (3.27, 7.92, 21.3)),
        ("quality", 1012, (14.1, 37.8, 113.8)),
    ],
)
def test_cost_follows_from_the_shape(name: str, parameters: int, tflop: tuple[float, ...]) -> None:
    preset = PRESETS[name]
    assert preset.parameters / 1e6 == pytest.approx(parameters, rel=0.002)
    for frames, expected in zip((16, 32, 64), tflop, strict=True):
        found = preset.architecture.flop(frames, preset.crop) / 1e12
        assert found == pytest.approx(expected, rel=0.01)


def test_cost_for_a_second_of_video() -> None:
    fast, quality = PRESETS["fast"], PRESETS["quality"]
    assert fast.tflop_per_second == pytest.approx(1.655 / 4, rel=0.01)  # a window is 4 s
    assert quality.tflop_per_second == pytest.approx(113.8 / 12, rel=0.01)  # a stride is 12 s
    half_overlapped = replace(fast, stride=8)
    assert half_overlapped.tflop_per_second == pytest.approx(2 * fast.tflop_per_second)
    ranked = [preset.tflop_per_second for preset in PRESETS.values()]
    assert ranked == sorted(ranked)


def test_arithmetic_is_what_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import VJEPA2Config, VJEPA2Model

    config = VJEPA2Config(
        crop_size=64, hidden_size=96, num_attention_heads=4, num_hidden_layers=3, mlp_ratio=3.0
    )
    with torch.device("meta"):
        encoder = VJEPA2Model(config).encoder
        pixels = torch.empty(1, 12, 3, 64, 64)
    with FlopCounterMode(display=False) as counter:
        encoder(pixel_values_videos=pixels)
    shape = Architecture(96, 288, 4, patch=16, tubelet=2, joint=3)
    assert shape.flop(12, 64) == pytest.approx(counter.get_total_flops(), rel=1e-6)
    parameters = sum(parameter.numel() for parameter in encoder.parameters())
    assert shape.parameters(12, 64) == parameters


def test_the_companions_have_the_shape_of_the_real_classes() -> None:
    from transformers import SiglipConfig, SiglipModel, VideoPrismClipModel, VideoPrismConfig

    text = {"vocab_size": 256_000, "bos_token_id": 2, "eos_token_id": 1}
    with torch.device("meta"):
        siglip = SiglipModel(SiglipConfig(vision_config={"image_size": 256}, text_config=text))
        prism = VideoPrismClipModel(VideoPrismConfig(vision_config={}, text_config={}))
    for preset, model, vision in (
        (COMPANIONS["siglip2"], siglip, siglip.vision_model),
        (COMPANIONS["videoprism"], prism, prism.video_model),
    ):
        loaded = preset.architecture.loaded_parameters(preset.frames, preset.crop)
        parameters = [sum(p.numel() for p in part.parameters()) for part in (vision, model)]
        assert [preset.parameters, loaded] == pytest.approx(parameters, rel=0.01)


@given(st.sampled_from(list(ALL)), st.integers(1, 8), st.sampled_from([2, 4]))
def test_memory_is_weights_and_a_share_for_each_window(name: str, batch: int, item: int) -> None:
    preset = ALL[name]
    weights = preset.memory(item, batch=0)
    assert weights >= preset.parameters * item
    assert preset.memory(item, batch) - weights == batch * preset.window_memory(item)
    assert preset.memory(4, batch) > preset.memory(2, batch)


def test_memory_of_what_was_measured() -> None:
    # Peaks of a real run, bfloat16: ViT-L with 4 windows of 16 pictures, VideoPrism with one.
    assert PRESETS["fast"].window_memory(2) * 4 == pytest.approx(0.38e9, rel=0.15)
    assert COMPANIONS["videoprism"].window_memory(2) == pytest.approx(2.1e9, rel=0.15)
    assert PRESETS["fast"].memory() == pytest.approx(0.65e9 + 0.38e9, rel=0.1)


def test_a_spec_names_tracks_and_spaces(tmp_path: Path) -> None:
    def tracks(name: str, **changes: int) -> tuple[dict[str, str], set[str], str | None]:
        spec = EncoderSpec(replace(ALL[name], **changes), tmp_path, "0123456789ab")
        return dict(spec.tracks), set(spec.per_tubelet), spec.text_space

    model = "vjepa2-vitl-fpc64-256@0123456789ab"
    assert tracks("fast") == ({"vjepa": f"{model}/encoder/mean"}, set(), None)
    overlapped, per_tubelet, _ = tracks("fast", stride=8)
    assert overlapped == {
        "vjepa": f"{model}/encoder/mean",
        "moments": f"{model}/encoder/tubelet",
    }
    assert per_tubelet == {"moments"}
    assert tracks("quality")[1] == {"moments"}
    for name in COMPANIONS:
        spaces, per_tubelet, text_space = tracks(name)
        assert list(spaces) == [name] and spaces[name] == text_space and not per_tubelet
        assert "@0123456789ab/" in spaces[name]


def test_frames_are_asked_for_as_they_are_used(tmp_path: Path) -> None:
    sizes = {name: EncoderSpec(preset, tmp_path, "x").frame_size for name, preset in ALL.items()}
    assert sizes == {
        "builtin": (64, 64),
        "fast": 292,
        "balanced": 292,
        "quality": 438,
        "siglip2": (256, 256),
        "videoprism": (288, 288),
    }


def test_looking_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, rlm.encoders as e; e.available_presets(); e.find_weights('builtin'); "
        "print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
