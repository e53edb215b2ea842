"""Tokens that say what lies on them, and the things that follow from it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from saved_heads import save_seeing
from saved_models import save_vjepa

from rlm.encoders import Encoder, load_encoder
from rlm.encoders.objects import ObjectHead, Objects, Sight
from rlm.errors import UsageError, WeightsMissing
from rlm.world.scene import COLOURS, SHAPES
from rlm.world.train.batches import Batch, dense
from rlm.world.train.clips import Mix, draw_clip

GRID = 4
COLUMNS = 2 + len(COLOURS) + len(SHAPES) + 5
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def objects() -> Objects:
    """A head that reads its columns off the token: tokens below are what it says."""
    head = ObjectHead(COLUMNS, len(COLOURS), len(SHAPES))
    with torch.no_grad():
        head.read.weight.copy_(torch.eye(COLUMNS))
        head.read.bias.zero_()
    return Objects(head, COLOURS, SHAPES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_seeing(tmp_path_factory.mktemp("weights") / "seeing")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder)


def _said(batch: Batch) -> torch.Tensor:
    """What a head that makes no mistake says of a batch, [B, tubelets, G * G, columns]."""
    target = dense(batch, GRID)

    def one_hot(numbers: torch.Tensor, count: int) -> torch.Tensor:
        return 12.0 * torch.nn.functional.one_hot(numbers, count)

    def sign(yes: torch.Tensor) -> torch.Tensor:
        return torch.where(yes, 6.0, -6.0)[..., None]

    parts = [
        sign(target.on),
        sign(target.centre),
        one_hot(target.colour, len(COLOURS)),
        one_hot(target.shape, len(SHAPES)),
        target.offset,
        target.motion,
        target.radius[..., None],
    ]
    return torch.cat(parts, dim=-1).float()


def test_what_tokens_say_of_a_clip_becomes_its_things(objects: Objects) -> None:
    rng = np.random.default_rng(0)
    batch = Batch.of([draw_clip(rng, Mix(cut=0.0)) for _ in range(24)])
    found = objects.sights(_said(batch))
    there = matched = 0
    for clip, tubelets in enumerate(found):
        assert len(tubelets) == batch.seen.size(1)
        there += int(batch.seen[clip].sum())
        for d, sight in ((d, sight) for d, sights in enumerate(tubelets) for sight in sights):
            (number,) = [
                n
                for n in range(batch.seen.size(2))
                if batch.seen[clip, d, n] and COLOURS[batch.colour[clip, d, n]] == sight.colour
            ]
            assert sight.shape == SHAPES[batch.shape[clip, d, number]]
            assert (sight.x, sight.y) == pytest.approx(batch.position[clip, d, number].tolist())
            assert (sight.dx, sight.dy) == pytest.approx(
                batch.motion[clip, d, number].tolist(), abs=1e-6
            )
            assert sight.radius == pytest.approx(float(batch.radius[clip, d, number]), rel=1e-4)
            matched += 1
    # Nothing is invented; of two that touch, one may own all tokens.
    assert matched >= 0.99 * there > 0


def _token(objects: Objects, place: tuple[int, int], **said: float | str) -> torch.Tensor:
    """The columns of the token at ``place`` that points to ``x``, ``y``."""
    token = torch.zeros(COLUMNS)
    token[0], token[1] = float(said.get("sure", 6.0)), float(said.get("centre", -6.0))
    token[2 + COLOURS.index(str(said["colour"]))] = 8.0
    token[2 + len(COLOURS)] = 8.0
    middle = [(place[0] + 0.5) / GRID, (place[1] + 0.5) / GRID]
    token[-5] = (float(said["x"]) - middle[0]) * GRID
    token[-4] = (float(said["y"]) - middle[1]) * GRID
    token[-1] = float(said.get("radius", 0.12)) * GRID
    return token


def _see(objects: Objects, tokens: dict[tuple[int, int], torch.Tensor]) -> list[Sight]:
    grid = torch.full((GRID, GRID, COLUMNS), 0.0)
    grid[..., :2] = -6.0
    for (x, y), token in tokens.items():
        grid[y, x] = token
    ((sights,),) = objects.sights(grid.view(1, 1, GRID * GRID, COLUMNS))
    return sights


def test_tokens_of_one_thing_speak_with_one_voice(objects: Objects) -> None:
    left = _token(objects, (1, 1), colour="red", x=0.48, y=0.4)
    right = _token(objects, (2, 1), colour="red", x=0.52, y=0.4)
    (sight,) = _see(objects, {(1, 1): left, (2, 1): right})
    assert (sight.x, sight.y, sight.colour) == (pytest.approx(0.5), pytest.approx(0.4), "red")
    assert sight.score > 0.99 and sight.radius == pytest.approx(0.12)


def test_an_edge_that_speaks_of_another_colour_is_no_second_thing(objects: Objects) -> None:
    sure = _token(objects, (1, 1), colour="red", x=0.4, y=0.4, centre=6.0)
    edge = _token(objects, (2, 1), colour="orange", x=0.5, y=0.4, sure=1.0)
    (sight,) = _see(objects, {(1, 1): sure, (2, 1): edge})
    assert (sight.x, sight.colour) == (pytest.approx(0.4), "red")


def test_two_that_touch_are_two(objects: Objects) -> None:
    one = _token(objects, (1, 1), colour="red", x=0.4, y=0.4)
    other = _token(objects, (2, 1), colour="blue", x=0.62, y=0.4)
    assert {s.colour for s in _see(objects, {(1, 1): one, (2, 1): other})} == {"red", "blue"}


def test_nothing_is_seen_in_nothing(objects: Objects) -> None:
    assert _see(objects, {}) == []
    assert objects.sights(torch.zeros(0, 8, GRID * GRID, COLUMNS)) == []
    unsure = _token(objects, (1, 1), colour="red", x=0.4, y=0.4, sure=-0.2)
    assert _see(objects, {(1, 1): unsure}) == []


class TestLoaded:
    def test_the_head_that_was_saved(self, folder: Path) -> None:
        objects = Objects.load(folder, CPU)
        assert objects is not None
        assert objects.colours == COLOURS and objects.shapes == SHAPES
        assert objects.head.read.weight.dtype == torch.float32

    def test_weights_without_one(self, tmp_path: Path, folder: Path) -> None:
        told = json.loads((folder / "heads.json").read_text())
        del told["objects"]
        (tmp_path / "heads.json").write_text(json.dumps(told))
        assert Objects.load(tmp_path, CPU) is None

    @pytest.mark.parametrize("name", ["heads.json", "heads.safetensors"])
    def test_damage_is_refused(self, tmp_path: Path, folder: Path, name: str) -> None:
        for file in folder.glob("heads.*"):
            content = file.read_bytes()
            (tmp_path / file.name).write_bytes(content[:-40] if file.name == name else content)
        with pytest.raises(WeightsMissing, match=r"^the object head in [^\n]*$"):
            Objects.load(tmp_path, CPU)


class TestEncoder:
    def test_windows_of_mixed_length_come_back_in_order(self, encoder: Encoder) -> None:
        rng = np.random.default_rng(0)
        windows = [rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8) for n in (16, 4, 16, 3)]
        together = encoder.detect(windows)
        for window, tubelets in zip(windows, together, strict=True):
            (alone,) = encoder.detect([window])
            assert len(alone) == len(tubelets) == math.ceil(len(window) / 2)
            for one, other in zip(alone, tubelets, strict=True):
                assert one and [s.colour for s in one] == [s.colour for s in other]
                assert [s.x for s in one] == pytest.approx([s.x for s in other], abs=1e-3)

    def test_only_kept_tubelets_speak(self, encoder: Encoder) -> None:
        window = np.random.default_rng(1).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
        (all_of_it,) = encoder.detect([window])
        (kept,) = encoder.detect([window], keep=[(6, 11)])
        assert kept == all_of_it[3:6]
        with pytest.raises(UsageError, match="kept"):
            encoder.detect([window], keep=[(5, 16)])

    def test_what_is_no_window_is_refused(self, encoder: Encoder) -> None:
        with pytest.raises(UsageError, match="window"):
            encoder.detect([np.zeros((16, 32, 32, 3), np.uint8)])

    def test_other_weights_say_that_they_cannot(self, tmp_path: Path) -> None:
        blind = load_encoder(save_vjepa(tmp_path / "blind"))
        with pytest.raises(UsageError, match="preset blind brings no object head"):
            blind.detect([])
