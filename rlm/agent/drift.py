"""Two runs of the same code side by side: what the second one put out otherwise."""

from __future__ import annotations

import difflib
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlm.agent import events as ev
from rlm.agent.recorded import CLOSE, Told, sessions_of
from rlm.errors import TranscriptError

BLOCK = 8
"""Pixels of the side of the blocks by whose means pictures are compared."""
LEVELS = 4.0
"""How far, of 255, such means may differ in a picture that two encoders have written."""
MAX_LINES, MAX_WIDTH = 14, 200
"""What is kept of a diff."""

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_SECONDS = re.compile(r"\d+ s")
# Where the clock ended a session, one more call is begun before the rerun knows.
_CLOCKED = re.compile(r"\d+ (?:s|model calls)")

Pictures = Callable[[str], bytes]
"""The JPEG of a hash; raises ``TranscriptError`` or ``OSError`` when there is none."""


@dataclass(frozen=True)
class Drift:
    """An output that is not as recorded: where, and a unified diff in a few lines."""

    where: str
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """How many ``outputs`` there are, which drifted, and how many are the same but nearly.

    An output is what a turn put out (text, pictures, failure) or how a session ended (answer).
    """

    outputs: int
    near: int
    drifts: tuple[Drift, ...]
    tolerance: float

    @property
    def summary(self) -> str:
        """All this in one line."""
        words = f"{self.outputs - len(self.drifts)} of {self.outputs} outputs are as recorded"
        if self.near:
            words += (
                f", {self.near} of them but for numbers within {self.tolerance:g} or pictures "
                f"within {LEVELS:g} of 255"
            )
        return words


@dataclass(frozen=True)
class _Pair:
    """The lines of an output then and now; what is near enough has the old words in both."""

    then: list[str]
    now: list[str]
    near: bool = False


@dataclass(frozen=True)
class _Judge:
    """What counts as the same; ``passing`` is what may pass unlike in a budget."""

    pictures: tuple[Pictures, Pictures]
    tolerance: float
    passing: re.Pattern[str]

    def parts(self, event: ev.Observed | None) -> list[ev.Part]:
        """All parts of an observation, but in its last, of the budget, what may pass unlike."""
        if event is None:
            return []
        *parts, last = event.parts
        if isinstance(last, ev.Text) and last.text.endswith("]"):
            head, left, words = last.text[:-1].partition("; left: ")
            kept = [word for word in words.split(", ") if not self.passing.fullmatch(word)]
            if left:
                last = ev.Text(text=f"{head}{left}{', '.join(kept) or 'no limit'}]")
        return [*parts, last]


def compare(
    then: Sequence[ev.Event],
    now: Sequence[ev.Event],
    places: Mapping[str, str],
    pictures: tuple[Pictures, Pictures],
    tolerance: float = CLOSE,
) -> Report:
    """Say where the run ``now`` differs from ``then``.

    ``places`` says which session then each one now is; ``pictures`` finds those of both runs.
    Numbers with a decimal point may be off by ``tolerance`` relative to them, others not at all.
    """
    old, new = sessions_of(then), sessions_of(now)
    header = then[0]
    clocked = isinstance(header, ev.SessionStarted) and header.limits.get("seconds") is not None
    judge = _Judge(pictures, tolerance, _CLOCKED if clocked else _SECONDS)
    by_place = {place: new[name] for name, place in places.items() if name in new}
    outputs, near, drifts = 0, 0, []
    for place, told in old.items():
        again = by_place.get(place, Told(place))
        for where, pair in _outputs(told, again, judge):
            outputs, near = outputs + 1, near + pair.near
            if pair.then != pair.now:
                drifts.append(Drift(_where(place, where), _diff(pair)))
    for name, told in new.items():
        if name not in places:
            outputs += 1
            what = told.started.question if told.started is not None else ""
            drifts.append(Drift(_where(name, "all"), (f"+not recorded: {what[:MAX_WIDTH]}",)))
    return Report(outputs, near, tuple(drifts), tolerance)


def same_words(then: str, now: str, tolerance: float = CLOSE) -> bool:
    """Whether two texts are the same but for the last digits of their numbers."""
    if then == now:
        return True
    old, new = _NUMBER.findall(then), _NUMBER.findall(now)
    if len(old) != len(new) or not all(map(_same_number, old, new, [tolerance] * len(old))):
        return False
    # Columns of numbers are as wide as the longest one.
    between = [[piece.strip(" ") for piece in _NUMBER.split(text)] for text in (then, now)]
    return between[0] == between[1]


def picture_distance(then: bytes, now: bytes) -> tuple[float, float] | None:
    """How far two JPEGs are apart, in levels of 255: on average, and in their worst block.

    ``None`` when their sizes differ. A thing that moved changes a block's mean by far more than
    another encoder does, and the average by far less.
    """
    import numpy as np
    from PIL import Image

    a, b = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float) for data in (then, now))
    if a.shape != b.shape:
        return None
    off = a - b
    height, width = (side - side % BLOCK or side for side in off.shape[:2])
    rows, columns = max(1, height // BLOCK), max(1, width // BLOCK)
    blocks = off[:height, :width].reshape(rows, height // rows, columns, width // columns, 3)
    return float(abs(off).mean()), float(abs(blocks.mean(axis=(1, 3))).max())


# ---- one session


def _outputs(told: Told, again: Told, judge: _Judge) -> Iterator[tuple[str, _Pair]]:
    turns = set(told.observed) | (set() if told.broke_off else set(again.observed))
    turns -= told.cut_cells.keys()  # a person's patience is no part of a run
    for turn in sorted(turns):
        pair = _observations(told.observed.get(turn), again.observed.get(turn), judge)
        yield f"turn {turn}", pair
    if not told.broke_off:
        yield "the end", _near_lines(_ending(told), _ending(again), judge.tolerance)


def _ending(told: Told) -> list[str]:
    if told.end is None:
        return []
    lines = [f"ended: {told.end.status}"]
    for answer in (*told.earlier, told.answer):
        if answer is None:
            continue
        lines.append(f"answer: {answer.answer}")
        lines.append(f"choice: {answer.choice}")
        lines += [f"evidence: {start:.6f} {end:.6f}" for start, end in answer.evidence]
        lines.append(f"confidence: {answer.confidence}")
        lines.append(f"best effort: {answer.best_effort}")
    return lines


def _observations(then: ev.Observed | None, now: ev.Observed | None, judge: _Judge) -> _Pair:
    old_parts, new_parts = judge.parts(then), judge.parts(now)
    if (
        then is None
        or now is None
        or [part.kind for part in then.parts] != [part.kind for part in now.parts]
    ):
        return _Pair(_lines(then, old_parts), _lines(now, new_parts))
    pairs = [_Pair([f"failure: {then.failure}"], [f"failure: {now.failure}"])]
    for old, new in zip(old_parts, new_parts, strict=True):
        if isinstance(old, ev.Image) and isinstance(new, ev.Image):
            pairs.append(_images(old, new, judge.pictures))
        else:
            pairs.append(_near_lines(_words(old), _words(new), judge.tolerance))
    return _Pair(
        [line for pair in pairs for line in pair.then],
        [line for pair in pairs for line in pair.now],
        any(pair.near for pair in pairs),
    )


def _images(then: ev.Image, now: ev.Image, pictures: tuple[Pictures, Pictures]) -> _Pair:
    if then == now or then.label != now.label:
        return _Pair(_words(then), _words(now))
    try:
        distance = picture_distance(pictures[0](then.sha256), pictures[1](now.sha256))
    except (OSError, TranscriptError):
        return _Pair(_words(then), [f"{_words(now)[0]} (the recorded one cannot be read)"])
    if distance is None:
        return _Pair(_words(then), [f"{_words(now)[0]} (another size)"])
    if distance[1] <= LEVELS:
        return _Pair(_words(then), _words(then), near=True)
    mean, worst = distance
    apart = f"(differs by {mean:.2f} of 255, by {worst:.0f} in the worst {BLOCK}x{BLOCK} block)"
    return _Pair(_words(then), [f"{_words(now)[0]} {apart}"])


def _near_lines(then: Sequence[str], now: Sequence[str], tolerance: float) -> _Pair:
    if len(then) != len(now):
        return _Pair(list(then), list(now))
    kept, near = [], False
    for old, new in zip(then, now, strict=True):
        same = same_words(old, new, tolerance)
        near = near or (same and old != new)
        kept.append(old if same else new)
    return _Pair(list(then), kept, near)


def _lines(event: ev.Observed | None, parts: Sequence[ev.Part]) -> list[str]:
    if event is None:
        return []
    return [f"failure: {event.failure}", *(line for part in parts for line in _words(part))]


def _words(part: ev.Part) -> list[str]:
    if isinstance(part, ev.Image):
        return [f"picture {part.sha256[:12]} {part.label}"]
    return part.text.splitlines()


def _same_number(then: str, now: str, tolerance: float) -> bool:
    if then == now:
        return True
    if not ("." in then or "e" in then.lower()) and not ("." in now or "e" in now.lower()):
        return False  # a count
    return math.isclose(float(then), float(now), rel_tol=tolerance, abs_tol=1e-9)


def _where(place: str, what: str) -> str:
    return f"sub-session {place}, {what}" if place else what


def _diff(pair: _Pair) -> tuple[str, ...]:
    # The first lines name the two files, which there are none of.
    lines = list(difflib.unified_diff(pair.then, pair.now, n=1, lineterm=""))[2:]
    kept = [line if len(line) <= MAX_WIDTH else f"{line[:MAX_WIDTH]}..." for line in lines]
    if len(kept) > MAX_LINES:
        kept = [*kept[:MAX_LINES], f"... {len(kept) - MAX_LINES} more lines"]
    return tuple(kept)
