"""How right something is that tells classes apart, and how sure one can be of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Accuracy:
    """``right`` of ``total`` independent tries."""

    right: int
    total: int

    @property
    def share(self) -> float:
        """The accuracy, in [0, 1]."""
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% score interval (Wilson 1927), which holds for few tries and near 0 and 1."""
        from scipy.stats import binomtest

        low, high = binomtest(self.right, self.total).proportion_ci(0.95, method="wilson")
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.right}/{self.total} = {100 * self.share:.1f}% "
            f"(95% interval {100 * low:.1f}% to {100 * high:.1f}%)"
        )


@dataclass(frozen=True, eq=False)
class Confusion:
    """``counts`` int[C, C]: how many of each class (rows) were told as each (columns)."""

    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, classes: Sequence[str], truth: Sequence[str], told: Sequence[str]) -> Confusion:
        """Of what is true and what was told, in the same order."""
        from sklearn.metrics import confusion_matrix

        return cls(tuple(classes), confusion_matrix(list(truth), list(told), labels=list(classes)))

    @property
    def accuracy(self) -> Accuracy:
        """Over all classes."""
        return Accuracy(int(np.trace(self.counts)), int(self.counts.sum()))

    def recall(self, number: int) -> Accuracy | None:
        """Of one class; ``None`` where there is nothing of it."""
        total = int(self.counts[number].sum())
        return Accuracy(int(self.counts[number, number]), total) if total else None
