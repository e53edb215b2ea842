from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.index.ranking import Scores, best, diversify, spread

SCORES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=300)


def scored(scores: list[float]) -> Scores:
    rough = np.array(scores, dtype=np.float32)
    return Scores(rough[:, None], np.ones(1, np.float32), rough, 0.0)


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    rows = rng.standard_normal(shape).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@given(SCORES)
def test_descending_sorts_what_is_eligible_the_earlier_first_at_a_tie(scores: list[float]) -> None:
    eligible = np.array([n % 3 != 1 for n in range(len(scores))])
    found = list(scored(scores).descending(eligible))
    wanted = sorted(np.flatnonzero(eligible).tolist(), key=lambda at: (-scores[at], at))
    assert [position for position, _ in found] == wanted
    assert [score for _, score in found] == [scores[at] for at in wanted]


@given(SCORES, st.integers(1, 5), st.integers(1, 40))
def test_suppression_keeps_the_best_and_drops_only_what_is_near_a_better_one(
    scores: list[float], reach: int, k: int
) -> None:
    def around(at: int) -> slice:
        return slice(max(0, at - reach + 1), at + reach)

    chosen = [at for at, _ in spread(scored(scores).descending(), len(scores), len(scores), around)]
    assert chosen[0] == int(np.argmax(scores))
    assert all(abs(a - b) >= reach for a in chosen for b in chosen if a != b)
    for dropped in set(range(len(scores))) - set(chosen):
        assert any(
            abs(dropped - kept) < reach and scores[kept] >= scores[dropped] for kept in chosen
        )
    few = [at for at, _ in spread(scored(scores).descending(), k, len(scores), around)]
    assert few == chosen[:k]


@settings(deadline=None)  # the first one imports torch
@given(st.integers(0, 10_000), st.integers(1, 400), st.sampled_from([0.0, 0.9, 0.999, 1.0]))
def test_half_precision_is_ranked_as_if_it_were_double(seed: int, rows: int, alike: float) -> None:
    rng = np.random.default_rng(seed)
    vector = unit(rng, 48)
    matrix = alike * vector + (1 - alike) * unit(rng, rows, 48)
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float16)
    matrix[rows // 2 :] = matrix[: rows - rows // 2]  # equal rows, wherever they lie
    scores = Scores.of(matrix, vector)
    true = (matrix.astype(np.float64) * vector).sum(axis=1)
    assert np.abs(scores.rough - true).max() <= scores.error < 0.003
    found = list(scores.descending())
    assert [at for at, _ in found] == np.lexsort((np.arange(rows), -true)).tolist()
    assert [score for _, score in found] == [true[at] for at, _ in found]


@settings(deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([1, 2, 7, 64, 96, 129, 300, 1408]),
    st.integers(1, 700),
    st.integers(1, 4),
    st.sampled_from(["C", "F"]),
    st.sampled_from([np.float16, np.float32]),
)
def test_equal_rows_tie_wherever_they_lie(
    seed: int, width: int, rows: int, kinds: int, order: Literal["C", "F"], dtype: type
) -> None:
    rng = np.random.default_rng(seed)
    vector, few = unit(rng, width), unit(rng, kinds, width).astype(dtype)
    matrix = np.array(few[rng.integers(kinds, size=rows)], order=order)
    scores = Scores.of(matrix, vector)
    true = (np.array(matrix, np.float64, order="C") * vector).sum(axis=1)
    assert np.abs(scores.rough - true).max() <= scores.error < 0.003
    found = list(scores.descending())
    assert [at for at, _ in found] == np.lexsort((np.arange(rows), -true)).tolist()
    assert [score for _, score in found] == [true[at] for at, _ in found]


def test_of_equal_rows_the_first_come_first() -> None:
    rng = np.random.default_rng(0)
    rows = np.tile(unit(rng, 96), (129, 1))
    assert [at for at, _ in best(rows, unit(rng, 96), 3)] == [0, 1, 2]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("rows", [1, 2, 63, 130, 5000])
def test_rows_that_are_not_finite_are_passed_over(rows: int, dtype: type) -> None:
    rng = np.random.default_rng(rows)
    vector, matrix = unit(rng, 48), unit(rng, rows, 48).astype(dtype)
    matrix[::3, 5], matrix[1::7, 6], matrix[::7] = np.nan, np.inf, -np.inf
    whole = np.isfinite(matrix).all(axis=1)
    scores = Scores.of(matrix, vector)
    assert scores.error < 0.003
    true = (matrix[whole].astype(np.float64) * vector).sum(axis=1)
    expected = np.flatnonzero(whole)[np.argsort(-true, kind="stable")].tolist()
    assert [at for at, _ in scores.descending()] == expected
    eligible = np.arange(rows) % 2 == 0
    assert [at for at, _ in scores.descending(eligible)] == [at for at in expected if at % 2 == 0]
    assert list(Scores.of(matrix, vector * np.float32(np.nan)).descending()) == []


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_mapped_file_is_scanned_as_it_lies(dtype: type, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", unit(rng, 5000, 96).astype(dtype))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    vector = unit(rng, 96)
    exact = rows.astype(np.float32) @ vector
    found = best(rows, vector, 10)
    assert [at for at, _ in found] == np.argsort(-exact, kind="stable")[:10].tolist()
    assert [score for _, score in found] == pytest.approx(np.sort(exact)[::-1][:10], abs=1e-6)
    assert best(rows[:0], vector, 3) == [] and len(best(rows[:2], vector, 3)) == 2


def test_rows_of_another_type_are_refused() -> None:
    with pytest.raises(TypeError, match="float32 or float16, not float64"):
        Scores.of(np.eye(2), np.ones(2, np.float32))


@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.1, 1.0), st.integers(1, 30))
def test_what_adds_most(seed: int, count: int, relevance: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng, count, 6)
    scores = np.sort(vectors @ unit(rng, 6))[::-1].astype(np.float64)
    order = diversify(vectors, scores, relevance, count)
    assert sorted(order) == list(range(count)) and order[0] == 0
    assert diversify(vectors, scores, relevance, k) == order[:k]
    assert diversify(vectors, scores, 1.0, count) == list(range(count))


def test_a_look_alike_comes_after_what_is_new() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    scores = np.array([0.9, 0.85, 0.8])
    assert diversify(vectors, scores, 0.5, 3) == [0, 2, 1]
    assert diversify(vectors, scores, 0.99, 3) == [0, 1, 2]
