"""Results of made-up runs, for what is computed from results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rlm.evaluation.folder import HEADER, RESULTS
from rlm.evaluation.results import ItemResult, RunHeader


def result(name: str = "one", *, right: bool = True, **fields) -> ItemResult:
    """A result of a question with four options, of which the second is right."""
    given = {
        "dataset": "made",
        "system": "loop",
        "video": "a.mp4",
        "question": "Which?",
        "options": ("red", "green", "blue", "white"),
        "answer_index": 1,
        "answer": "green" if right else "red",
        "choice": 1 if right else 0,
        "correct": right,
        "score": float(right),
        "frames": 4,
        "input_tokens": 900,
        "output_tokens": 100,
        "seconds": 2.0,
        "turns": 2,
    }
    return ItemResult(id=name, **(given | fields))


def results(
    videos: int = 12, each: int = 5, *, level: float = 0.6, seed: int = 0, **fields
) -> list[ItemResult]:
    """A run over some videos: harder and easier ones, several categories, some failures.

    Confidence is too high by a fifth; more frames go with more right answers.
    """
    random = np.random.default_rng(seed)
    made = []
    for video in range(videos):
        ease = random.normal(0, 0.15)
        for number in range(each):
            frames = int(random.integers(0, 65))
            chance = float(np.clip(level + ease + (frames - 32) / 200, 0.05, 0.95))
            made.append(
                result(
                    f"{video}-{number}",
                    right=bool(random.random() < chance),
                    video=f"{video}.mp4",
                    video_seconds=30.0 + 60 * video,
                    category=("order", "count; colour", "colour")[number % 3],
                    group="long" if video % 2 else "short",
                    confidence=min(1.0, round(chance + 0.2, 2)),
                    frames=frames,
                    seconds=float(random.gamma(2, 3)),
                    usd=0.001 * frames,
                    **fields,
                )
            )
    return made


def header(**fields) -> RunHeader:
    """That of a run of :func:`results`."""
    given = {
        "videorlm": "0.1.0",
        "dataset": "made",
        "annotations": "made.jsonl",
        "annotations_sha256": "0" * 64,
        "videos": "videos",
        "system": "loop",
        "models": {"main": "openai/some-model"},
        "preset": "builtin",
        "weights": {"builtin": "abc"},
        "prompts": {"system": "1" * 64},
        "parameters": {"repeats": 1, "max_turns": 12},
        "questions": 60,
        "sandbox_level": "bubblewrap",
    }
    return RunHeader(**(given | fields))


def save(folder: Path, rows: Iterable[ItemResult], about: RunHeader | None = None) -> Path:
    """A folder as a run leaves it."""
    folder.mkdir(parents=True)
    (folder / HEADER).write_text((about or header()).model_dump_json())
    lines = (row.model_dump_json() + "\n" for row in rows)
    (folder / RESULTS).write_text("".join(lines), encoding="utf-8")
    return folder
