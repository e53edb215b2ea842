"""How sure an accuracy is, and the difference between two of them: clustered by video.

Questions about one video are not independent: what makes one of them hard is in the others, too. So
the unit that is drawn from a population is the video, its *cluster*.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
ONE_VIDEO = "one video"
"""Told in place of an interval, where there is none."""
DRAWS = 4000
"""Of a bootstrap."""
NOTHING = 1e-12
"""What rounding leaves of 0."""
_AT_ONCE = 1 << 22
"""Numbers that are drawn at once."""

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A mean score with how sure it is; see :func:`estimate`.

    ``items`` are the questions it is the mean over, ``clusters`` their videos. ``error`` and the
    95% ``interval`` are ``None`` where there is a single video, which says nothing of others.
    """

    mean: float
    items: int
    clusters: int
    error: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Paired:
    """The first accuracy less the second, on the questions that both were asked.

    ``interval`` and ``p`` are clustered by video; with a single one they are ``None``.
    ``only_first`` and ``only_second`` are questions that one of them had right, ``mcnemar`` the p
    that these two numbers differ by chance.
    """

    first: Estimate
    second: Estimate
    difference: float
    interval: Interval | None
    p: float | None
    only_first: int
    only_second: int
    mcnemar: float


def estimate(counts: Sequence[float] | Floats, sums: Sequence[float] | Floats) -> Estimate | None:
    """The mean of scores in [0, 1], of which each cluster has so many (``counts``) with that sum.

    The standard error is the clustered one of Miller 2024 (arXiv:2411.00640, eq. 4), with the
    small-sample factor G/(G-1) of G clusters on all of it (CR1, Liang and Zeger 1986) where that
    paper has n/(n-1) on the variances alone. So it is the usual standard error where every cluster
    has one score, and asking everything twice leaves it as it is. The interval is that of Student's
    t with G-1 degrees of freedom, cut at 0 and 1.

    Where every cluster has the same mean, as when all scores are 0 or 1, there is no spread to
    learn from: the interval is then Wilson's for G scores, as if all questions of a video were one.

    ``None`` without scores.
    """
    number, total = np.asarray(counts, float), np.asarray(sums, float)
    number, total = number[number > 0], total[number > 0]
    items, clusters = float(number.sum()), len(number)
    if not clusters:
        return None
    mean = float(total.sum() / items)
    if clusters < 2:
        return Estimate(mean, round(items), clusters, None, None)
    spread = float(np.sum((total - mean * number) ** 2))
    error = math.sqrt(spread * clusters / (clusters - 1)) / items
    if error < NOTHING:
        return Estimate(mean, round(items), clusters, 0.0, wilson(mean, clusters))
    reach = _student(clusters - 1) * error
    interval = (max(0.0, mean - reach), min(1.0, mean + reach))
    return Estimate(mean, round(items), clusters, error, interval)


def clustered(scores: Sequence[float], clusters: Sequence[Hashable]) -> Estimate | None:
    """:func:`estimate` of N scores, each with the cluster it is of.

    Raises ``ValueError`` when the two differ in number.
    """
    sums = _Clusters(clusters)
    return estimate(sums.of(np.ones(len(scores))), sums.of(np.asarray(scores, float)))


def wilson(share: float, number: float) -> Interval:
    """The score interval of a share among ``number`` independent ones (Wilson 1927)."""
    z = 1.959963984540054
    middle = (share + z * z / (2 * number)) / (1 + z * z / number)
    reach = z / (1 + z * z / number)
    reach *= math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p of the exact test of McNemar (1947), which is binomial."""
    from scipy.special import bdtr

    discordant = only_first + only_second
    if not discordant:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(min(only_first, only_second), discordant, 0.5)))


def paired(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[Hashable],
    draws: int = DRAWS,
    seed: int = 0,
) -> Paired | None:
    """Compare the scores of the same N questions; a question is right above one half.

    Both bootstraps are of Cameron, Gelbach and Miller 2008. The interval is of the pairs cluster
    bootstrap, which draws videos with all their questions; its percentiles are expanded as
    Student's t asks of few videos (Hesterberg 2015, arXiv:1411.5279), and where all videos agree
    it is made as in :func:`estimate`. The p is of the wild
    cluster bootstrap, which turns the sign of each video's difference by chance, as it would be
    without any difference; G videos have no p below 2 ** (1 - G).

    ``None`` without questions. Raises ``ValueError`` when the three differ in number.
    """
    one, other = np.asarray(first, float), np.asarray(second, float)
    a, b = clustered(first, clusters), clustered(second, clusters)
    if a is None or b is None:
        return None
    difference = float(np.mean(one - other))
    interval, p = None, None
    if a.clusters > 1:
        sums = _Clusters(clusters)
        counts, off = sums.of(np.ones(len(one))), sums.of(one - other)
        random = np.random.default_rng(seed)
        drawn = np.concatenate(list(_pairs(counts, off, draws, random)))
        tail = _expanded_tail(a.clusters)
        low, high = np.quantile(drawn, [tail, 1 - tail])
        interval = float(low), float(high)
        if abs(difference) > NOTHING and high - low < NOTHING:
            # All videos agree, as few may by chance: on a scale from 0 to 1, as in estimate.
            below, above = wilson((difference + 1) / 2, a.clusters)
            interval = 2 * below - 1, 2 * above - 1
        p = _wild(off, draws, random)
    right, also = one > 0.5, other > 0.5
    only_first, only_second = int(np.sum(right & ~also)), int(np.sum(also & ~right))
    return Paired(
        a, b, difference, interval, p, only_first, only_second, mcnemar(only_first, only_second)
    )


class _Clusters:
    """Adds up values by the cluster they are of, in the order clusters come first."""

    def __init__(self, clusters: Sequence[Hashable]) -> None:
        numbers: dict[Hashable, int] = {}
        self._of = np.array([numbers.setdefault(each, len(numbers)) for each in clusters], int)
        self._number = len(numbers)

    def of(self, values: Floats) -> Floats:
        if len(values) != len(self._of):
            raise ValueError(f"{len(values)} scores, but clusters of {len(self._of)}")
        added: Floats = np.bincount(self._of, values, self._number).astype(np.float64)
        return added


def _pairs(
    counts: Floats, sums: Floats, draws: int, random: np.random.Generator
) -> Iterator[Floats]:
    """Means of so many draws of clusters, in parts."""
    for number in _parts(draws, len(counts)):
        drawn = random.integers(len(counts), size=(number, len(counts)))
        yield sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)


def _wild(sums: Floats, draws: int, random: np.random.Generator) -> float:
    """How often the sum is as far from 0 when each part of it has either sign: all the ways there
    are where these are fewer than ``draws``, else so many of them.
    """
    # Rounding must not part a draw from the sum that it equals.
    far, clusters = abs(sums.sum()) - NOTHING * len(sums), len(sums)
    if 2**clusters <= draws:
        signs = np.array(list(product((-1.0, 1.0), repeat=clusters)))
        return float(np.mean(np.abs(signs @ sums) >= far))
    found = 0
    for number in _parts(draws, clusters):
        signs = random.integers(2, size=(number, clusters)) * 2.0 - 1.0
        found += int(np.count_nonzero(np.abs(signs @ sums) >= far))
    return (1 + found) / (1 + draws)


def _parts(draws: int, clusters: int) -> Iterator[int]:
    """``draws`` in parts that memory has room for."""
    step = max(1, _AT_ONCE // clusters)
    for start in range(0, draws, step):
        yield min(step, draws - start)


def _expanded_tail(clusters: int) -> float:
    from scipy.special import ndtr

    return float(ndtr(-math.sqrt(clusters / (clusters - 1)) * _student(clusters - 1)))


def _student(freedom: int) -> float:
    """Standard errors from the middle of Student's t to the ends of its middle 95%."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))
