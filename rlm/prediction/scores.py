"""How right something is that tells classes apart, and how sure one can be of that."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NORMAL = 1.959963984540054
"""Of a standard normal distribution, 95% lies within as much of 0."""


@dataclass(frozen=True)
class Accuracy:
    """``right`` of ``total`` tries, of which ``apart`` are independent of each other.

    Tries on one stretch of video fail together: they are as many as there are stretches.
    """

    right: int
    total: int
    apart: int | None = None

    @property
    def share(self) -> float:
        """The accuracy, in [0, 1]."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% score interval (Wilson 1927), which holds for few tries and near 0 and 1.

        Only independent tries make it narrower; what share of them is right, all tries say.
        """
        count, share = self.apart or self.total, self.share
        odds = _NORMAL**2 / count
        middle = (share + odds / 2) / (1 + odds)
        half = math.sqrt(odds * share * (1 - share) + odds**2 / 4) / (1 + odds)
        return (
            0.0 if self.right == 0 else middle - half,
            1.0 if self.right == self.total else middle + half,
        )

    def __str__(self) -> str:
        low, high = self.interval
        fewer = f", {self.apart} independent" if self.apart not in (None, self.total) else ""
        return (
            f"{self.right}/{self.total} = {100 * self.share:.1f}% "
            f"(95% interval {100 * low:.1f}% to {100 * high:.1f}%{fewer})"
        )


@dataclass(frozen=True, eq=False)
class Confusion:
    """``counts`` int[C, C]: how many of each class (rows) were told as each (columns).

    ``apart`` is how many of all are independent, ``apart_of`` how many of each class.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    apart: int
    apart_of: tuple[int, ...]

    @classmethod
    def of(
        cls,
        classes: Sequence[str],
        truth: Sequence[str],
        told: Sequence[str],
        groups: Sequence[str] | None = None,
    ) -> Confusion:
        """Of what is true and what was told, in the same order.

        ``groups`` names for each what it belongs together with (default: each stands alone).
        """
        from sklearn.metrics import confusion_matrix

        counts = confusion_matrix(list(truth), list(told), labels=list(classes))
        names = range(len(truth)) if groups is None else groups
        kinds = Counter(label for label, _ in set(zip(truth, names, strict=True)))
        return cls(tuple(classes), counts, len(set(names)), tuple(kinds[each] for each in classes))

    @property
    def accuracy(self) -> Accuracy:
        """Over all classes."""
        return Accuracy(int(np.trace(self.counts)), int(self.counts.sum()), self.apart)

    def recall(self, number: int) -> Accuracy | None:
        """Of one class; ``None`` where there is nothing of it."""
        total = int(self.counts[number].sum())
        right = int(self.counts[number, number])
        return Accuracy(right, total, self.apart_of[number]) if total else None
