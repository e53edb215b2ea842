"""Reliability, its error, and calibrators that are fitted on one run and used on others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import header, result, results
from pydantic import ValidationError

from rlm.agent.calibrator import Calibrator, calibrator_for, load_calibrator
from rlm.errors import UsageError
from rlm.evaluation.calibration import bins, calibration, expected_error, fit, reliability

few = st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.55, 0.9, 1.0]), min_size=1, max_size=60)


@given(few, st.integers(1, 12), st.randoms())
def test_parts_hold_about_as_many_and_the_same_value_once(values, number, random):
    places = bins(np.array(values), number)
    assert set(places) <= set(range(number))
    assert len(set(zip(values, places.tolist(), strict=True))) == len(set(values))
    assert places[np.argsort(values, kind="stable")].tolist() == sorted(places)
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = bins(np.array(values)[order], number)
    assert shuffled.tolist() == places[order].tolist()


def test_parts_of_different_values_are_as_large_as_each_other():
    counts = np.bincount(bins(np.random.default_rng(0).random(100), 10))
    assert counts.tolist() == [10] * 10


def test_error_and_brier_by_hand():
    rows = [result(str(n), right=n < 6, confidence=0.9) for n in range(10)]
    rows += [result(f"b{n}", right=n < 1, confidence=0.1) for n in range(10)]
    known = calibration(rows)
    assert (known.answers, len(known.bins)) == (20, 2)
    assert known.ece == pytest.approx((0.3 + 0.0) / 2)
    assert known.brier == pytest.approx((6 * 0.01 + 4 * 0.81 + 9 * 0.01 + 0.81) / 20)
    assert known.brier_options is None


def test_brier_over_the_options_where_there_are_probabilities():
    rows = [result(confidence=0.7, probabilities=(0.1, 0.7, 0.2, 0.0))]
    assert calibration(rows).brier_options == pytest.approx(0.01 + 0.09 + 0.04)


def test_what_has_no_confidence_or_no_public_answer_is_left_out():
    rows = [
        result("a"),
        result("b", confidence=0.5, answer_index=None, correct=None, score=None),
        result("c", confidence=0.5, right=False, failure={"kind": "model", "message": "gone"}),
    ]
    assert calibration(rows) is None


def test_a_calibrator_makes_later_confidence_mean_what_it_says():
    fitted = fit(results(40, 10, seed=1), header(), "first")
    later = results(40, 10, seed=2)
    said = np.array([row.confidence for row in later])
    right = np.array([row.score for row in later])
    made = np.array([fitted(each) for each in said])
    before, after = (expected_error(reliability(each, right)) for each in (said, made))
    assert before > 0.15
    assert after < before / 2
    assert fitted.brier_after < fitted.brier_before
    assert fitted.ece_after < fitted.ece_before
    assert fitted.method != "none"
    assert (fitted.answers, fitted.videos, fitted.model) == (400, 40, "openai/some-model")


def test_confidence_that_means_what_it_says_is_left_as_it_is():
    random = np.random.default_rng(5)
    rows = []
    for number in range(600):
        sure = float(random.choice([0.15, 0.5, 0.85]))
        right = bool(random.random() < sure)
        rows.append(result(str(number), right=right, confidence=sure, video=f"{number % 40}.mp4"))
    fitted = fit(rows, header(), "run")
    for sure in (0.15, 0.5, 0.85):
        assert fitted(sure) == pytest.approx(sure, abs=0.06)


def test_all_right_is_no_certainty():
    rows = [
        result(str(n), confidence=0.5 + 0.01 * (n % 30), video=f"{n % 5}.mp4") for n in range(40)
    ]
    fitted = fit(rows, header(), "run")
    assert 0.9 < fitted(0.7) < 1


@pytest.mark.parametrize(("videos", "each"), [(1, 40), (5, 3)])
def test_too_little_to_fit_on_is_refused(videos, each):
    with pytest.raises(UsageError, match="needs 20 or more, about two videos"):
        fit(results(videos, each), header(), "run")


def test_a_file_of_plain_numbers_that_comes_back_the_same(tmp_path):
    fitted = fit(results(), header(), "run")
    file = tmp_path / "calibrator.json"
    file.write_text(fitted.model_dump_json())
    assert load_calibrator(file) == fitted
    told: list[str] = []
    assert calibrator_for(file, "loop", "openai/some-model", told.append) == fitted
    assert not told
    assert calibrator_for(file, "loop", "another", told.append) is None
    assert "loop with openai/some-model, and this is loop with another" in told[0]
    assert calibrator_for(None, "loop", "another", told.append) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"points": []}, "at least 1"),
        ({"points": [[0.5, 0.5], [0.2, 0.6]]}, "do not rise"),
        ({"points": [[0, 0], [1, 1.5]]}, "from 0 to 1"),
        ({"points": [[0, 0], [1, "NaN"]]}, "points"),
        ({"schema_version": 2}, "Input should be 1"),
    ],
)
def test_what_is_no_calibrator_is_said(tmp_path, change, says):
    fitted = json.loads(fit(results(), header(), "run").model_dump_json())
    file = tmp_path / "calibrator.json"
    file.write_text(json.dumps(fitted | change))
    with pytest.raises(UsageError, match=r"is no calibrator.*eval calibrate"):
        load_calibrator(file)
    with pytest.raises(ValidationError, match=says):
        Calibrator.model_validate(fitted | change)
    with pytest.raises(UsageError, match="cannot read"):
        load_calibrator(tmp_path / "none.json")


@given(st.floats(0, 1))
def test_between_points_are_straight_lines(confidence):
    points = ((0.1, 0.2), (0.5, 0.3), (0.9, 0.95))
    known = {"method": "platt", "run": "r", "dataset": "d", "system": "s", "model": "m"}
    numbers = dict.fromkeys(("brier_before", "brier_after", "ece_before", "ece_after"), 0.1)
    made = Calibrator(**known, **numbers, points=points, preset=None, answers=20, videos=2)
    x, y = np.array(points).T
    assert made(confidence) == pytest.approx(np.interp(confidence, x, y))
    assert made(None) is None
