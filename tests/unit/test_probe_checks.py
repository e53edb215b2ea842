"""What ``videorlm probe`` refuses, and that it does so before anything costly."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from saved_models import meta_probe, save_vjepa
from saved_probes import card_for, save_random

from rlm.commands import probe
from rlm.encoders import find_weights
from rlm.encoders.probe_files import Trained, default_root
from rlm.errors import UsageError, VideoNotFound, WeightsMissing


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def train(film: Path, *rows: str, task: str = "x", held_out: float = 0.25) -> int:
    file = film.with_name("labels.csv")
    lines = [f"{film},{n}.1,{n}.9,{label}" for n, label in enumerate("ababab")]
    file.write_text("\n".join(["video,start,end,label", *lines, *rows]))
    return probe.train(file, task=task, preset="builtin", seed=0, held_out=held_out)


@pytest.mark.parametrize(
    ("row", "how", "error", "says"),
    [
        ("film.mp4,1,2,rare", {}, UsageError, "the class 'rare' has 1 span, and needs 3"),
        ("film.mp4,1,2,a", {"task": "colour"}, UsageError, "itself brings a probe for 'colour'"),
        ("none.mp4,1,2,a", {}, VideoNotFound, "labels.csv:8: there is no file"),
        ("~backup.mp4,1,2,a", {}, VideoNotFound, "labels.csv:8: there is no file .*/~backup.mp4"),
        ("film.mp4,90,99,a", {}, UsageError, "labels.csv:8: .* holds nothing of film.mp4"),
        ("film.mp4,1,2,a", {"held_out": math.nan}, UsageError, "--held-out is from 0.05 to 0.5"),
    ],
)
def test_cheap_checks_come_first(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, how: dict[str, Any],
    error: type[Exception], says: str,
) -> None:  # fmt: skip
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be indexed")

    monkeypatch.setattr(probe, "open_index", never)
    (tmp_path / "film.mp4").symlink_to(film / "film.mp4")
    with pytest.raises(error, match=says):
        train(tmp_path / "film.mp4", row, **how)


def test_a_predictor_that_does_not_reach(tmp_path: Path) -> None:
    torch.save(meta_probe(48, anticipates=True), tmp_path / "ek100.pt")

    def take(frames: int) -> int:
        folder = save_vjepa(tmp_path / f"of{frames}", frames_per_clip=frames)
        return probe.import_file(
            tmp_path / "ek100.pt", task="next", preset=str(folder), head="verb", classes=None
        )

    with pytest.raises(WeightsMissing, match="of preset of40 was trained on 20"):
        take(40)
    assert take(42) == 0


@pytest.mark.parametrize(("right", "held_out"), [(0, 0), (5, 4)])
def test_a_card_that_cannot_be_is_listed_as_damaged(
    capsys: pytest.CaptureFixture[str], right: int, held_out: int
) -> None:
    how = Trained.model_construct(
        counts={}, split="span", seed=0, right=right, held_out=held_out, apart=None, spans=[]
    )
    spec = find_weights("builtin")
    card = card_for(spec).model_copy(update={"trained": how})
    folder = save_random(default_root(), spec)
    (folder / "probe.json").write_text(card.model_dump_json())
    save_random(default_root(), spec, task="whole")
    assert probe.list_all() == 0
    one, other = capsys.readouterr().out.splitlines()
    assert one.startswith("damaged: ") and other.startswith("whole  builtin@")
