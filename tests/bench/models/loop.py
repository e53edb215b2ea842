"""Multiple choice on unseen films, asked as a user asks: ``videorlm ask``, jail and all."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from bench_questions import TRAIN, Exam, exams, guesses

from rlm.world import Question, make_film
from rlm.world import ask as questions_of


@dataclass(frozen=True)
class Paper:
    """The questions of one film that are asked: every ``step``-th."""

    seed: int
    seconds: float
    step: int

    def questions(self) -> list[Question]:
        """Those that are asked."""
        return questions_of(make_film(self.seed, self.seconds))[:: self.step]


@dataclass(frozen=True)
class Answered:
    """Whether one question was answered rightly, and how else it might have been."""

    seconds: float
    category: str
    right: bool
    untrained: bool
    words: bool


def examined(weights: Path | str, papers: Sequence[Paper], processes: int = 2) -> list[Answered]:
    """Every question of ``papers`` asked with a set of weights and with untrained ones.

    An answer of None is wrong. ``words`` is the best of the readers of the words alone that
    ``bench_questions`` trains. Films are asked about in ``processes`` at once.
    """
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        random = _untrained(Path(name) / "untrained")
        with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
            jobs = [pool.submit(_asked, paper, [str(weights), random]) for paper in papers]
            results = [job.result() for job in jobs]
    words = _by_words(papers)
    return [
        Answered(paper.seconds, question.category, right, untrained, word)
        for paper, (trained, random_ones), guessed in zip(papers, results, words, strict=True)
        for question, right, untrained, word in zip(
            paper.questions(), trained, random_ones, guessed, strict=True
        )
    ]


def _asked(paper: Paper, presets: Sequence[str]) -> list[list[bool]]:
    """For each preset, whether each question of a film was answered rightly."""
    from rlm.agent.ask import ask
    from rlm.agent.choose import BUILTIN
    from rlm.world import write_film

    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = write_film(make_film(paper.seed, paper.seconds), folder).film
        for preset in presets:
            right = []
            for question in paper.questions():
                run = ask(
                    film,
                    question.question,
                    question.options,
                    model=BUILTIN,
                    preset=preset,
                    transcripts=folder / "transcripts",
                    cache=folder / "cache",
                )
                answer = run.result.answer
                right.append(answer is not None and answer.choice == question.answer_index)
            found.append(right)
    return found


def _untrained(folder: Path) -> str:
    from rlm.world.train.export import export
    from rlm.world.train.model import Sizes, Trainee
    from rlm.world.train.readers import Readers

    torch.manual_seed(0)
    model = Trainee(Sizes())
    export(model, Readers(model.sizes.hidden), folder, {})
    return str(folder)


def _by_words(papers: Sequence[Paper]) -> list[list[bool]]:
    """Whether the reader of words that is best over all of them was right, for each question."""
    test = [Exam(tuple(paper.questions()), paper.seconds) for paper in papers]
    readers = guesses(exams(TRAIN), test)
    best = max(readers.values(), key=lambda told: sum(right for _, right in told))
    hits = iter(bool(right) for _, right in best)
    return [[next(hits) for _ in exam.questions] for exam in test]
