"""The accuracy of a run under way, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from evaluating import result

from rlm.evaluation.results import Failure
from rlm.evaluation.standing import Standing
from rlm.evaluation.statistics import wilson


def standing(*scores: tuple[str, float | None]) -> Standing:
    made = Standing()
    for number, (video, score) in enumerate(scores):
        made.add(result(f"q{number}", video=video, score=score))
    return made


def test_questions_about_one_video_count_together() -> None:
    rng = np.random.default_rng(0)
    right = (rng.random(40) < 0.7).astype(float)
    alone = standing(*((f"v{n}", score) for n, score in enumerate(right)))
    assert alone.error == pytest.approx(np.std(right, ddof=1) / np.sqrt(40))
    # The same answers given five times each tell no more than once.
    five = standing(*((f"v{n}", score) for n, score in enumerate(right) for _ in range(5)))
    assert five.accuracy == alone.accuracy
    assert five.error == pytest.approx(alone.error)


def test_little_is_said_where_little_is_known() -> None:
    assert (Standing().accuracy, Standing().interval) == (None, None)
    assert standing(("a", 1.0), ("a", 0.0)).interval is None  # one video
    none_differs = standing(("a", 1.0), ("b", 1.0))
    assert none_differs.interval == wilson(1.0, 2)
    hidden = standing(("a", None), ("b", 1.0))
    assert (hidden.done, hidden.scored, hidden.accuracy) == (2, 1, 1.0)


def test_an_unknown_part_makes_a_sum_unknown_and_failures_are_counted() -> None:
    made = Standing()
    made.add(result("a", usd=0.5, input_tokens=5, output_tokens=1))
    assert (made.usd, made.tokens) == (0.5, 6)
    made.add(result("b", usd=None, input_tokens=None))
    made.add(result("c", usd=1.0, failure=Failure(kind="model", message="x"), score=0.0))
    assert (made.usd, made.tokens) == (None, None)
    assert made.failures == {"model": 1}
    assert made.accuracy == 0.0
