"""A calibrator: how many answers are right when one is so sure, as ``eval calibrate`` fits it.

A file of plain numbers. It says something of the system and the model whose answers it was fitted
on, and of no others.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rlm.agent.text import one_line
from rlm.errors import UsageError

Method = Literal["none", "platt", "isotonic"]


class Calibrator(BaseModel):
    """A curve from confidence to the share that is right: straight lines between its ``points``.

    ``run`` is the folder it was fitted on, with ``answers`` about ``videos``; the rest says what
    was asked and by whom. ``brier_*`` and ``ece_*`` are of held-out answers, with their confidence
    as it was and after.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    method: Method
    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    run: str
    dataset: str
    system: str
    model: str
    preset: str | None
    answers: int
    videos: int
    brier_before: float
    brier_after: float
    ece_before: float
    ece_after: float

    @model_validator(mode="after")
    def _is_a_curve(self) -> Self:
        xs = [x for x, _ in self.points]
        if xs != sorted(set(xs)):
            raise ValueError("points: their first numbers do not rise")
        if not all(0 <= number <= 1 for point in self.points for number in point):
            raise ValueError("points: not all numbers are from 0 to 1")
        return self

    def __call__(self, confidence: float | None) -> float | None:
        """What ``confidence`` stands for; ``None`` stays so."""
        if confidence is None:
            return None
        place = bisect_right(self.points, confidence, key=lambda point: point[0])
        if place in (0, len(self.points)):
            return self.points[min(place, len(self.points) - 1)][1]
        (x0, y0), (x1, y1) = self.points[place - 1 : place + 1]
        return y0 + (y1 - y0) * (confidence - x0) / (x1 - x0)

    @property
    def sha256(self) -> str:
        """The digest of all that it says."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def why_not(self, system: str, model: str) -> str:
        """Why it says nothing of another system or model; empty when it does."""
        if (self.system, self.model) == (system, model):
            return ""
        mine, theirs = (" with ".join(filter(None, who)) for who in (
            (self.system, self.model), (system, model)
        ))  # fmt: skip
        return f"it was fitted on {mine}, and this is {theirs}"


def load_calibrator(path: Path) -> Calibrator:
    """The calibrator in a file.

    Raises ``UsageError`` when it cannot be read, or is none.
    """
    try:
        return Calibrator.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the calibrator {path}: {error.strerror}") from error
    except ValidationError as error:
        what = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise UsageError(
            f"{path} is no calibrator: {one_line(what)}; 'videorlm eval calibrate' writes one"
        ) from error


def calibrator_for(
    path: Path | None, system: str, model: str, notify: Callable[[str], None]
) -> Calibrator | None:
    """The calibrator in ``path``, if it is of this system and model: else ``notify`` hears of it.

    Raises ``UsageError`` as :func:`load_calibrator`.
    """
    if path is None:
        return None
    found = load_calibrator(path)
    if why := found.why_not(system, model):
        notify(f"warning: confidence is not calibrated: {path}: {why}")
        return None
    return found
