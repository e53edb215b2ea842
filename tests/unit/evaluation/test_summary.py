"""From results to an accuracy, and what goes beside it."""

from __future__ import annotations

import pytest
from made_results import result, results

from rlm.evaluation.standing import Standing
from rlm.evaluation.summary import questions_of, summary, told_accuracy

GONE = {"kind": "model", "message": "gone"}


def test_a_failure_is_wrong_and_counted_beside_it():
    rows = [
        result("a", video="1"),
        result("b", video="2", right=False, failure=GONE),
        result("c", video="2", right=False, failure={"kind": "timeout", "message": "late"}),
        result("d", video="3"),
    ]
    told = summary(rows)
    assert told.accuracy.mean == 0.5
    assert (told.accuracy.items, told.accuracy.clusters) == (4, 3)
    assert told.failures == {"model": 1, "timeout": 1}


def test_what_is_not_public_is_apart():
    rows = [result("a"), result("b", answer_index=None, correct=None, score=None, video="b.mp4")]
    told = summary(rows)
    assert (told.questions, told.unscored, told.accuracy.items) == (2, 1, 1)
    alone = summary(rows[1:])
    assert alone.accuracy is None
    assert told_accuracy(alone.accuracy) == "not known"


def test_a_question_asked_again_counts_once_with_its_mean():
    rows = [result("a", repeat=n, right=n == 0) for n in range(4)] + [result("b", video="b.mp4")]
    told = summary(rows)
    assert (told.questions, told.asked) == (2, 5)
    assert told.accuracy.mean == pytest.approx((0.25 + 1) / 2)
    assert [len(question.results) for question in questions_of(rows)] == [4, 1]


def test_a_question_of_several_categories_counts_in_each():
    told = summary(results(6, 3))
    by = told.by["category"]
    assert list(by) == ["colour", "count", "order"]
    assert [by[name].items for name in by] == [12, 6, 6]
    assert {name: known.items for name, known in told.by["group"].items()} == {
        "long": 9,
        "short": 9,
    }
    assert list(told.by["duration"]) == ["under 1 min", "1 to 5 min", "5 to 15 min"]
    assert told.by["duration"]["1 to 5 min"].clusters == 4


def test_the_curve_has_all_questions_in_order_of_frames():
    told = summary(results(20, 6))
    assert len(told.curve) == 6
    assert sum(point.accuracy.items for point in told.curve) == 120
    ends = [end for point in told.curve for end in (point.least, point.most)]
    assert ends == sorted(ends)
    assert told.curve[-1].accuracy.mean > told.curve[0].accuracy.mean
    assert summary(results(3, 3)).curve == ()


def test_what_is_not_known_of_one_is_not_known_of_all():
    rows = [result("a", usd=0.5), result("b", usd=None)]
    spent = summary(rows).spent
    assert spent["usd"].mean is None
    assert spent["usd"].total is None
    assert (spent["tokens"].mean, spent["frames"].total) == (1000, 8)


def test_evidence_and_recall_where_the_set_has_them():
    assert summary([result()]).evidence is None
    assert summary([result(evidence_time=((0, 4),))]).evidence is None  # none was told
    rows = [
        result("a", evidence_time=((0, 4),), evidence=((2, 4), (8, 10))),
        result("b", evidence_time=((0, 4),)),
        result("c"),
    ]
    told = summary(rows).evidence
    assert (told.questions, told.asked, told.answered) == (2, 2, 1)
    assert (told.best.mean, told.union.mean) == (0.25, pytest.approx(1 / 6))
    actions = [
        result(
            name, options=(), answer_index=None, answers=(right,), answer=told, metric="recall@5"
        )
        for name, right, told in (
            ("a", "open door", "close door; open door"),
            ("b", "open door", "wash cup"),
        )
    ]
    assert summary(actions).recall["overall"] == {"verb": 0.5, "noun": 0.5, "action": 0.5}


def test_the_running_count_says_the_same():
    rows, standing = results(), Standing()
    for row in rows:
        standing.add(row)
    assert standing.estimate == summary(rows).accuracy
