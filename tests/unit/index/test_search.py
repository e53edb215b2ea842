from __future__ import annotations

import numpy as np

from rlm.encoders import Embedding
from rlm.index.search import POOL, nearest, touching
from rlm.index.snapshot import Field
from rlm.index.storage.store import Track
from rlm.spans import Span


def test_touching_is_half_open() -> None:
    spans = np.array([[0.0, 4.0], [4.0, 8.0], [8.0, 9.0]])
    assert touching(spans, Span(4.0, 8.0)).tolist() == [False, True, False]
    assert touching(spans, Span(3.9, 8.1)).tolist() == [True, True, True]
    assert touching(spans, Span(4.0, 4.0)).tolist() == [False, True, False]
    assert touching(spans, Span(9.0, 9.5)).tolist() == [False, False, False]


def test_fewer_hits_are_the_first_of_more_and_the_best_is_the_first() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    edges = np.arange(401) * 8.0  # further apart than the reach of what no model made
    spans = np.stack([edges[:-1], edges[:-1] + 4], axis=1)
    field = Field("look", "look", Track("s", "t", vectors), spans, None)
    example = Embedding("s", vectors[7])
    shots = edges[:-1]
    plain = nearest(field, example, 400, None, (), None)
    many = nearest(field, example, 400, None, (), shots)
    assert set(many) == set(plain) and many[POOL:] == plain[POOL:]
    assert many[0] == plain[0] and many != plain
    for k in (1, 3, POOL, POOL + 1):
        assert nearest(field, example, k, None, (), shots) == many[:k]
