"""Standard errors by cluster, intervals, and the difference of two runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rlm.evaluation.statistics import clustered, mcnemar, paired, wilson

scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=30)
rows = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 6)), min_size=2, max_size=40
)


@given(scores)
def test_one_question_a_video_is_the_usual_standard_error(values):
    known = clustered(values, range(len(values)))
    assert known.mean == pytest.approx(np.mean(values))
    assert known.error == pytest.approx(stats.sem(values), abs=1e-9)


@given(rows, st.integers(2, 4))
def test_asking_everything_again_teaches_nothing(pairs, times):
    once = clustered([s for s, _ in pairs], [c for _, c in pairs])
    again = clustered([s for s, _ in pairs] * times, [c for _, c in pairs] * times)
    assert again.clusters == once.clusters
    assert again.items == times * once.items
    assert again.error == pytest.approx(once.error, abs=1e-9)
    assert (again.interval is None) == (once.clusters < 2)


@given(rows)
def test_the_error_is_that_of_miller_but_for_the_factor_of_few_videos(pairs):
    values, videos = np.array([s for s, _ in pairs]), np.array([c for _, c in pairs])
    known, n = clustered(values.tolist(), videos.tolist()), len(values)
    if known.clusters < 2:
        return
    off = values - values.mean()
    same = videos[:, None] == videos[None, :]
    # Equation 4, with the variances over n as the covariances are.
    between = float((np.outer(off, off) * same).sum()) / n**2
    factor = known.clusters / (known.clusters - 1)
    assert known.error**2 == pytest.approx(between * factor, abs=1e-12)


def test_questions_that_go_together_are_less_sure():
    values = [1.0, 1.0, 0.0, 0.0] * 6
    videos = [number // 2 for number in range(24)]
    assert clustered(values, videos).error > 1.3 * clustered(values, range(24)).error


def test_few_videos_and_none():
    assert clustered([], []) is None
    one = clustered([1.0, 0.0, 1.0], ["a"] * 3)
    assert (one.mean, one.error, one.interval) == (pytest.approx(2 / 3), None, None)
    two = clustered([1.0, 0.0, 0.0, 0.0], ["a", "a", "b", "b"])
    assert two.interval == (0.0, 1.0)  # Student's t with one degree of freedom is that wide
    with pytest.raises(ValueError, match="3 scores"):
        clustered([1.0, 0.0, 1.0], ["a", "b"])


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_all_wrong_or_all_right_is_no_certainty(score):
    known = clustered([score] * 60, [number // 3 for number in range(60)])
    assert known.error == 0
    assert known.interval == wilson(score, 20)
    assert known.interval[1] - known.interval[0] == pytest.approx(0.161, abs=1e-3)


def test_wilson_is_scipys():
    for right, number in ((0, 8), (3, 9), (40, 41)):
        theirs = stats.binomtest(right, number).proportion_ci(method="wilson")
        assert wilson(right / number, number) == pytest.approx((theirs.low, theirs.high))


def test_intervals_hold_what_is_true():
    random, held = np.random.default_rng(1), 0
    for _ in range(400):
        ease = random.beta(3, 2, size=15)
        videos = np.repeat(np.arange(15), 6)
        known = clustered((random.random(90) < ease[videos]).astype(float).tolist(), videos)
        held += known.interval[0] <= 0.6 <= known.interval[1]
    assert 0.925 <= held / 400 <= 0.98


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(one, other):
    theirs = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(theirs)


def test_a_run_beside_itself_is_the_same():
    values, videos = [1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1]
    same = paired(values, values, videos)
    assert (same.difference, same.interval, same.p, same.mcnemar) == (0.0, (0.0, 0.0), 1.0, 1.0)
    assert (same.only_first, same.only_second) == (0, 0)
    assert paired([], [], []) is None
    assert paired([1.0], [0.0], ["a"]).interval is None


@given(rows, st.data())
def test_the_other_way_round_has_the_other_sign(pairs, data):
    videos = [c for _, c in pairs]
    first = [s for s, _ in pairs]
    second = data.draw(st.permutations(first))
    there, back = paired(first, second, videos, 200), paired(second, first, videos, 200)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.p, there.mcnemar) == (back.p, back.mcnemar)
    if there.interval is not None:
        assert there.interval == pytest.approx(tuple(-end for end in reversed(back.interval)))


def test_the_bootstrap_agrees_with_the_formula_where_there_are_many_videos():
    random = np.random.default_rng(2)
    videos = np.repeat(np.arange(300), 3)
    first = (random.random(900) < 0.7).astype(float)
    second = (random.random(900) < 0.6).astype(float)
    found = paired(first, second, videos)
    # Of the differences the formula wants scores in [0, 1]: halves, moved to the middle.
    known = clustered(((first - second) / 2 + 0.5).tolist(), videos)
    width = (found.interval[1] - found.interval[0]) / 2
    assert width == pytest.approx(2 * 1.96 * known.error, rel=0.06)
    assert found.p < 0.01
    assert found == paired(first, second, videos)
    assert found != paired(first, second, videos, seed=1)


def test_no_difference_is_seldom_found():
    random, found = np.random.default_rng(3), 0
    videos = np.repeat(np.arange(40), 4)
    for _ in range(100):
        ease = random.beta(3, 2, size=40)[videos]
        first, second = ((random.random(160) < ease).astype(float) for _ in range(2))
        found += paired(first, second, videos, 2000).p < 0.05
    assert found <= 11
