"""What a span shows: by probes of the weights and of the user, and by words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from saved_models import meta_probe, save_vjepa
from saved_probes import card_for, save_random

from rlm.encoders.meta_probes import read_meta
from rlm.encoders.probe_files import save_probe
from rlm.errors import UsageError, WeightsMissing
from rlm.index import VideoIndex
from rlm.prediction import classify
from rlm.prediction.classify import windows_of
from rlm.spans import Span


def test_windows_are_averaged_by_their_length(index: VideoIndex, tmp_path: Path) -> None:
    cut = index.scenes()[1].start
    span = Span(cut - 1.5, cut + 3.0)
    encoder = index.encoder()
    windows = list(windows_of(index, span, encoder, index.kept_frames(encoder.fps)))
    assert [window.span.duration for window in windows] == pytest.approx([1.5, 3.0], abs=0.05)
    shares = encoder.classify([window.pictures for window in windows], "colour")
    found = classify(index, span, "colour", k=3, root=tmp_path)
    assert len(found) == 3 and found == sorted(found, key=lambda each: -each.score)
    lengths = [window.span.duration for window in windows]
    for each in found:
        mean = np.average([row[each.label] for row in shares], weights=lengths)
        assert each.probability == each.score == pytest.approx(mean, abs=1e-5)
        assert (each.start, each.end) == (span.start, span.end)
        assert each.space == f"seeing@{encoder.revision}/probes/colour"
        assert each.method == "attentive probe of the weights on V-JEPA tokens"


def test_labels_are_compared_in_the_space_of_text(index: VideoIndex) -> None:
    labels = ["a red circle", "a blue  square moves left ", "nothing"]
    found = classify(index, Span(1, 3), labels=labels)
    seen = index.embed(Span(1, 3), "joint")
    for each in found:
        assert each.score == pytest.approx(
            seen.similarity(index.embed(each.label, "joint")), abs=1e-5
        )
    assert {each.label for each in found} == {"a red circle", "a blue square moves left", "nothing"}
    assert {each.probability for each in found} == {None}
    assert found == sorted(found, key=lambda each: -each.score)
    assert {each.space for each in found} == {index.text_spaces["joint"]}
    assert {each.method for each in found} == {"similarity to the labels in the field joint"}


def test_a_probe_of_the_user(index: VideoIndex, tmp_path: Path) -> None:
    spec = index.encoder().spec
    save_random(tmp_path, spec)
    one, two = classify(index, Span(1, 3), "mood", root=tmp_path)
    assert {one.label, two.label} == {"calm", "wild"}
    assert one.probability + two.probability == pytest.approx(1)
    assert one.method == "attentive probe on V-JEPA tokens, made by a test"
    # It is shown as many pictures, at the rate, that it was trained on.
    save_random(tmp_path, spec, frames=4, fps=2.0)
    other = {each.label: each for each in classify(index, Span(1, 3), "mood", root=tmp_path)}
    assert other[one.label].probability != one.probability


def test_what_follows_is_told_from_the_last_window(index: VideoIndex, tmp_path: Path) -> None:
    torch.save(meta_probe(48, anticipates=True), tmp_path / "ek100.pt")
    state = read_meta(tmp_path / "ek100.pt", "verb").state
    how = {"form": "pooler", "classes": list("abcd"), "frames": 8, "fps": 8.0, "ahead": 0.5}
    save_probe(tmp_path, card_for(index.encoder().spec, task="next", **how), state)
    scene = max(index.scenes(), key=lambda each: each.end - each.start)
    end = scene.start + 2.5
    found = classify(index, Span(scene.start, end), "next", root=tmp_path)
    last = classify(index, Span(end - 1.0, end), "next", root=tmp_path)
    assert found[0].method.endswith("made by a test, 0.5 s ahead")
    assert [each.probability for each in found] == [each.probability for each in last]


def test_an_unknown_task_says_what_there_is_and_how_to_get_more(
    index: VideoIndex, tmp_path: Path
) -> None:
    save_random(tmp_path, index.encoder().spec)
    with pytest.raises(WeightsMissing) as caught:
        classify(index, Span(1, 3), root=tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for said in (
        "no probe for 'action' with preset seeing (there are motion, colour, shape, event, mood)",
        "videorlm probe train LABELS.csv --task action",
        "videorlm probe import FILE.pt --task action",
        "facebook/vjepa2-vitl-fpc16-256-ssv2",
    ):
        assert said in message
    spec = replace(index.encoder().spec, revision="0" * 12)
    save_random(tmp_path, spec, task="pace")
    with pytest.raises(
        WeightsMissing, match=r"the probe for 'pace' reads seeing@000000000000, not"
    ):
        classify(index, Span(1, 3), "pace", root=tmp_path)


@pytest.mark.parametrize(
    ("labels", "k", "says"),
    [
        ([], 5, "labels are 2 to 100 different texts"),
        (["a"], 5, "labels are 2 to 100 different texts"),
        (["a", "a "], 5, "labels are 2 to 100 different texts"),
        (["a", " "], 5, "none empty"),
        ([str(n) for n in range(101)], 5, "labels are 2 to 100 different texts"),
        ("ab", 5, "labels are a list of texts"),
        (["a", 3], 5, "labels are a list of texts"),
        (["a", "b"], 0, "k is a whole number"),
        (["a", "b"], True, "k is a whole number"),
    ],
)
def test_calls_that_make_no_sense(index: VideoIndex, labels: object, k: int, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        classify(index, Span(1, 3), labels=labels, k=k)


def test_weights_without_a_text_side_say_so(film: Path, tmp_path: Path) -> None:
    plain = save_vjepa(tmp_path / "plain")
    blind = VideoIndex.build(film / "film.mp4", plain, cache=tmp_path / "cache")
    with pytest.raises(UsageError, match="preset plain at tier 2 has no text side"):
        classify(blind, Span(1, 3), labels=["a", "b"])
    with pytest.raises(WeightsMissing, match=r"with preset plain \(nor for anything else\)"):
        classify(blind, Span(1, 3), root=tmp_path)
