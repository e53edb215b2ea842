"""Rows in order of their likeness to one vector: exactly, and without sorting them all.

Rows are multiplied as they lie on disk, single or half precision. What that gives depends on the
order in which a library adds the products up, and differs between equal rows by where they lie. But
it is off by no more than :attr:`Scores.error`, so it is certain which rows can be among the best,
and those few are scored again in double precision.

Half precision is for what is too much otherwise: of a million vectors of 1024 numbers, 2 GB are
read and not 4. Builds write single; an index whose tracks are stored in half is searched as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.intp]

_FIRST = 64  # rows put in order at first
_RUN = 64  # rows of which the largest is looked at first
_GROWTH = 8  # so many times more whenever those were not enough
_AT_A_TIME = 128  # rows in double precision: no more than a cache holds, however many are alike
_LONGEST_ROW = 1.01  # rows have length 1, but for rounding
_HALF, _SINGLE = 2.0**-11, 2.0**-24  # the most by which rounding changes a number, as a part of it


@dataclass(frozen=True, eq=False)
class Scores:
    """How like ``vector`` float32[D] each of ``rows`` [N, D] is, both of length 1.

    ``rough`` float32[N] are cosines, none of them off by more than ``error``; those of rows that
    are not finite are not finite either.
    """

    rows: NDArray[Any]
    vector: NDArray[np.float32]
    rough: NDArray[np.float32]
    error: float

    @classmethod
    def of(cls, rows: NDArray[Any], vector: NDArray[np.float32]) -> Scores:
        """Score ``rows``, float32 or float16 and perhaps memory-mapped, reading them once.

        Raises ``TypeError`` for rows of another type.
        """
        # A sum of n products is off by n roundings at most, in whatever order they are added up.
        summed = vector.size * _SINGLE * _LONGEST_ROW + _SINGLE
        if rows.dtype == np.float32:
            with np.errstate(invalid="ignore", over="ignore"):  # rows that are not finite
                return cls(rows, vector, rows @ vector, summed)
        if rows.dtype != np.float16:
            raise TypeError(f"rows to score are float32 or float16, not {rows.dtype}")
        import torch
        from torch.utils.dlpack import from_dlpack

        rounded = vector.astype(np.float16)
        with torch.inference_mode():
            # Unlike from_numpy, this takes what may not be written to without a warning.
            rough = torch.mv(from_dlpack(rows), torch.from_numpy(rounded)).float().numpy()
        # The sum was in single precision (unless somebody allows less) and was rounded to half.
        finite = rough[np.isfinite(rough)]
        largest = float(max(finite.max(initial=0.0), -finite.min(initial=0.0)))
        lost = float(np.linalg.norm(vector - rounded.astype(np.float32)))
        return cls(rows, vector, rough, summed + lost * _LONGEST_ROW + 2 * largest * _HALF)

    def exact(self, positions: Positions) -> NDArray[np.float64]:
        """The scores of some rows, equal for equal rows wherever they lie."""
        scores = np.empty(len(positions))
        for first in range(0, len(positions), _AT_A_TIME):
            some = slice(first, first + _AT_A_TIME)
            # Of rows in C order each is added up by itself, in the one order.
            rows = self.rows[positions[some]].astype(np.float64, order="C")
            rows *= self.vector
            scores[some] = rows.sum(axis=1)
        return scores

    def descending(self, eligible: NDArray[np.bool_] | None = None) -> Iterator[tuple[int, float]]:
        """Positions and scores of the ``eligible`` rows, best first, the earlier one at a tie.

        Rows that are not finite are passed over.
        """
        finite = np.isfinite(self.rough)
        if eligible is not None:
            eligible = eligible & finite
        elif not finite.all():
            eligible = finite
        left = None if eligible is None else np.flatnonzero(eligible)
        positions, scores = np.empty(0, np.intp), np.empty(0)
        size = _FIRST
        while left is None or left.size:
            # At first, of all rows, the scores are not copied.
            rough = self.rough if left is None else self.rough[left]
            floor = _floor(rough, size)
            taken = np.flatnonzero(rough >= floor)
            block = taken if left is None else left[taken]
            positions = np.concatenate([positions, block])
            scores = np.concatenate([scores, self.exact(block)])
            order = np.lexsort((positions, -scores))
            positions, scores = positions[order], scores[order]
            # No row that is left scores more than this.
            sure = len(scores)
            if np.isfinite(floor):
                sure = int(np.count_nonzero(scores >= floor + self.error))
            yield from zip(positions[:sure].tolist(), scores[:sure].tolist(), strict=True)
            positions, scores = positions[sure:], scores[sure:]
            left = np.delete(np.arange(len(rough)) if left is None else left, taken)
            size *= _GROWTH
        yield from zip(positions.tolist(), scores.tolist(), strict=True)


def _floor(scores: NDArray[np.float32], size: int) -> float:
    """A score that ``size`` of ``scores``, or some more, reach; minus infinity for all of them."""
    if size >= len(scores):
        return -np.inf
    runs = len(scores) // _RUN
    if runs >= size:  # what so many of the largest of each run reach
        scores = scores[: runs * _RUN].reshape(runs, _RUN).max(axis=1)
    at = len(scores) - size
    return float(np.partition(scores, at)[at])


def best(rows: NDArray[Any], vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """The ``k`` rows most like ``vector`` and their scores; see :class:`Scores`."""
    found = Scores.of(rows, vector).descending()
    return [each for each, _ in zip(found, range(k), strict=False)]


def spread(
    ordered: Iterable[tuple[int, float]],
    k: int,
    rows: int,
    around: Callable[[int], slice] | None = None,
) -> list[tuple[int, float]]:
    """The first ``k`` of what comes ``ordered``: pairs of a position, below ``rows``, and a score.

    With ``around``, greedy non-maximum suppression: a position in the slice around one already
    chosen is passed over, so that fewer than ``k`` may come back.
    """
    chosen: list[tuple[int, float]] = []
    free = np.ones(rows, dtype=np.bool_)
    for position, score in ordered:
        if len(chosen) == k:
            break
        if free[position]:
            chosen.append((position, score))
            if around is not None:
                free[around(position)] = False
    return chosen


def diversify(
    vectors: NDArray[np.float32], scores: NDArray[np.float64], relevance: float, k: int
) -> list[int]:
    """The first ``k`` of ``vectors`` [N, D] as each adds most: maximal marginal relevance.

    Next comes whichever has the largest ``relevance * score - (1 - relevance) * c``, where c is its
    largest cosine with one that came before (Carbonell and Goldstein, SIGIR 1998). The one with the
    best of ``scores`` [N] comes first, the earlier one at a tie; with a relevance of 1 the order is
    that of the scores.
    """
    alike = vectors @ vectors.T
    nearest = np.full(len(scores), -np.inf)
    order: list[int] = []
    left = np.ones(len(scores), dtype=np.bool_)
    for _ in range(min(k, len(scores))):
        worth = relevance * scores
        if order and relevance < 1:
            nearest = np.maximum(nearest, alike[order[-1]])
            worth = worth - (1 - relevance) * nearest
        position = int(np.argmax(np.where(left, worth, -np.inf)))
        left[position] = False
        order.append(position)
    return order
