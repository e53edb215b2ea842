"""What reads the frozen encoder: its words, its size, and that it goes on where it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rlm.world.captions import Told, describe
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES
from rlm.world.train.batches import Batch
from rlm.world.train.clips import TUBELET, Mix, draw_clip
from rlm.world.train.losses import SPOKEN
from rlm.world.train.model import TASKS, Sizes, Trainee, layer_norm
from rlm.world.train.readers import (
    Readers,
    _text_features,
    new_captioner,
    train_readers,
    vocabulary,
)
from rlm.world.train.recipe import Recipe, Run

SMALL = Sizes(48, 1, 2, pred_hidden=24, pred_layers=1, pred_heads=1, queries=1, buckets=64)
SHORT = Recipe(reader_steps=3, reader_batch=6, cached=2, renewed=2)


@pytest.fixture(scope="module")
def model() -> Trainee:
    torch.manual_seed(0)
    return Trainee(SMALL)


def test_the_words_are_enough_for_every_plain_caption() -> None:
    words, rng = vocabulary(), np.random.default_rng(0)
    assert len(words) < 100
    for _ in range(200):
        told = draw_clip(rng, Mix(things=(0.3, 0.3, 0.4, 0.0, 0.0), cut=0.0, held=None)).told
        if told:
            text = describe(told[:SPOKEN])
            assert words.decode(words.encode(text)) == text


def test_every_thing_that_can_be_told_has_words() -> None:
    words = vocabulary()
    for number, (motion, kind) in enumerate((m, k) for m in MOTIONS for k in EVENTS):
        colour, shape = COLOURS[number % 8], SHAPES[number % 5]
        new = COLOURS[(number + 1) % 8] if kind == "recolour" else None
        text = describe([Told(colour, shape, motion, ((kind, new),))])
        assert words.decode(words.encode(text)) == text


def test_the_captioner_is_small() -> None:
    captioner = new_captioner(Sizes().hidden)
    assert sum(parameter.numel() for parameter in captioner.parameters()) < 1.2e6


def test_readers_go_on_where_they_were(model: Trainee, tmp_path: Path) -> None:
    said: list[str] = []

    def train(steps: int) -> Readers:
        recipe = replace(SHORT, reader_steps=steps)
        return train_readers(model, Run(recipe, 0, tmp_path, tell=said.append))

    train(3)
    assert said[-1].startswith("readers 3/3")
    again = train(5)
    assert said[-1].startswith("readers 5/5") and len(said) == 2
    assert (tmp_path / "readers.jsonl").read_text().count("\n") == 2
    done = train(5)
    assert len(said) == 2
    for one, other in zip(again.parameters(), done.parameters(), strict=True):
        assert torch.equal(one, other)
    for task, names in TASKS.items():
        assert done.probes[task](torch.zeros(2, 5, SMALL.hidden)).shape == (2, len(names))


def test_the_encoder_is_left_as_it_was(model: Trainee, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in model.vjepa.state_dict().items()}
    train_readers(model, Run(SHORT, 1, tmp_path, tell=str))
    assert all(torch.equal(before[name], v) for name, v in model.vjepa.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_only_what_is_sure_is_taught() -> None:
    rng = np.random.default_rng(1)
    batch = Batch.of([draw_clip(rng, Mix(cut=0.2)) for _ in range(60)])
    rows = [row for row, told in enumerate(batch.certain) if told]
    assert 0 < len(rows) < 60
    for row in range(60):
        assert (row in rows) == bool(batch.told[row] and batch.sure[row])


def test_the_text_side_reads_moments_that_came_and_moments_that_are_foretold(
    model: Trainee, tmp_path: Path
) -> None:
    """Each is one tubelet of its own clip, told by what that tubelet shows."""
    rng = np.random.default_rng(2)
    batch = Batch.of([draw_clip(rng, Mix(fast=0.0, cut=0.0)) for _ in range(8)])
    # What is told of a moment is replaced by where it is from.
    marked = tuple(
        tuple((Told(str(row), str(at), None),) for at in range(8)) for row in range(len(batch.rgb))
    )
    run = Run(SHORT, 0, tmp_path)
    with torch.no_grad():
        found = _text_features(model, run)(0, replace(batch, moments=marked))
        pixels = run.pixels(batch.rgb)
        came = layer_norm(model.encode(pixels)).unflatten(1, (8, -1))
        foretold = {
            kept: model.predict(model.encode(pixels[:, : TUBELET * kept]), kept, 8 - kept)
            for kept in range(2, 7)
        }
    _, _, shown, told = found
    for row, (tokens, (one,)) in enumerate(zip(shown, told, strict=True)):
        assert one.colour == str(row)
        at = int(str(one.shape))
        if row >= 4:
            close = [torch.allclose(tokens.float(), came[row, at], atol=0.05)]
        else:
            close = [
                torch.allclose(
                    tokens.float(), ahead[row].unflatten(0, (8 - kept, -1))[at - kept], atol=0.05
                )
                for kept, ahead in foretold.items()
                if at >= kept
            ]
        assert any(close)
