"""Futures: from the context alone, within the trained range, beside copying."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import predict
from rlm.prediction.energy import foresee
from rlm.prediction.reading import context_before, following
from rlm.spans import Span


def shot(index: VideoIndex, seconds: float = 2.5) -> Span:
    """The beginning of a shot that goes on for two seconds more."""
    scene = next(s for s in index.scenes() if s.end - s.start > seconds + 1)
    return Span(scene.start, scene.start + seconds)


def test_each_step_has_its_time(index: VideoIndex) -> None:
    span = shot(index, 2.0)
    futures = predict(index, span, horizon=0.5, steps=3)
    starts = [future.start for future in futures]
    assert starts == pytest.approx([span.end + s for s in (0.5, 1.0, 1.5)], abs=0.26)
    assert all(0 < future.end - future.start <= 0.5 + 1e-6 for future in futures)
    for future in futures:
        assert future.space == index.encoder().spec.tubelet_space
        assert np.linalg.norm(future.embedding.vector) == pytest.approx(1, abs=1e-3)
        assert -1 <= future.score <= 1 and future.energy > 0 and future.copy_energy > 0


def test_nothing_of_what_follows_is_in_it(index: VideoIndex) -> None:
    """The same context foretells the same, whatever comes."""
    context = context_before(index, shot(index), 4)
    came = following(index, shot(index).end, 2)
    other = np.random.default_rng(0).integers(0, 256, came.pictures.shape, dtype=np.uint8)
    (one,) = foresee(index.encoder(), [context.pictures], [came.pictures], 3)
    (two,) = foresee(index.encoder(), [context.pictures], [other], 3)
    assert np.array_equal(one.expected, two.expected) and np.array_equal(one.last, two.last)
    assert not np.allclose(one.real, two.real)
    assert one.energy.shape == one.copy_energy.shape == (2,)


def test_it_is_what_the_model_itself_says(index: VideoIndex) -> None:
    """Against the predictor called by hand on the first tokens of a clip."""
    encoder = index.encoder()
    context = context_before(index, shot(index), 3)
    ((seen, foretold),) = encoder.predict([context.pictures], 2)
    predictor, grid = encoder._predictor, 16
    tokens = torch.from_numpy(encoder.encode_tokens(context.pictures))
    ids = torch.arange(5 * grid)[None]
    by_hand = predictor(
        tokens.view(1, 3 * grid, -1).to(predictor.proj.weight.dtype),
        [ids[:, : 3 * grid]],
        [ids[:, 3 * grid :]],
    ).last_hidden_state
    assert np.array_equal(seen, encoder.features([context.pictures])[0])
    assert np.allclose(foretold, by_hand.view(2, grid, -1).detach().float().numpy(), atol=2e-2)


def test_where_the_video_ends_nothing_is_compared(index: VideoIndex) -> None:
    end = index.video.span.end
    (future,) = predict(index, Span(end - 2, end), horizon=0.5)
    assert (future.score, future.energy, future.copy_energy) == (None, None, None)
    assert future.start == pytest.approx(end + 0.5)


def test_a_context_stays_within_its_shot(index: VideoIndex) -> None:
    scene = index.scenes()[2]
    context = context_before(index, Span(scene.start - 2, scene.start + 1.0), 6)
    assert context.spans[0, 0] >= scene.start - 1e-6
    assert context.spans[-1, 1] == scene.start + 1.0
    assert len(context) <= 2 and len(context.pictures) == 2 * len(context)


def test_other_moments_are_looked_up_where_there_are_vectors(
    index: VideoIndex, deep: VideoIndex
) -> None:
    span = shot(deep)
    assert predict(index, span)[0].nearest == ()
    (future,) = predict(deep, span, k=2)
    assert len(future.nearest) == 2
    for hit in future.nearest:
        assert hit.space == future.space
        assert hit.end <= span.start or hit.start >= future.end


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"horizon": 9.0}, "1 steps of 9 s are out of the trained range: .* 0 to 3 s"),
        ({"horizon": 1.0, "steps": 4}, "out of the trained range"),
        ({"horizon": -1.0}, "out of the trained range"),
        ({"horizon": float("nan")}, "out of the trained range"),
        ({"horizon": 0.1, "steps": 3}, "at least 0.5 s apart"),
        ({"steps": 0}, "whole number from 1"),
        ({"steps": True}, "whole number from 1"),
    ],
)
def test_what_is_out_of_range_says_the_range(
    index: VideoIndex, arguments: dict[str, float], error: str
) -> None:
    with pytest.raises(UsageError, match=error):
        predict(index, shot(index), **arguments)


def test_too_short_a_span(index: VideoIndex) -> None:
    with pytest.raises(UsageError, match=r"less than 0\.5 s of one shot"):
        predict(index, Span(2.0, 2.2))
