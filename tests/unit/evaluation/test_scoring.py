from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.evaluation.items import Item
from rlm.evaluation.scoring import (
    anticipation_recall,
    best_iou,
    class_mean_recall,
    plain_answer,
    ranked,
    says,
    score,
    union_iou,
)
from rlm.spans import Span

CHOICE = Item(id="c", video=Path("v"), question="q", options=("a", "b"), answer_index=1)
FREE = Item(id="f", video=Path("v"), question="q", answers=("red ring", "a circle"))


def test_a_choice_is_right_or_wrong_or_unknown() -> None:
    assert score(CHOICE, "b", 1) == 1.0
    assert score(CHOICE, "b", 0) == 0.0
    assert score(CHOICE, "b", None) == 0.0
    assert score(FREE, "The circle.", None) == 1.0
    assert score(CHOICE.model_copy(update={"answer_index": None}), "b", 1) is None


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("The red ring.", "red ring", True),
        ("RED   ring!", "red ring", True),
        ("red rings", "red ring", False),
        ("I think it is a red ring", "red ring", False),
        ("Two", "2", True),
        ("1,000.5", "1,000.5", True),
        ("1,000.", "1000", False),
        ("Yes, he is wearing one.", "yes", True),
        ("No.", "no", True),
        ("Not at all", "no", False),
        ("yes", "no", False),
        ("no yes", "yes", False),
        ("", "no", False),
        ("t-shirt", "t-shirt", True),
    ],
)
def test_says(text: str, answer: str, right: bool) -> None:
    assert says(text, [answer]) is right
    assert says(text, ["something else", answer]) is right


@given(st.text())
def test_a_plain_answer_stays_as_it_is(text: str) -> None:
    once = plain_answer(text)
    assert plain_answer(once) == once


def test_guesses_are_ranked_however_they_are_written() -> None:
    five = ["take plate", "turn-on tap", "wash pan"]
    assert ranked("take plate; turn-on tap; take plate; wash pan.") == five
    assert ranked("1. Take plate\n2) turn-on  tap\n- wash pan\n") == five
    assert ranked("take plate, turn-on tap, wash pan") == five
    assert ranked("take board:chopping") == ["take board:chopping"]
    assert ranked(" \n") == []


def test_recall_is_the_mean_of_that_of_each_class() -> None:
    labels = ["a", "a", "a", "a", "b"]
    guesses = [["a"], ["x", "a"], [], list("uvwxya"), ["x"]]
    assert class_mean_recall(labels, guesses) == pytest.approx((2 / 4 + 0 / 1) / 2)
    assert class_mean_recall(labels, guesses, k=1) == pytest.approx((1 / 4 + 0) / 2)
    assert math.isnan(class_mean_recall([], []))
    with pytest.raises(ValueError, match="shorter"):
        class_mean_recall(labels, [])


@given(st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 6), max_size=7)), min_size=1))
def test_recall_is_what_its_definition_says(rows: list[tuple[int, list[int]]]) -> None:
    shares = []
    for label in {label for label, _ in rows}:
        of = [label in told[:5] for right, told in rows if right == label]
        shares.append(sum(of) / len(of))
    wanted = sum(shares) / len(shares)
    assert class_mean_recall(*zip(*rows, strict=True)) == pytest.approx(wanted)


def test_anticipation_is_told_for_all_unseen_and_tail() -> None:
    def item(uid: str, answer: str, group: str = "seen", category: str = "") -> Item:
        return Item(
            id=uid,
            video=Path("v"),
            question="What is next?",
            answers=(answer,),
            group=group,
            category=category,
            metric="recall@5",
        )

    items = [
        item("1", "take plate"),
        item("2", "wash plate", "unseen"),
        item("3", "open tap", "unseen", "tail verb; tail action"),
    ]
    guesses = {"1": ["take plate"], "2": ["wash pan", "dry plate"], "3": ["OPEN drawer"]}
    table = anticipation_recall(items, guesses)
    assert table["overall"] == {"verb": 1.0, "noun": 0.5, "action": pytest.approx(1 / 3)}
    assert table["unseen"] == {"verb": 1.0, "noun": 0.5, "action": 0.0}
    assert (table["tail"]["verb"], table["tail"]["action"]) == (1.0, 0.0)
    assert math.isnan(table["tail"]["noun"])
    assert anticipation_recall(items, {})["overall"]["verb"] == 0.0
    assert score(items[0], "open tap; take plate", None) == 1.0
    assert score(items[0], "a x; b x; c x; d x; e x; take plate", None) == 0.0


def test_the_best_overlap_of_each_span_that_is_wanted() -> None:
    told = [Span(0, 4), Span(10, 12)]
    assert best_iou(told, [Span(2, 4)]) == pytest.approx(0.5)
    assert best_iou(told, [Span(2, 4), Span(10, 12)]) == pytest.approx(0.75)
    assert best_iou(told, [Span(0, 4), Span(20, 30)]) == pytest.approx(0.5)
    assert best_iou([], [Span(0, 1)]) == best_iou(told, []) == 0.0


@pytest.mark.parametrize(
    ("spans", "share"),
    [
        ([], 0.0),
        ([(2, 6)], 1.0),
        ([(2, 4), (3, 6), (2, 6)], 1.0),
        ([(0, 10)], 0.4),
        ([(7, 9)], 0.0),
        ([(5, 6), (2, 3)], 0.5),
    ],
)
def test_union_iou_counts_each_second_once(spans: list[tuple[float, float]], share: float) -> None:
    assert union_iou([Span(*span) for span in spans], [Span(2, 4), Span(3, 6)]) == pytest.approx(
        share
    )
    assert union_iou([], [Span(2, 2)]) == 0.0
