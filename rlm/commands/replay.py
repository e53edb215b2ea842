"""``videorlm replay``."""

from __future__ import annotations

from rlm.commands.output import ANSWERED, NO_ANSWER, LastEvents
from rlm.ui.console import ConsoleView, Screen, clean


def run(name: str) -> int:
    """Print a saved run on stdout; returns the exit code the run would have had."""
    from rlm.agent.replay import replay
    from rlm.agent.transcript import Transcript, find
    from rlm.config import load_config

    transcript = Transcript.load(find(name, load_config().transcripts))
    view, last = ConsoleView(Screen(), code_lines=None), LastEvents()
    for event in replay(transcript):
        view(event)
        last(event)
    print()
    if last.answer is not None:
        print(f"answer: {clean(last.answer.answer)}")
    for line in last.summary():
        print(clean(line))
    if not transcript.complete:
        print(f"the run stopped here, at {transcript.events[-1].at:.1f} s, without an end")
    return ANSWERED if last.answer is not None else NO_ANSWER
