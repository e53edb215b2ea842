"""How a run stands while it goes on: accuracy with its interval, failures, what was spent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rlm.evaluation.results import FailureKind, ItemResult
from rlm.evaluation.statistics import Estimate, estimate


@dataclass
class _Cluster:
    asked: int = 0
    score: float = 0.0


class Standing:
    """Adds up results one by one; takes memory for each video, not for each result.

    A failure counts as wrong. ``scored`` are those whose right answer is known. ``judged`` are open
    answers that were given to a judge, ``no_verdict`` those of them that came back without one, and
    ``judge_usd`` what that took, which is not in ``usd``. ``more`` is whether there are scores of
    other kinds, which :mod:`rlm.evaluation.summary` has.
    """

    def __init__(self) -> None:
        self.done = 0
        self.scored = 0
        self.right = 0.0
        self.failures: Counter[FailureKind] = Counter()
        self.frames = 0
        self.tokens: int | None = 0
        self.usd: float | None = 0.0
        self.seconds = 0.0
        self.more = False
        self.open = 0
        self.judged = 0
        self.no_verdict = 0
        self.judge_usd: float | None = 0.0
        self._videos: dict[str, _Cluster] = {}

    def add(self, result: ItemResult) -> None:
        """Count ``result``."""
        self.done += 1
        self.frames += result.frames
        self.seconds += result.seconds
        used = (self.tokens, result.input_tokens, result.output_tokens)
        self.tokens = None if None in used else sum(n for n in used if n is not None)
        known = self.usd is not None and result.usd is not None
        self.usd = (self.usd or 0.0) + (result.usd or 0.0) if known else None
        if result.failure is not None:
            self.failures[result.failure.kind] += 1
        self.more |= result.judged is not None or bool(result.evidence_time)
        self.more |= result.metric == "recall@5"
        self.open += result.open
        if result.judged is not None:
            self.judged += 1
            self.no_verdict += result.judged.right is None
            known = self.judge_usd is not None and result.judged.usd is not None
            self.judge_usd = (self.judge_usd or 0.0) + (result.judged.usd or 0.0) if known else None
        if result.credit is not None:
            cluster = self._videos.setdefault(result.video, _Cluster())
            cluster.asked += 1
            cluster.score += result.credit
            self.scored += 1
            self.right += result.credit

    @property
    def accuracy(self) -> float | None:
        """The mean score; ``None`` before the first."""
        return self.right / self.scored if self.scored else None

    @property
    def estimate(self) -> Estimate | None:
        """The accuracy with how sure it is; ``None`` before the first."""
        videos = list(self._videos.values())  # at once: another thread may add one
        return estimate([video.asked for video in videos], [video.score for video in videos])

    @property
    def error(self) -> float | None:
        """The standard error of the accuracy; ``None`` with fewer than two videos."""
        known = self.estimate
        return None if known is None else known.error

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the accuracy, within 0 and 1."""
        known = self.estimate
        return None if known is None else known.interval
