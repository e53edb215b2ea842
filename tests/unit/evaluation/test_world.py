"""Procedural films as a data set: made once, kept, and made on where it stopped."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from rlm.errors import UsageError
from rlm.evaluation.datasets.world import world

MINUTES = 40 / 60


def test_films_are_made_once(film: Path, tmp_path: Path) -> None:
    there = tmp_path / "film-3-40s"
    shutil.copytree(film, there)
    before = os.stat(there / "film.mp4").st_mtime_ns
    told: list[tuple[int, int]] = []
    data = world(tmp_path, 2, MINUTES, 3, made=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
    assert os.stat(there / "film.mp4").st_mtime_ns == before
    assert len({item.id for item in data.items}) == len(data.items) > 8
    assert {item.video.parent.name for item in data.items} == {"film-3-40s", "film-4-40s"}
    for item in data.items:
        assert (item.dataset, item.group, item.scored) == ("world", "0.666667 min", True)
        assert item.video.is_file()
        assert item.evidence_time
    (there / "questions.jsonl").write_text(
        json.dumps(
            {"id": "x", "video": "film.mp4", "question": "As another version asked?",
             "options": ["a", "b"], "answer_index": 0}
        )
    )  # fmt: skip
    again = world(tmp_path, 2, MINUTES, 3, made=lambda done, of: told.append((done, of)))
    assert again == data
    assert told[2:] == [(2, 2)]


def test_what_makes_no_film_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 films"):
        world(tmp_path, 0)
    with pytest.raises(UsageError, match="40"):
        world(tmp_path, 1, 0.1)
    (tmp_path / "film-3-40s").touch()
    with pytest.raises(UsageError, match="the film of seed 3 could not be made: cannot write"):
        world(tmp_path, 1, MINUTES, 3)
