"""Whether the questions of the world can be answered without the film, or from a few pictures.

::

    python tests/bench/bench_questions.py

Readers of the words alone are trained on the questions of some films and answer those of others:
one logistic regression and one of boosted trees, over features of each option. They see where it
stands, how long it is, its words, how its number compares with the others, what it has in common
with the question and with the other options, and what all other questions of the same film say of
the same names, deeds and times. Chance is 25%. An interval is Wilson's of 95%.

Then, of films of 10, 20 and 60 minutes: the share of questions of whose evidence (every span that
must be looked at) 64 and 256 evenly spread pictures touch all, so that they could be answered.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from rlm.spans import parse_time
from rlm.world import Question, ask, make_film
from rlm.world.questions import CATEGORIES
from rlm.world.scene import COLOURS, SHAPES

TRAIN, TEST = range(1000, 1120), range(2000, 2120)
SECONDS = (75.0, 300.0, 1200.0)
LONG = {600.0: range(3000, 3010), 1200.0: range(3010, 3016), 3600.0: range(3020, 3023)}
PICTURES = (64, 256)
HASHED = 2**12

Floats = NDArray[np.float64]

_CLOCK = re.compile(r"\d+:\d\d(?::\d\d)?")
_NAME = re.compile(f"({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})")
_WORD = re.compile(r"[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Exam:
    """The questions of one film."""

    questions: tuple[Question, ...]
    seconds: float


def exams(seeds: Sequence[int]) -> list[Exam]:
    """Films of all lengths in turn."""
    lengths = [SECONDS[i % len(SECONDS)] for i in range(len(seeds))]
    films = ((make_film(seed, length), length) for seed, length in zip(seeds, lengths, strict=True))
    return [Exam(tuple(ask(film)), length) for film, length in films]


def words(text: str) -> list[str]:
    return _WORD.findall(_CLOCK.sub("", text.lower()))


def clocks(text: str) -> list[float]:
    return [parse_time(found) for found in _CLOCK.findall(text)]


def names(text: str) -> set[str]:
    return {" ".join(found) for found in _NAME.findall(text.lower())}


def number(text: str) -> float:
    """The one an option is about: a time in seconds, a count, a length; else -1."""
    times = clocks(text)
    digits = re.search(r"\d+", text)
    return times[0] if times else float(digits[0]) if digits else -1.0


def share(one: Sequence[str], other: Sequence[str]) -> float:
    """Jaccard similarity of two bags' sets."""
    union = set(one) | set(other)
    return len(set(one) & set(other)) / len(union) if union else 0.0


def dense(exam: Exam, place: int) -> Floats:
    """What there is to each option of a question beside its bare words, [4, F]."""
    question = exam.questions[place]
    others = [other for i, other in enumerate(exam.questions) if i != place]
    said = Counter(word for other in others for word in words(other.question))
    offered = Counter(option for other in others for option in other.options)
    listed = Counter(word for other in others for option in other.options for word in words(option))
    asked = words(question.question)
    when = clocks(question.question)
    numbers = np.array([number(option) for option in question.options])
    lengths = np.array([len(option) for option in question.options], float)
    rows = []
    for i, option in enumerate(question.options):
        mine = words(option)
        rest = [words(o) for j, o in enumerate(question.options) if j != i]
        elsewhere = [other for other in others if names(option) & names(other.question)]
        nearby = [abs(t - w) for o in elsewhere for t in clocks(o.question) for w in when]
        all_times = [t for other in others for t in clocks(other.question)]
        deeds = [share(mine, words(other.question)) for other in others]
        # What others offer of the same name, or to a question of the same one.
        kin = [other for other in others if names(question.question) & names(other.question)]
        kin_options = [share(mine, words(o)) for other in kin for o in other.options]
        own_times = clocks(option)
        rows.append(
            [
                CATEGORIES.index(question.category),
                i,
                lengths[i],
                lengths[i] - lengths.mean(),
                float((lengths < lengths[i]).sum()),
                float((lengths == lengths[i]).sum()),
                len(mine),
                numbers[i],
                float((numbers < numbers[i]).sum()),
                numbers[i] / max(1.0, numbers.max()),
                numbers[i] - float(np.median(numbers)),
                numbers[i] / exam.seconds,
                share(mine, asked),
                len(set(mine) & set(asked)),
                float(np.mean([share(mine, other) for other in rest])),
                float(max(share(mine, other) for other in rest)),
                offered[option],
                sum(said[word] for word in mine) / max(1, len(mine)),
                sum(listed[word] for word in mine) / max(1, len(mine)),
                len(elsewhere),
                min(nearby, default=1e4),
                max(deeds, default=0.0),
                sum(said[word] for word in asked if word in SHAPES or word in COLOURS) - numbers[i],
                len(names(option) & names(question.question)),
                max(kin_options, default=0.0),
                len(kin),
                min((abs(t - o) for t in all_times for o in own_times), default=1e4),
                min((abs(t - o) for t in when for o in own_times), default=1e4),
                exam.seconds,
            ]
        )
    return np.array(rows)


def sparse(question: Question) -> Iterator[list[str]]:
    """Each option's words, alone, with the kind of question, and with its words."""
    asked = [word for word in words(question.question) if len(word) > 2]
    for i, option in enumerate(question.options):
        mine = words(option)
        yield [
            *(f"w:{word}" for word in mine),
            *(f"c:{question.category}:{word}" for word in mine),
            *(f"q:{one}:{other}" for one in asked for other in mine),
            f"p:{question.category}:{i}",
            f"o:{option}",
        ]


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not count:
        return 0.0, 1.0
    p, d = hits / count, 1 + z * z / count
    middle = (p + z * z / (2 * count)) / d
    half = z * np.sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / d
    return float(middle - half), float(middle + half)


def guesses(train: Sequence[Exam], test: Sequence[Exam]) -> dict[str, list[tuple[str, bool]]]:
    """Of each reader, for each question of ``test``: its category, and whether it was right."""

    def tables(papers: Sequence[Exam]) -> tuple[Floats, list[list[str]], NDArray[np.int64]]:
        pairs = [(exam, place) for exam in papers for place in range(len(exam.questions))]
        values = np.concatenate([dense(exam, place) for exam, place in pairs])
        bags = [bag for exam, place in pairs for bag in sparse(exam.questions[place])]
        right = [exam.questions[place].answer_index for exam, place in pairs]
        return values, bags, np.eye(4, dtype=np.int64)[right].ravel()

    x, bags, y = tables(train)
    x_test, bags_test, y_test = tables(test)
    trees = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.05, categorical_features=[0], random_state=0
    ).fit(x, y)
    line = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(x, y)
    hasher = FeatureHasher(HASHED, input_type="string")
    bag = make_pipeline(MaxAbsScaler(), LogisticRegression(C=0.1, max_iter=500))
    bag.fit(hasher.transform(bags), y)
    scores = {
        "trees": trees.predict_proba(x_test)[:, 1],
        "logistic": line.predict_proba(x_test)[:, 1],
        "words": bag.predict_proba(hasher.transform(bags_test))[:, 1],
    }
    kinds = [question.category for exam in test for question in exam.questions]
    right = y_test.reshape(-1, 4).argmax(axis=1)
    return {
        reader: list(zip(kinds, score.reshape(-1, 4).argmax(axis=1) == right, strict=True))
        for reader, score in scores.items()
    }


def touched(question: Question, seconds: float, pictures: int) -> bool:
    """Whether evenly spread pictures (each in the middle of its part) touch all evidence."""
    step = seconds / pictures
    return all(
        np.floor(end / step - 0.5 - 1e-9) >= np.ceil(start / step - 0.5)
        for start, end in question.evidence
    )


def main() -> None:
    """Print one table."""
    results = guesses(exams(TRAIN), exams(TEST))
    seen: dict[tuple[float, int], list[tuple[str, bool]]] = {}
    for seconds, seeds in LONG.items():
        for film in (make_film(seed, seconds) for seed in seeds):
            for question in ask(film):
                for pictures in PICTURES:
                    hit = touched(question, film.span.end, pictures)
                    seen.setdefault((seconds, pictures), []).append((question.category, hit))
    heads = [f"{seconds / 60:.0f} min, {pictures}" for seconds, pictures in seen]
    print(f"words alone: trained on {len(TRAIN)} films, tested on {len(TEST)}; right, chance 25%")
    print("pictures: share of questions of which so many even ones touch all evidence\n")
    print("| type | questions | " + " | ".join([*results, *heads]) + " |")
    print("|---" * (2 + len(results) + len(heads)) + "|")
    for kind in ("all", *CATEGORIES):
        cells = []
        for result in results.values():
            hits = [bool(hit) for category, hit in result if kind in ("all", category)]
            low, high = wilson(sum(hits), len(hits))
            cells.append(f"{np.mean(hits):.1%} ({low:.0%} to {high:.0%})" if hits else "")
        for told in seen.values():
            found = [hit for category, hit in told if kind in ("all", category)]
            cells.append(f"{np.mean(found):.0%}" if found else "")
        print(f"| {kind} | {len(hits)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
