"""Scenes that come back are one group; every transition is counted once."""

from __future__ import annotations

import numpy as np
import pytest

from rlm.encoders.embedding import normalise
from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import transition_graph
from rlm.prediction.graph import grouped


def test_groups_are_found_and_numbered_by_first_appearance() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, 32))
    order = [2, 0, 0, 1, 2, 1, 0, 2]
    vectors = normalise((centres[order] + 0.1 * rng.standard_normal((8, 32))).astype(np.float32))
    labels, score = grouped(vectors)
    assert labels.tolist() == [0, 1, 1, 2, 0, 2, 1, 0] and score > 0.7


def test_all_alike_is_one_group() -> None:
    vectors = normalise(np.ones((5, 8), np.float32) + 1e-4 * np.eye(5, 8, dtype=np.float32))
    assert grouped(vectors)[0].tolist() == [0] * 5


def test_what_is_alike_to_nothing_stays_alone() -> None:
    vectors = np.eye(6, dtype=np.float32)
    labels, score = grouped(vectors)
    assert labels.tolist() == list(range(6)) and score == 0


def test_every_scene_and_transition_is_there(index: VideoIndex) -> None:
    graph = transition_graph(index)
    scenes = [(s.start, s.end) for s in index.scenes() if s.end - s.start >= 0.5]
    assert sorted(span for group in graph.groups for span in group) == scenes
    assert sum(t.count for t in graph.transitions) == len(scenes) - 1
    assert all(t.energy > 0 for t in graph.transitions)
    with pytest.raises(UsageError, match="2 to 2000 scenes"):
        transition_graph(index, level=2)
    for wrong in (1.0, True):
        with pytest.raises(UsageError, match="levels"):
            transition_graph(index, wrong)
