"""What the predictor's tools owe their callers, with the presets that have a predictor.

The presets' own pictures, windows and ranges, on models that are narrow and shallow; ``balanced``
differs from ``fast`` in its widths alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from broken import moving_film
from saved_models import save_vjepa

from rlm.errors import SpaceMismatch, UsageError
from rlm.index import VideoIndex
from rlm.prediction import (
    anticipate,
    find_anomalies,
    order_segments,
    predict,
    rank_futures,
    summarize,
    surprise_curve,
    transition_graph,
    verify,
)
from rlm.spans import Span
from rlm.world.files import write_pictures

HUB = {
    "fast": ("vjepa2-vitl-fpc64-256", 256),
    "quality": ("vjepa2-vitg-fpc64-384", 384),
}


@pytest.fixture(scope="module", params=["builtin", *HUB])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VideoIndex:
    """Of a film of two shots, 6 s."""
    folder = tmp_path_factory.mktemp("contract")
    film = write_pictures(moving_film(5, 2, 3.0), folder / "film.mp4", fps=8, side=96)
    with pytest.MonkeyPatch.context() as patch:
        if request.param in HUB:
            name, crop = HUB[request.param]
            save_vjepa(folder / name, crop=crop, frames_per_clip=64)
            patch.setenv("VIDEORLM_WEIGHTS", str(folder))
        return VideoIndex.build(film, request.param, cache=folder / "cache")


def test_tokens_seen_and_foretold_share_a_space(index: VideoIndex) -> None:
    encoder = index.encoder()
    pictures = np.random.default_rng(0).integers(
        0, 256, (6, encoder.crop, encoder.crop, 3), dtype=np.uint8
    )
    (seen,) = encoder.features([pictures])
    ((context, expected),) = encoder.predict([pictures], 2)
    assert np.allclose(seen, context, atol=1e-2)
    assert expected.shape == (2, *seen.shape[1:])
    whole = encoder.encode([pictures])
    for track, vectors in encoder.pool([seen]).items():
        assert np.allclose(vectors, whole[track], atol=1e-2), track
    with pytest.raises(UsageError, match="token map"):
        encoder.pool([seen[:, :-1]])


def test_every_judgement_tells_its_space(index: VideoIndex) -> None:
    space = index.encoder().spec.tubelet_space
    before, after = Span(0.5, 1.5), Span(1.5, 2.5)
    told = [
        *predict(index, before, horizon=0.5, steps=2),
        verify(index, before, after),
        surprise_curve(index, Span(0.0, 2.0)),
        *find_anomalies(index, 1),
        *summarize(index, 2),
        order_segments(index, [after, before]),
        *rank_futures(index, before, [after, Span(4.0, 5.0)]),
    ]
    assert {one.space for one in told} <= {space, "pixels"}
    assert all(one.method and one.start < one.end for one in told)
    (guess, *_) = anticipate(index, before, 0.5)
    assert guess.space in index.spaces.values()
    assert transition_graph(index).space in index.spaces.values()


def test_a_future_is_not_searched_for_in_another_space(index: VideoIndex) -> None:
    (future,) = predict(index, Span(0.5, 1.5), horizon=0.5)
    if future.space not in index.spaces.values():
        with pytest.raises(SpaceMismatch, match=future.space):
            index.nearest(future.embedding)
    else:
        assert index.nearest(future.embedding, 1)[0].space == future.space


BEYOND: dict[str, Callable[[VideoIndex], object]] = {
    "predict": lambda index: predict(index, Span(0, 2), horizon=60),
    "steps": lambda index: predict(index, Span(0, 2), horizon=1.0, steps=100),
    "anticipate": lambda index: anticipate(index, Span(0, 2), 60),
    "tubelets": lambda index: index.encoder().predict(
        [np.zeros((4, index.encoder().crop, index.encoder().crop, 3), np.uint8)],
        index.encoder().reach,
    ),
}


@pytest.mark.parametrize("what", BEYOND)
def test_beyond_the_trained_range_is_an_error(index: VideoIndex, what: str) -> None:
    with pytest.raises(UsageError, match="range"):
        BEYOND[what](index)


def test_candidates_need_a_text_side(index: VideoIndex) -> None:
    candidates = ["a cat", "a dog"]
    if index.text_space is None:
        with pytest.raises(UsageError, match="compares no text"):
            anticipate(index, Span(0.5, 1.5), 0.5, candidates)
        return
    told = anticipate(index, Span(0.5, 1.5), 0.5, candidates)
    assert {one.label for one in told} == {*candidates}
    assert {one.space for one in told} == {index.text_space}
