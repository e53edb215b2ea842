from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.encoders import Embedding
from rlm.encoders.embedding import normalise
from rlm.errors import SpaceMismatch, UsageError


def _unit(*values: float) -> np.ndarray:
    return normalise(np.array(values, dtype=np.float32))


def test_similarity_is_the_cosine() -> None:
    one, other = Embedding("a", _unit(1, 0)), Embedding("a", _unit(1, 1))
    assert one.similarity(other) == pytest.approx(0.5**0.5)
    assert one.similarity(one) == pytest.approx(1.0)


def test_spaces_are_never_mixed() -> None:
    with pytest.raises(SpaceMismatch, match=r"a@1/x .*b@2/y"):
        Embedding("a@1/x", _unit(1, 0)).similarity(Embedding("b@2/y", _unit(1, 0)))
    with pytest.raises(SpaceMismatch):
        Embedding("a", _unit(1, 0)).similarity(Embedding("a", _unit(1, 0, 0)))


@pytest.mark.parametrize(
    "vector", [[3.0, 4.0], [0.0, 0.0], [float("nan"), 1.0], [[1.0, 0.0]], [], 1.0]
)
def test_only_unit_vectors(vector: object) -> None:
    with pytest.raises(UsageError):
        Embedding("a", np.array(vector, dtype=np.float32))


def test_space_and_origin_are_checked() -> None:
    with pytest.raises(UsageError, match="name of its space"):
        Embedding("", _unit(1, 0))
    with pytest.raises(UsageError, match="'sound'"):
        Embedding("a", _unit(1, 0), origin="sound")


def test_frozen_float32_and_a_value() -> None:
    source = np.array([1.0, 0.0])
    embedding = Embedding("a", source)  # type: ignore[arg-type]
    source[0] = 7.0
    assert embedding.vector.dtype == np.float32 and embedding.vector[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        embedding.vector[0] = 2.0
    assert embedding == Embedding("a", _unit(1, 0))
    assert len({embedding, Embedding("a", _unit(1, 0)), Embedding("b", _unit(1, 0))}) == 2


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8).filter(
        lambda values: np.linalg.norm(values) > 1e-3
    )
)
def test_normalised_vectors_are_embeddings(values: list[float]) -> None:
    embedding = Embedding("a", normalise(np.array(values)))
    assert embedding.similarity(embedding) == pytest.approx(1.0, abs=1e-5)
