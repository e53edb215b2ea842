"""Attentive probes: alone, and beside an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from saved_heads import save_seeing
from saved_models import save_vjepa

from rlm.encoders import Encoder, load_encoder
from rlm.encoders.probes import AttentiveProbe, load_probes
from rlm.errors import UsageError, WeightsMissing
from rlm.world.train.model import TASKS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_seeing(tmp_path_factory.mktemp("weights") / "seeing")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 1000))
def test_tokens_are_a_set(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    probe = AttentiveProbe(16, 3)
    tokens = torch.randn(2, count, 16, generator=generator)
    shuffled = tokens[:, torch.randperm(count, generator=generator)]
    with torch.no_grad():
        assert torch.allclose(probe(tokens), probe(shuffled), atol=1e-5)


def test_one_query_needs_no_projected_tokens() -> None:
    """Against cross-attention as it is defined, every token projected."""
    torch.manual_seed(1)
    probe, tokens = AttentiveProbe(16, 3), torch.randn(2, 9, 16)
    with torch.no_grad():
        probe.query.normal_()
        looked = torch.nn.functional.scaled_dot_product_attention(
            probe.query.view(1, 4, 1, 4).expand(2, -1, -1, -1),
            probe.key(tokens).view(2, 9, 4, 4).transpose(1, 2),
            probe.value(tokens).view(2, 9, 4, 4).transpose(1, 2),
        )
        wanted = probe.classify(probe.norm(looked.transpose(1, 2).reshape(2, 16)))
        assert torch.allclose(probe(tokens), wanted, atol=1e-5)


def test_a_probe_finds_the_one_token_that_tells() -> None:
    torch.manual_seed(0)
    probe, kinds = AttentiveProbe(16, 4), torch.randn(4, 16) * 2
    optimizer = torch.optim.Adam(probe.parameters(), lr=5e-3)

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        wanted = torch.randint(4, (64,))
        tokens = torch.randn(64, 24, 16) * 0.3
        tokens[torch.arange(64), torch.randint(24, (64,))] += kinds[wanted]
        return tokens, wanted

    for _ in range(150):
        tokens, wanted = draw()
        loss = torch.nn.functional.cross_entropy(probe(tokens), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tokens, wanted = draw()
    assert (probe(tokens).argmax(1) == wanted).float().mean() > 0.95


def test_windows_have_a_probability_for_each_class(encoder: Encoder) -> None:
    rng = np.random.default_rng(0)
    windows = [rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8) for n in (16, 6, 16)]
    for task, classes in TASKS.items():
        shares = encoder.classify(windows, task)
        assert [tuple(row) for row in shares] == [classes] * 3
        assert [sum(row.values()) for row in shares] == pytest.approx([1.0] * 3)
        (alone,) = encoder.classify(windows[1:2], task)
        assert list(alone.values()) == pytest.approx(list(shares[1].values()), abs=1e-4)


def test_what_nobody_can_tell(tmp_path: Path, encoder: Encoder) -> None:
    with pytest.raises(UsageError, match="no probe is for 'mood': there are motion, colour"):
        encoder.classify([], "mood")
    plain = load_encoder(save_vjepa(tmp_path / "plain"))
    with pytest.raises(UsageError, match="preset plain brings no probes: preset builtin does"):
        plain.classify([], "motion")


@pytest.mark.parametrize("name", ["heads.json", "heads.safetensors"])
def test_damage_is_refused(tmp_path: Path, folder: Path, name: str) -> None:
    for file in folder.glob("heads.*"):
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[:-40] if file.name == name else content)
    with pytest.raises(WeightsMissing, match=r"^the probes in [^\n]*$"):
        load_probes(tmp_path, CPU)
