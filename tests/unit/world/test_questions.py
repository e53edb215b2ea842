from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlm.spans import parse_time
from rlm.world import Film, Shot, ask, make_film, write_film
from rlm.world.captions import name, story

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.floats(60, 90))
def test_form(seed: int, seconds: float) -> None:
    film = make_film(seed, seconds)
    questions = ask(film)
    assert questions == ask(film)
    assert len(questions) >= 16
    assert len({q.id for q in questions}) == len({q.question for q in questions}) == len(questions)
    for q in questions:
        assert len(set(q.options)) == 4
        assert 0 <= q.answer_index < 4
        start, end = q.evidence_time
        assert 0 <= start < end <= film.span.end
    places = Counter(q.answer_index for q in questions)
    assert max(places.values()) - min(places[i] for i in range(4)) <= 1


def _named(film: Film, words: str) -> Shot:
    """The one shot whose thing goes by a colour and a shape."""
    (shot,) = (s for s in film.shots if name(s.things[0]) == words.removeprefix("The ").lower())
    return shot


@given(SEEDS)
def test_exactly_the_answer_is_true(seed: int) -> None:
    """Every option of the kinds that can be checked against the film without the writer's code."""
    film = make_film(seed)
    for q in ask(film):
        right = [_holds(film, q.question, option) for option in q.options]
        if None not in right:
            assert right == [i == q.answer_index for i in range(4)], q


def _holds(film: Film, question: str, option: str) -> bool | None:
    shots = list(film.shots)
    if found := re.match(r"What (?:does the|happens to the) (\w+ \w+)", question):
        shot = _named(film, found[1])
        return option == f"It {story(shot.things[0], shot.event_of(0))}"
    if found := re.match(r"Which shape is shown right (after|before) the (\w+ \w+)", question):
        place = shots.index(_named(film, found[2])) + (1 if found[1] == "after" else -1)
        return shots.index(_named(film, option)) == place
    if found := re.match(r"How many shots show a (\w+)", question):
        return sum(s.things[0].shape == found[1] for s in shots) == int(option)
    if found := re.match(r"In how many shots is something (\w+)", question):
        return sum(found[1] in s.things[0].colours for s in shots) == int(option)
    if found := re.match(r"Which shape is the (first|last) one", question):
        return _named(film, option) is shots[0 if found[1] == "first" else -1]
    if found := re.match(r"What colour is the (first|last) (\w+) in", question):
        alike = [s for s in shots if s.things[0].shape == found[2]]
        return alike[0 if found[1] == "first" else -1].things[0].colour == option.lower()
    if found := re.match(r"What happens next after (\S+)\?", question):
        after = [e for s in shots for e in s.events if e.span.start > parse_time(found[1])]
        words = re.match(r"The (\w+ \w+) ", option)
        assert words
        return _named(film, words[1]).events[0] is after[0]
    if found := re.match(r"(?:When|At what time) does the (\w+ \w+)", question):
        time = parse_time(option.removeprefix("At about "))
        return abs(_named(film, found[1]).events[0].span.start - time) <= 0.5
    return None


def test_a_reader_of_the_words_alone_gets_little_from_them() -> None:
    """Longest, shortest, first and middle options are right about as often as chance has it."""
    hits: dict[str, list[bool]] = {"longest": [], "shortest": [], "first": []}
    for seed in range(60):
        for q in ask(make_film(seed)):
            lengths = np.array([len(option) for option in q.options])
            longest, shortest = lengths == lengths.max(), lengths == lengths.min()
            if longest.sum() == 1:
                hits["longest"].append(bool(longest[q.answer_index]))
            if shortest.sum() == 1:
                hits["shortest"].append(bool(shortest[q.answer_index]))
            hits["first"].append(q.answer_index == 0)
    assert all(abs(float(np.mean(hit)) - 0.25) < 0.05 for hit in hits.values()), {
        k: float(np.mean(v)) for k, v in hits.items()
    }


def test_every_category_is_asked() -> None:
    asked = Counter(q.category for seed in range(10) for q in ask(make_film(seed)))
    assert set(asked) == {
        "descriptive",
        "direction",
        "attribute",
        "counting",
        "temporal_order",
        "first_last",
        "next_event",
        "when",
    }
    assert min(asked.values()) >= 10


def test_rows_are_in_the_project_form(tmp_path: Path) -> None:
    film = make_film(9, 40)
    files = write_film(film, tmp_path, fps=5, side=64)
    rows = [json.loads(line) for line in files.questions.read_text().splitlines()]
    assert [row["question"] for row in rows] == [q.question for q in ask(film)]
    assert all(
        list(row)
        == ["id", "video", "question", "options", "answer_index", "category", "evidence_time"]
        for row in rows
    )
    assert {row["video"] for row in rows} == {"film.mp4"}
