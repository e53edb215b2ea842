"""``videorlm replay``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.commands.output import ANSWERED, NO_ANSWER, LastEvents, progress_bar, replay_command, say
from rlm.ui.console import ConsoleView, Screen, clean

if TYPE_CHECKING:
    from rlm.agent import events as ev
    from rlm.agent.transcript import Transcript

AS_RECORDED, DRIFTED = 0, 1


def run(name: str) -> int:
    """Print a saved run on stdout; returns the exit code the run would have had."""
    from rlm.agent.replay import replay

    transcript = _load(name)
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


def rerun(name: str, video: Path | None, preset: str | None, tolerance: float | None) -> int:
    """Run a run's code again and print on stdout what is not as recorded; returns the exit code.

    What is said on the way goes to stderr.
    """
    from rlm.agent.recorded import CLOSE
    from rlm.agent.rerun import rerun_code

    transcript = _load(name)
    with progress_bar(Screen(stderr=True)) as progress:
        report = rerun_code(
            transcript,
            video=video,
            preset=preset,
            tolerance=CLOSE if tolerance is None else tolerance,
            notify=say,
            progress=progress,
        )
    for drift in report.drifts:
        print(f"{clean(drift.where)}:")
        for line in drift.diff:
            print(f"  {clean(line)}")
    print(report.summary)
    return DRIFTED if report.drifts else AS_RECORDED


def fork(
    name: str,
    turn: int,
    *,
    video: Path | None,
    preset: str | None,
    model: str | None,
    sub_model: str | None,
    api_base: str | None,
    limits: Mapping[str, Any],
    transcripts: Path | None,
) -> int:
    """Go on with a run after ``turn``; the answer goes to stdout, all else to stderr.

    Returns the exit code of the new run.
    """
    from rlm.agent.rerun import fork as go_on

    transcript = _load(name)
    screen, last = Screen(stderr=True), LastEvents()
    sinks: list[ev.Sink] = [last]
    if screen.is_terminal:
        sinks.append(ConsoleView(screen))
    with progress_bar(screen) as progress:
        asked = go_on(
            transcript,
            turn,
            model=model,
            sub_model=sub_model,
            api_base=api_base,
            limits=limits,
            video=video,
            preset=preset,
            transcripts=transcripts,
            sinks=sinks,
            notify=say,
            progress=progress,
        )
    answer = asked.result.answer
    if answer is not None:
        print(clean(answer.text))
    for line in last.summary():
        say(line)
    say(f"replay: {replay_command(asked.transcript)}")
    return ANSWERED if answer is not None else NO_ANSWER


def _load(name: str) -> Transcript:
    from rlm.agent.transcript import Transcript, find
    from rlm.config import load_config

    return Transcript.load(find(name, load_config().transcripts))
