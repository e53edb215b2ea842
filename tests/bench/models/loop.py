"""Multiple choice on unseen films, asked as a user asks: ``videorlm ask``, jail and all."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlm.agent.ask import ask
from rlm.agent.choose import BUILTIN
from rlm.world import make_film, write_film


@dataclass
class Score:
    """Right answers of one kind of question; an answer of None is wrong."""

    asked: int = 0
    right: int = 0
    given: int = 0

    @property
    def accuracy(self) -> float:
        """Of all that were asked."""
        return self.right / self.asked if self.asked else float("nan")


@dataclass
class Scores:
    """By category, and over all."""

    by_category: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))

    @property
    def total(self) -> Score:
        """All categories together."""
        scores = self.by_category.values()
        return Score(
            sum(s.asked for s in scores), sum(s.right for s in scores), sum(s.given for s in scores)
        )


def asked(weights: Path | str, seeds: Sequence[int], seconds: float, most: int | None) -> Scores:
    """All questions of the films of ``seeds`` (or ``most`` of each), with one set of weights."""
    scores = Scores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in seeds:
            files = write_film(make_film(seed, seconds), folder / str(seed))
            rows = [json.loads(line) for line in files.questions.read_text().splitlines()]
            for row in rows[:: max(1, len(rows) // most)] if most else rows:
                run = ask(
                    files.film,
                    row["question"],
                    row["options"],
                    model=BUILTIN,
                    preset=str(weights),
                    transcripts=folder / "transcripts",
                )
                answer = run.result.answer
                score = scores.by_category[row["category"]]
                score.asked += 1
                score.given += answer is not None and answer.choice is not None
                score.right += answer is not None and answer.choice == row["answer_index"]
    return scores
