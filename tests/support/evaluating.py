"""Evaluations with models that say what they are told, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlm.agent.llm import LanguageModel
from rlm.agent.models import Models
from rlm.config import Config
from rlm.evaluation.evaluate import Evaluated, Evaluation, evaluate
from rlm.evaluation.judge import Judge
from rlm.evaluation.results import ItemResult, RunHeader, Sitting
from rlm.evaluation.runner import Run
from rlm.evaluation.supply import Job

SITTING = Sitting(started="now", commit=None, machine="m", workers=2)


def header(**changed: object) -> RunHeader:
    values = {
        "videorlm": "1", "dataset": "jsonl", "annotations": "a", "annotations_sha256": "0" * 64,
        "videos": "v", "system": "loop", "models": {"main": "m"}, "preset": "builtin",
        "weights": {"builtin": "1"}, "prompts": {"system": "ab"}, "questions": 2,
        "parameters": {"limit": None, "max_turns": 12}, "sandbox_level": "bubblewrap",
    }  # fmt: skip
    return RunHeader.model_validate(values | changed)


def result(name: str, **changed: object) -> ItemResult:
    values = {"id": name, "dataset": "d", "system": "s", "video": "v.mp4", "question": "q"}
    return ItemResult.model_validate(values | changed)


class Watching:
    """Keeps what it is told; ``on_finished`` may interfere."""

    def __init__(self, on_finished: Callable[[ItemResult], None] = lambda result: None) -> None:
        self.begun: list[str] = []
        self.results: list[ItemResult] = []
        self.lines: list[str] = []
        self._on_finished = on_finished

    def started(self, job: Job) -> None:
        self.begun.append(job.item.id)

    def finished(self, result: ItemResult) -> None:
        self.results.append(result)
        self._on_finished(result)

    def tick(self, run: Run) -> None:
        pass

    def say(self, line: str) -> None:
        self.lines.append(line)


def write_questions(file: Path, count: int, video: str = "film.mp4", **more: Any) -> Path:
    """A file with questions q0, q1, ..., of which A is right for every other one."""
    rows = [
        {
            "id": f"q{number}",
            "video": video,
            "question": f"Is it {number}?",
            "options": ["yes", "no"],
            "answer_index": number % 2,
            "category": ("even", "odd")[number % 2],
        }
        | more
        for number in range(count)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run(
    annotations: Path,
    videos: Path,
    output: Path,
    model: LanguageModel | Callable[[int | None], LanguageModel],
    watch: Watching | None = None,
    cache: Path | None = None,
    judge: LanguageModel | None = None,
    **wanted: Any,
) -> Evaluated:
    """Evaluate with ``model``, or with what it gives for a seed, and have ``judge`` judge."""
    given = {"system": "blind", "workers": 2, "preset": "builtin", "model": "scripted"} | wanted
    given |= {} if judge is None else {"judge": judge.name}
    asked = Evaluation("jsonl", annotations, videos, output=output, **given)

    def make(choice, api_base, config, notify, busy) -> Models:
        return Models(model(config.seed) if isinstance(model, type(run)) else model)

    def judging(name, api_base, config, at_once) -> Judge:
        return Judge(judge)

    config = Config(cache=cache)
    return evaluate(asked, watch or Watching(), None, config, make, judging)
