from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from rlm.encoders import load_encoder
from rlm.errors import UsageError
from rlm.spans import Span
from rlm.world.captions import Told
from rlm.world.scene import COLOURS, SHAPES, held_out
from rlm.world.shots import make_shot
from rlm.world.tracks import tracks
from rlm.world.train import loop
from rlm.world.train.batches import Batch, Batches, dense, stream
from rlm.world.train.clips import Mix, _shot, clip_of, draw_clip
from rlm.world.train.export import export
from rlm.world.train.losses import fits, wrong
from rlm.world.train.model import Sizes, Trainee, predict
from rlm.world.train.readers import train_readers, train_text
from rlm.world.train.recipe import Recipe, Run
from rlm.world.train.stages import train_encoder, train_predictor
from rlm.world.windows import account, motion_of

SMALL = Sizes(
    hidden=48,
    layers=1,
    heads=2,
    pred_hidden=48,
    pred_layers=1,
    pred_heads=2,
    queries=1,
    buckets=64,
    text=16,
    inner=16,
    joint=16,
)
SHORT = Recipe(
    encoder_steps=6,
    encoder_batch=4,
    predictor_steps=3,
    predictor_batch=4,
    reader_steps=3,
    reader_batch=4,
    text_steps=3,
    text_batch=4,
    cached=2,
)


def _quiet(line: str) -> None:
    pass


def test_a_batch_follows_from_seed_and_number_alone() -> None:
    batches = Batches(3, 4, Mix())
    again = dict(stream(batches, 1, 3, workers=1))
    for number, batch in again.items():
        assert torch.equal(batch.rgb, batches[number].rgb)
        assert batch.told == batches[number].told
    assert not torch.equal(again[1].rgb, again[2].rgb)


def test_training_never_sees_what_is_held_out() -> None:
    rng = np.random.default_rng(0)
    told = [thing for _ in range(150) for thing in draw_clip(rng, Mix(cut=0.0)).told]
    assert len(told) > 150
    for thing in told:
        assert not held_out(str(thing.colour), str(thing.shape), str(thing.motion))


def test_nothing_turns_into_what_is_held_out() -> None:
    """Not after it turned around or changed colour either."""
    rng = np.random.default_rng(6)
    turned = 0
    for number in range(150):
        shot = _shot(rng, Mix(), Span(0.0, 6.0), 1 + number % 5, plain=True)
        for thing in shot.things:
            turned += len(thing.legs) > 1 or len(thing.colours) > 1
            for colour, leg in product(thing.colours, thing.legs):
                assert not held_out(colour, thing.shape, motion_of(leg))
    assert turned > 20


def test_labels_are_where_things_are() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        shot = make_shot(rng, Span(0.0, 6.0), plain=True)
        clip = clip_of(rng, shot, 1.0, 4.0)
        truth = tracks(shot, 1.0 + np.arange(16) / 4)
        target = dense(Batch.of([clip]), grid=4)
        for tubelet, number in np.argwhere(clip.seen):
            x, y = truth.position[2 * tubelet : 2 * tubelet + 2, number].mean(0)
            token = int(y * 4) * 4 + int(x * 4)
            assert target.centre[0, tubelet, token] and target.on[0, tubelet, token]
            if clip.seen[tubelet].sum() == 1:
                thing = shot.things[number]
                assert SHAPES[target.shape[0, tubelet, token]] == thing.shape
                assert COLOURS[target.colour[0, tubelet, token]] in thing.colours
                offset = target.offset[0, tubelet, token].numpy() / 4
                middle = (np.array([token % 4, token // 4]) + 0.5) / 4
                assert middle + offset == pytest.approx([x, y], abs=1e-5)
        assert not target.on[0][~clip.seen.any(1)].any()


def test_what_is_told_of_a_window_is_what_happens_in_it() -> None:
    rng = np.random.default_rng(2)
    kinds = set()
    for _ in range(60):
        shot = make_shot(rng, Span(0.0, 8.0), things=1, plain=True)
        whole = account(shot, 0, shot.span)
        assert whole is not None
        events = shot.events_of(0)
        assert [kind for kind, _ in whole.told.events] == [event.kind for event in events]
        for event in events:
            kinds.add(event.kind)
            before = account(shot, 0, Span(0.0, event.span.start - 0.1))
            assert before is None or (before.told.events == () and before.sure)
            half = account(shot, 0, Span(0.0, event.span.start + 0.2))
            assert half is None or not half.sure
    assert len(kinds) >= 8


def test_a_moment_is_told_by_what_it_shows() -> None:
    """After a bounce the way back, where the whole clip is told by the way there."""
    rng = np.random.default_rng(7)
    turned = 0
    for _ in range(40):
        shot = make_shot(rng, Span(0.0, 6.0), things=1, kinds=("bounce",), plain=True)
        (bounce,) = shot.events_of(0)
        clip = clip_of(rng, shot, bounce.span.start - 2.0, 4.0)
        legs = shot.things[0].legs
        for tubelet, told in enumerate(clip.moments):
            start = bounce.span.start - 2.0 + tubelet / 2
            if start < bounce.span.end and start + 0.5 > bounce.span.start:
                assert not told  # half of it shows the one, half the other
            elif told:
                leg = [leg for leg in legs if leg.time <= start][-1]
                assert told[0].motion == motion_of(leg) and not told[0].events
                turned += clip.sure and told[0].motion != clip.told[0].motion
    assert turned > 20
    assert not any(clip_of(rng, shot, 1.0, 8.0).moments)
    assert not any(draw_clip(rng, Mix(cut=1.0)).moments)


def test_wrong_captions_are_wrong() -> None:
    rng = np.random.default_rng(4)
    clip = (Told("red", "circle", "up", (("stop", None),)), Told("blue", "ring", "still"))
    assert fits(clip, clip) and fits(clip[:1], clip)
    assert fits((Told(None, "circle", None),), clip)
    assert not fits((Told("blue", "circle", None),), clip)
    assert not any(fits(wrong(clip, rng), clip) for _ in range(200))
    turns = (Told("red", "circle", "up", (("recolour", "cyan"),)),)
    said = {wrong(turns, rng)[0].events for _ in range(600)}
    assert (("recolour", "white"),) in said and (("stop", None),) in said


def test_wrong_captions_name_nothing_that_is_held_out() -> None:
    rng = np.random.default_rng(5)
    clips = [clip.told for clip in (draw_clip(rng, Mix(cut=0.0)) for _ in range(80)) if clip.told]
    for thing in (thing for told in clips for _ in range(5) for thing in wrong(told, rng)):
        for colour in (thing.colour, *(new for _, new in thing.events if new)):
            assert not held_out(str(colour), str(thing.shape), str(thing.motion))


def test_a_stopped_run_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights come out, whether a run is stopped between its steps or not."""
    monkeypatch.setattr(loop, "TELL_EVERY", 1)
    monkeypatch.setattr(loop, "SAVE_EVERY", 0.0)

    def train(folder: Path, *stops: int) -> Trainee:
        folder.mkdir()
        for stop in stops:
            torch.manual_seed(0)
            model = Trainee(SMALL)
            with pytest.raises(KeyboardInterrupt):
                train_encoder(model, Run(SHORT, 0, folder, tell=_stop_at(stop)))
        torch.manual_seed(0)
        model = Trainee(SMALL)
        train_encoder(model, Run(SHORT, 0, folder, tell=_quiet))
        return model

    whole, stopped = train(tmp_path / "a"), train(tmp_path / "b", 3, 3)
    for name, value in whole.state_dict().items():
        assert torch.allclose(value, stopped.state_dict()[name], atol=1e-4), name
    rows = [json.loads(row) for row in (tmp_path / "b/encoder.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_quick_rotary_positions_are_those_of_transformers() -> None:
    from transformers import VJEPA2Model

    torch.manual_seed(0)
    ours = Trainee(Sizes()).vjepa.eval()
    theirs = VJEPA2Model(ours.config).eval()
    theirs.load_state_dict(ours.state_dict())
    pixels = torch.randn(2, 12, 3, 64, 64)
    with torch.no_grad():
        one, other = (
            v.encoder(pixel_values_videos=pixels).last_hidden_state for v in (ours, theirs)
        )
        assert torch.allclose(one, other, atol=1e-4)
        one, other = (predict(v, other[:, :64], 4, 4, 3) for v in (ours, theirs))
        assert torch.allclose(one, other, atol=1e-4)


def _stop_at(count: int):
    told = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == count:
            raise KeyboardInterrupt

    return tell


def test_a_state_of_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    train_encoder(Trainee(SMALL), Run(replace(SHORT, encoder_steps=1), 0, tmp_path, tell=str))
    with pytest.raises(UsageError, match=r"encoder.pt is of another run \(seed 0, not seed 1\)"):
        train_encoder(Trainee(SMALL), Run(SHORT, 1, tmp_path, tell=str))


def test_all_stages_make_weights_that_load(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Trainee(SMALL)
    run = Run(replace(SHORT, encoder_steps=2), 0, tmp_path, tell=_quiet)
    train_encoder(model, run)
    encoder = {k: v.clone() for k, v in model.vjepa.encoder.state_dict().items()}
    predictor = {k: v.clone() for k, v in model.vjepa.predictor.state_dict().items()}
    text = [v.clone() for v in model.joint.parameters()]
    train_predictor(model, run)
    readers = train_readers(model, run)
    train_text(model, run)
    # What is frozen stays as it was; what is trained does not.
    assert all(torch.equal(v, encoder[k]) for k, v in model.vjepa.encoder.state_dict().items())
    assert any(
        not torch.equal(v, predictor[k]) for k, v in model.vjepa.predictor.state_dict().items()
    )
    assert any(not torch.equal(v, w) for v, w in zip(model.joint.parameters(), text, strict=True))
    assert all(parameter.requires_grad for parameter in model.parameters())
    history = {"seed": 0, "stages": loop.minutes(tmp_path)}
    export(model, readers, tmp_path / "weights", history)
    told = json.loads((tmp_path / "weights/training.json").read_text())["stages"]
    assert {name: stage["steps"] for name, stage in told.items()} == {
        "encoder": 2,
        "predictor": 3,
        "readers": 3,
        "text": 3,
    }
    loaded = load_encoder(tmp_path / "weights")
    window = np.zeros((16, 64, 64, 3), np.uint8)
    rows = loaded.encode([window])
    assert rows["joint"].shape == (1, 16)
    assert loaded.encode_text(["a red circle"]).shape == (1, 16)
