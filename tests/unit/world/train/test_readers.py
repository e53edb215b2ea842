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
from rlm.world.train.clips import Mix, draw_clip
from rlm.world.train.model import Sizes, Trainee
from rlm.world.train.readers import (
    SPOKEN,
    TASKS,
    _sure,
    new_captioner,
    train_captioner,
    train_probes,
    vocabulary,
)
from rlm.world.train.stages import Recipe

SMALL = Sizes(48, 1, 2, pred_hidden=24, pred_layers=1, pred_heads=1, queries=1, buckets=64)
SHORT = Recipe(reader_steps=3, reader_batch=6, cached=2, renewed=2)
CPU = torch.device("cpu")


def _quiet(line: str) -> None:
    pass


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


def test_a_captioner_goes_on_where_it_was(model: Trainee, tmp_path: Path) -> None:
    said: list[str] = []
    train_captioner(model, SHORT, 0, tmp_path, CPU, said.append)
    assert said[-1].startswith("captioner 3/3")
    again = train_captioner(model, replace(SHORT, reader_steps=5), 0, tmp_path, CPU, said.append)
    assert said[-1].startswith("captioner 5/5") and len(said) == 2
    assert (tmp_path / "captioner.jsonl").read_text().count("\n") == 2
    done = train_captioner(model, replace(SHORT, reader_steps=5), 0, tmp_path, CPU, said.append)
    assert len(said) == 2
    for one, other in zip(again.parameters(), done.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_probe_for_each_task(model: Trainee, tmp_path: Path) -> None:
    probes = train_probes(model, SHORT, 0, tmp_path, CPU, _quiet)
    assert {task: classes for task, (_, classes) in probes.items()} == dict(TASKS)
    for probe, classes in probes.values():
        assert probe(torch.zeros(2, 5, SMALL.hidden)).shape == (2, len(classes))


def test_the_encoder_is_left_as_it_was(model: Trainee, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train_probes(model, SHORT, 1, tmp_path, CPU, _quiet)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_only_what_is_sure_is_taught() -> None:
    rng = np.random.default_rng(1)
    batch = Batch.of([draw_clip(rng, Mix(cut=0.2)) for _ in range(60)])
    rows = _sure(batch)
    assert 0 < len(rows) < 60
    assert all(batch.told[row] and batch.sure[row] for row in rows)
    assert not any(batch.told[row] and batch.sure[row] for row in set(range(60)) - {*rows})
