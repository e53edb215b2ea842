"""Where a video breaks within its shots: what nobody could foresee, and what stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction.reading import pictures_of, tubelet_seconds
from rlm.prediction.surprise import Values, deviations, widest_curve
from rlm.spans import Span

APART = 2.0
"""Seconds between two anomalies at least; nearer ones are one."""
STILL_SECONDS = 1.0
"""How long a picture has to stand to be a freeze."""
_AFTER_CUT = 1.0  # seconds in which a cut still surprises
_STILL = 1.0  # grey levels from picture to picture that noise of a codec stays below
_LESS = 0.15  # of what usually changes in the shot, in a picture that stands


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A moment, ``[start, end)`` in seconds, that does not go on as the video does.

    ``kind`` is ``"surprise"`` (what came is far from what was expected) or ``"freeze"`` (the
    picture stands while its shot moves before or after). ``score`` is how many standard deviations
    it lies from what is usual in the video.
    """

    start: float
    end: float
    score: float
    kind: str
    space: str = field(repr=False)
    method: str = field(repr=False)


def find_anomalies(
    index: VideoIndex, k: int = 5, span: Span | None = None, kind: str | None = None
) -> list[Anomaly]:
    """The ``k`` strangest moments within shots, of ``span`` or the whole video, strangest first.

    The cuts that the index knows are no anomalies: what follows one within a second is left out,
    and so is what could not be decoded. Scores are by the whole video where its curve is known.
    Freezes are scored by another measure than surprises and mostly higher: ``kind`` asks for one.

    Raises ``UsageError`` for a ``k`` below 1 or an unknown ``kind``, and as
    ``surprise_curve`` does.
    """
    if k < 1:
        raise UsageError(f"k is the number of anomalies wanted, at least 1, not {k}")
    if kind not in (None, *_KINDS):
        raise UsageError(f"kind is one of {', '.join(_KINDS)}, not {kind!r:.40}")
    wanted = index.video.span if span is None else span
    of_kind = [_KINDS[kind]] if kind else _KINDS.values()
    found = sorted((one for look in of_kind for one in look(index, wanted)), key=lambda a: -a.score)
    chosen: list[Anomaly] = []
    for one in found:
        if len(chosen) == k:
            break
        if all(_gap(one, other) >= APART for other in chosen):
            chosen.append(one)
    return chosen


def _gap(one: Anomaly, other: Anomaly) -> float:
    return max(one.start, other.start) - min(one.end, other.end)


def _surprises(index: VideoIndex, span: Span) -> list[Anomaly]:
    """Every moment of ``span`` that stands out, cuts and damage left out."""
    curve = widest_curve(index, span)
    long = tubelet_seconds(index)
    cuts = np.array([scene.start for scene in index.scenes()[1:]])
    # A cut within a tubelet, or in the last ones of its context, explains what is surprising.
    explained = _any_between(cuts, curve.times - _AFTER_CUT, curve.times + long)
    for damage in index.damage:
        explained |= (curve.times < damage.end + _AFTER_CUT) & (curve.times + long > damage.start)
    quiet = np.flatnonzero(~explained)
    if not len(quiet):
        return []
    scores = deviations(np.log(curve.energy[quiet]))
    return [
        Anomaly(
            start=float(curve.times[row]),
            end=min(float(curve.times[row]) + long, index.video.span.end),
            score=float(score),
            kind="surprise",
            space=curve.space,
            method=curve.method,
        )
        for row, score in zip(quiet, scores, strict=True)
        if score > 0 and span.start <= curve.times[row] < span.end
    ]


def _any_between(times: Values, first: Values, last: Values) -> NDArray[np.bool_]:
    """For each of the ranges (first, last), whether one of ``times``, which rise, lies in it."""
    found: NDArray[np.bool_] = np.searchsorted(times, last, "left") > np.searchsorted(
        times, first, "right"
    )
    return found


def _freezes(index: VideoIndex, span: Span) -> list[Anomaly]:
    """Stretches in which the picture stands though the shot moves."""
    found = []
    for scene in index.scenes():
        part = span.intersect(Span(scene.start, scene.end))
        if part is None or part.duration < 2 * STILL_SECONDS:
            continue
        times, changes = _changes(index, part)
        moving = changes[changes > _STILL]
        if len(moving) < STILL_SECONDS * index.encoder().fps:
            continue  # a shot that stands as a whole is no freeze
        usual = float(np.median(moving))
        spread = max(float(np.median(np.abs(np.log(moving / usual)))), 0.1) * 1.4826
        still = changes < min(_STILL, _LESS * usual)
        for first, last in _runs(still):
            start, end = float(times[first]), float(times[last])
            broken = any(start < damage.end and damage.start < end for damage in index.damage)
            if end - start >= STILL_SECONDS and not broken:
                change = max(float(changes[first:last].mean()), 0.02)
                found.append(
                    Anomaly(
                        start=start,
                        end=end,
                        score=float(np.log(usual / change)) / spread,
                        kind="freeze",
                        space="pixels",
                        method="difference from picture to picture",
                    )
                )
    return found


def _changes(index: VideoIndex, span: Span) -> tuple[Values, Values]:
    """Times float64[N + 1] of the pictures of ``span``, and how much each differs from the one
    before, float64[N], in grey levels."""
    times, changes = [], []
    before = None
    for time, picture in pictures_of(index, span):
        now = picture.astype(np.int16)
        if before is not None:
            changes.append(float(np.abs(now - before).mean()))
        times.append(time)
        before = now
    return np.array(times), np.array(changes)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The half-open ranges in which ``flags`` are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


_KINDS: dict[str, Callable[[VideoIndex, Span], list[Anomaly]]] = {
    "surprise": _surprises,
    "freeze": _freezes,
}
