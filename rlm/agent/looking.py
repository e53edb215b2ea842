"""What of the video a session has looked at, against which the evidence of its answer is held."""

from __future__ import annotations

from typing import Any

from rlm.index import Caption, Detection
from rlm.index.spoken.transcript import TextHit
from rlm.prediction import Anomaly, Classification, Coherence, Match
from rlm.spans import Span
from rlm.tools import SubAnswer
from rlm.video import Cue

AROUND = 1.0
"""Seconds around a frame that count as looked at."""
BRIEF = 30.0
"""Seconds of video that a finding may be about and still tell of each moment in it."""

_FINDINGS = (Anomaly, Caption, Classification, Coherence, Cue, Detection, Match, TextHit)


class Looked:
    """Where a session has looked.

    Evidence has been looked at when the session was given one of these, and not only worked with
    inside a tool:

    * a frame within a second of it: shown to a model, or handed to the code, which computes on it;
    * a finding about it: a detection, caption, class, anomaly, words that are said, and so on. One
      that is about more than half a minute tells of no moment in it, and counts for evidence that
      makes up at least half of it;
    * the evidence of a sub-session, which was held against what that one had looked at.

    A search hit is none of these: every query has its nearest moments, whatever they show. Nor are
    scenes, embeddings and what is foretold.
    """

    def __init__(self) -> None:
        self._spans: list[Span] = []

    def add(self, value: Any) -> None:
        """Take in what a tool has given."""
        for one in value if isinstance(value, list | tuple) else (value,):
            if hasattr(one, "rgb"):  # frames or a contact sheet
                self._spans += [Span(max(0.0, t - AROUND), t + AROUND) for t in one.times.tolist()]
            elif isinstance(one, SubAnswer):
                self._spans += [Span(*pair) for pair in one.evidence]
            elif isinstance(one, _FINDINGS):
                self._spans.append(Span(one.start, one.end))

    def has(self, span: Span) -> bool:
        """Whether ``span`` has been looked at."""
        return any(_tells_of(looked, span) for looked in self._spans)


def _tells_of(looked: Span, span: Span) -> bool:
    common = min(looked.end, span.end) - max(looked.start, span.start)
    return common >= 0 and (looked.duration <= BRIEF or common >= looked.duration / 2)
