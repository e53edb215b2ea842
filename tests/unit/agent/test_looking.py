"""What counts as having looked at the evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlm.agent.looking import Looked
from rlm.index import Hit, Scene
from rlm.prediction import Classification
from rlm.spans import Span
from rlm.tools import SubAnswer
from rlm.tools.base import Frames, Sheet
from rlm.video import Cue


def frames(kind: type[Frames] | type[Sheet], *times: float) -> Any:
    return kind(0.0, 60.0, np.array(times), np.zeros((len(times), 2, 2, 3), np.uint8))


def classified(start: float, end: float) -> Classification:
    return Classification(start, end, "run", 1.0, 1.0, "space", "method")


def found(start: float, end: float) -> SubAnswer:
    return SubAnswer("yes", None, ((start, end),), None, None, 1, 1)


@pytest.mark.parametrize(
    ("given", "evidence", "seen"),
    [
        (frames(Frames, 5, 55), (4, 4.5), True),
        (frames(Sheet, 5, 55), (54, 58), True),
        (frames(Frames, 5, 55), (20, 40), False),  # decoded were two frames, not what is between
        ([found(20, 22), found(40, 42)], (41, 43), True),
        (found(20, 22), (30, 32), False),
        ([Cue(8.0, 9.0, "hello")], (8, 10), True),
        ([classified(10, 20)], (12, 13), True),
        ([classified(0, 600)], (12, 13), False),  # tells of no moment in it
        ([classified(0, 600)], (0, 400), True),
        ([Hit(10.0, 12.0, 0.9, "space", "source", "motion")], (10, 12), False),
        ([Scene(0.0, 20.0)], (3, 4), False),
        (None, (0, 1), False),
        ([], (0, 1), False),
    ],
)
def test_what_was_given_is_looked_at(given: object, evidence: Any, seen: bool) -> None:
    looked = Looked()
    looked.add(given)
    assert looked.has(Span(*evidence)) is seen
