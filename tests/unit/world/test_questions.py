from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from film_reading import NAME, TIME, Reading
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.spans import Span, parse_time
from rlm.world import Film, Question, ask, make_film, write_film
from rlm.world.questions import CATEGORIES
from rlm.world.questions.draft import base, does, infinitive, ordinal

SEEDS = st.integers(0, 10**6)
slow = settings(max_examples=6, deadline=None)


@cache
def _asked(seed: int) -> tuple[Film, list[Question]]:
    film = make_film(seed, 150)
    return film, ask(film)


@slow
@given(SEEDS, st.floats(60, 400))
def test_form(seed: int, seconds: float) -> None:
    film = make_film(seed, seconds)
    questions = ask(film)
    assert questions == ask(film)
    assert len(questions) >= 8
    assert len({q.id for q in questions}) == len({q.question for q in questions}) == len(questions)
    for q in questions:
        assert len(set(q.options)) == 4
        assert 0 <= q.answer_index < 4
        assert q.evidence
        assert all(0 <= start < end <= film.span.end for start, end in q.evidence), q
        assert q.evidence_time == (min(q.evidence)[0], max(end for _, end in q.evidence))
    places = Counter(q.answer_index for q in questions)
    assert max(places.values()) - min(places[i] for i in range(4)) <= 1
    assert max(Counter(q.category for q in questions).values()) <= 3


@slow
@given(SEEDS, st.sampled_from([75.0, 300.0]))
def test_exactly_the_answer_is_true(seed: int, seconds: float) -> None:
    """Every option of every question, by a second reading of the film."""
    film = make_film(seed, seconds)
    for q in ask(film, per_category=4):
        reading = Reading(film, q)
        right = [reading.holds(option) for option in q.options]
        assert right == [i == q.answer_index for i in range(4)], q


def test_exactly_the_answer_is_true_of_a_long_film() -> None:
    film = make_film(5, 1200)
    for q in ask(film, per_category=8):
        reading = Reading(film, q)
        right = [reading.holds(option) for option in q.options]
        assert right == [i == q.answer_index for i in range(4)], q


def test_the_second_reading_tells_wrong_from_right() -> None:
    """It is no rubber stamp: with the places of the right options moved on, it refuses them."""
    film = make_film(3, 300)
    moved = [replace(q, answer_index=(q.answer_index + 1) % 4) for q in ask(film)]
    assert not any(Reading(film, q).holds(q.options[q.answer_index]) for q in moved)


def test_no_question_tells_when_another_asks_for_it() -> None:
    """Who asks when something happens is not told so by what is said of that shot elsewhere."""
    for _, questions in map(_asked, range(16)):
        named = [
            (parse_time(found[3]), f"{found[1]} {found[2]}", q)
            for q in questions
            for found in re.finditer(f"the {NAME} in the shot at {TIME}", q.question)
        ]
        for q in questions:
            if q.category not in ("when", "next_event"):
                continue
            answer = q.options[q.answer_index]
            for time, name, other in named:
                if other is not q and name in (q.question if q.category == "when" else answer):
                    inside = any(start <= time <= end for start, end in q.evidence[-2:])
                    assert not inside, (q, other)


def test_nothing_goes_on_at_the_moment_after_which_is_asked() -> None:
    """What has begun before and ends after it could be taken for what comes next."""
    asked = 0
    for film, questions in map(_asked, range(16)):
        events = [event for shot in film.shots for event in shot.events]
        for q in questions:
            if found := re.fullmatch(f"What happens next after {TIME}\\?", q.question):
                time = parse_time(found[1])
                assert not [e for e in events if e.span.start <= time < e.span.end + 0.5], q
                asked += 1
    assert asked > 20


def test_no_wrong_direction_is_the_one_on_screen() -> None:
    """Where the camera moves too, what goes right over the ground may be seen to go left."""
    otherwise = 0
    for film, questions in map(_asked, range(16)):
        for q in questions:
            if q.category == "direction":
                reading = Reading(film, q)
                seen = [reading.seen_to_go(option) for option in q.options]
                otherwise += not seen[q.answer_index]
                assert not any(s for i, s in enumerate(seen) if i != q.answer_index), q
    assert otherwise > 1


def test_a_reader_of_the_words_alone_gets_little_from_them() -> None:
    """Longest, shortest, first, largest options are right about as often as chance has it."""
    hits: dict[str, list[bool]] = {"longest": [], "shortest": [], "first": [], "largest": []}
    for seed in range(30):
        for q in ask(make_film(seed, 200)):
            lengths = np.array([len(option) for option in q.options])
            longest, shortest = lengths == lengths.max(), lengths == lengths.min()
            if longest.sum() == 1:
                hits["longest"].append(bool(longest[q.answer_index]))
            if shortest.sum() == 1:
                hits["shortest"].append(bool(shortest[q.answer_index]))
            if all(option.isdigit() for option in q.options):
                numbers = [int(option) for option in q.options]
                hits["largest"].append(max(numbers) == numbers[q.answer_index])
            hits["first"].append(q.answer_index == 0)
    for hit in hits.values():
        slack = 3 * math.sqrt(0.25 * 0.75 / len(hit))
        assert abs(float(np.mean(hit)) - 0.25) < max(0.05, slack), {
            name: float(np.mean(values)) for name, values in hits.items()
        }


def test_every_category_is_asked() -> None:
    asked = Counter(q.category for seed in range(10) for q in ask(make_film(seed, 300)))
    assert set(asked) == set(CATEGORIES)
    assert min(asked.values()) >= 8


def test_few_even_pictures_do_not_show_what_is_asked_of_a_long_film() -> None:
    film = make_film(1, 900)
    times = (np.arange(64) + 0.5) * film.span.end / 64
    questions = ask(film)
    enough = [
        all(((start <= times) & (times < end)).any() for start, end in q.evidence)
        for q in questions
    ]
    assert np.mean(enough) < 0.2


@pytest.mark.parametrize(
    ("kind", "words", "form"),
    [("hide", "go behind a bar", "goes behind a bar"), ("stop", "stop", "stops")],
)
def test_forms_of_verbs(kind: str, words: str, form: str) -> None:
    assert infinitive(kind) == words
    assert does(kind) == form
    assert base(form) == words


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 10, 11, 12, 13, 21, 22, 23, 101, 111)] == [
        *("first", "tenth", "11th", "12th", "13th", "21st", "22nd", "23rd", "101st", "111th")
    ]


def test_rows_are_in_the_project_form(tmp_path: Path) -> None:
    film = make_film(9, 40)
    files = write_film(film, tmp_path, fps=5, side=64)
    rows = [json.loads(line) for line in files.questions.read_text().splitlines()]
    assert [row["question"] for row in rows] == [q.question for q in ask(film)]
    assert all(list(row) == [*Question.__slots__] for row in rows)
    assert {row["video"] for row in rows} == {"film.mp4"}


def test_nothing_is_asked_of_a_film_that_shows_nothing_to_choose_from() -> None:
    film = make_film(2, 40)
    still = replace(film, shots=film.shots[:1], marks=(Span(1.0, 1.5),))
    asked = {q.category for q in ask(still)}
    assert asked <= {"passage", "duration", "mark", "when"} and "order" not in asked
