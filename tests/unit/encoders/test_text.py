"""The joint space of the built-in weights: what it was trained to tell apart, it tells apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm import world
from rlm.encoders import Encoder, find_weights, load_encoder
from rlm.encoders.heads import JointHeads, word_features
from rlm.errors import UsageError, WeightsMissing
from rlm.world.captions import Told, describe

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "triangle")
MOTIONS = {"right": "to the right", "left": "to the left", "up": "up", "down": "down"}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("builtin")


def test_the_right_caption_comes_first(encoder: Encoder, draw: Callable[..., np.ndarray]) -> None:
    scenes = list(product(COLOURS, SHAPES, MOTIONS))
    clips = [draw(*scene, seed=seed) for seed, scene in enumerate(scenes)]
    captions = [f"a {colour} {shape} moves {MOTIONS[way]}" for colour, shape, way in scenes]
    similarity = encoder.encode_text(captions) @ encoder.encode(clips)["joint"].T  # [text, clip]
    right = np.arange(len(scenes))
    text_to_clip = (similarity.argmax(axis=1) == right).mean()
    clip_to_text = (similarity.argmax(axis=0) == right).mean()
    # Each has neighbours that differ in one attribute alone; chance is .02, measured .88 and .92.
    assert text_to_clip > 0.8 and clip_to_text > 0.8


def test_wording_and_case_matter_little(encoder: Encoder) -> None:
    said, shouted, other, opposite = encoder.encode_text(
        [
            "a red circle moves to the right",
            "A RED CIRCLE moves, to the right!",
            "the red disc glides rightwards",
            "a red circle moves to the left",
        ]
    )
    assert said @ shouted == pytest.approx(1.0, abs=1e-5)
    assert said @ other > said @ opposite


def test_it_mostly_knows_whose_colour_is_whose(encoder: Encoder) -> None:
    """Another wording of two things is nearer than the one in which they have changed colours."""
    rng = np.random.default_rng(5)
    nearer = []
    while len(nearer) < 150:
        names = (world.COLOURS, world.SHAPES, world.MOTIONS)
        one, other = (Told(*(str(rng.choice(each)) for each in names)) for _ in range(2))
        if one.colour == other.colour or one.shape == other.shape:
            continue
        swapped = (replace(one, colour=other.colour), replace(other, colour=one.colour))
        said = [describe(things, rng) for things in ((one, other), (one, other), swapped)]
        caption, same, wrong = encoder.encode_text(said)
        nearer.append(caption @ same > caption @ wrong)
    assert np.mean(nearer) > 0.6  # chance is .5, measured .74


def test_text_lives_in_the_joint_space(encoder: Encoder) -> None:
    assert encoder.text_space == encoder.tracks["joint"] != encoder.tracks["vjepa"]
    vectors = encoder.encode_text(["x", "", "größer 円"])
    assert vectors.shape == (3, 128) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    with pytest.raises(UsageError, match="no text"):
        encoder.encode_text([])


@given(st.text(max_size=40))
def test_every_word_has_features(text: str) -> None:
    words = word_features(text, 2048)
    assert all(word and all(0 <= bucket < 2048 for bucket in word) for word in words)
    assert words == word_features(f"  {text}?!", 2048)


def test_features_are_words_pairs_and_trigrams() -> None:
    red, box = word_features("red box", 1 << 30)
    assert len(red) == len(box) == 1 + 1 + 3
    _, after, same = word_features("a RED, box", 1 << 30)
    assert same == box
    assert len({*red} & {*after}) == 1 + 3  # all but what comes before it
    # A word that was never met shares letters with its kin.
    assert len({*word_features("reddish", 1 << 30)[0]} & {*red}) == 2


def test_long_and_short_texts_together_are_as_alone(encoder: Encoder) -> None:
    texts = ["red", "a red circle moves up and then stops", "word " * 100]
    together = encoder.encode_text(texts)
    for text, vector in zip(texts, together, strict=True):
        assert encoder.encode_text([text])[0] == pytest.approx(vector, abs=1e-5)


@pytest.mark.parametrize("name", ["heads.json", "heads.safetensors"])
def test_damaged_heads_are_refused(tmp_path: Path, name: str) -> None:
    for file in find_weights("builtin").folder.glob("heads.*"):
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[:-40] if file.name == name else content)
    with pytest.raises(WeightsMissing, match="the heads in"):
        JointHeads.load(tmp_path)
