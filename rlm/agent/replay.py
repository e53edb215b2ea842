"""A saved run, told again: the same events to the same kind of sink."""

from __future__ import annotations

from collections.abc import Iterator

from rlm.agent import events as ev
from rlm.agent.prompting import extract_code
from rlm.agent.transcript import Transcript


def replay(transcript: Transcript) -> Iterator[ev.Event]:
    """The events of the run in order, with the transient ones a live view would have had.

    Needs no model, no weights, no video and no network.
    """
    for event in transcript.events:
        yield event
        if isinstance(event, ev.ModelReplied):
            code = extract_code(event.text)
            if code is not None:
                yield ev.CellStarted(at=event.at, session=event.session, turn=event.turn, code=code)
