"""``videorlm replay``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlm.commands.output import (
    ANSWERED,
    NO_ANSWER,
    LastEvents,
    live_view,
    progress_bar,
    say,
    say_where,
    tell,
)
from rlm.errors import UsageError
from rlm.ui.console import ConsoleView, Screen, clean
from rlm.ui.pictures import Pictures

if TYPE_CHECKING:
    from rich.console import Console

    from rlm.agent import events as ev
    from rlm.agent.transcript import Transcript

AS_RECORDED, DRIFTED = 0, 1


def run(name: str, start: int | None = None) -> int:
    """Print a saved run on stdout, from turn ``start`` on; returns the exit code it would have had.

    Raises ``UsageError`` when it has no such turn.
    """
    from rlm.agent.replay import replay

    transcript = _load(name)
    view, last = _told(transcript, Screen()), LastEvents()
    events = list(replay(transcript))
    first = 1 if start is None else _events_before(events, start)
    for number, event in enumerate(events):
        if number == 0 or number >= first:
            view(event)
        last(event)
    print()
    if last.answer is not None:
        tell(f"answer: {last.answer.answer}")
    for line in last.summary():
        tell(line)
    if not transcript.complete:
        print(f"the run stopped here, at {transcript.events[-1].at:.1f} s, without an end")
    return ANSWERED if last.answer is not None else NO_ANSWER


def play(name: str, speed: float | None, start: int | None) -> int:
    """Show a saved run in the whole terminal, by ``speed`` or key by key; where it is none, print.

    Returns what :func:`run` returns, and raises what it raises.
    """
    screen = Screen()
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or screen.is_dumb_terminal:
        return run(name, start)
    from prompt_toolkit.output import ColorDepth

    from rlm.agent.replay import replay
    from rlm.config import load_config
    from rlm.ui.pages import Printed
    from rlm.ui.player import Player

    transcript = _load(name)
    shown = Pictures.on(screen, load_config().pictures)
    # A picture that is drawn over the text would stay where the text is redrawn.
    pictures = replace(shown, way="blocks") if shown else shown
    last, events = LastEvents(), list(replay(transcript))
    for event in events:
        last(event)
    colours: Literal["256", "truecolor"] | None = "truecolor" if shown.truecolor else "256"
    if screen.no_color:
        colours = None
    printed = Printed(events, colours=colours, pictures=pictures, media=_media(transcript))
    page = 0
    if start is not None:
        wanted = events[_events_before(events, start)]
        page = next(n for n, each in enumerate(printed.pages) if wanted in each.events)
    depths = {
        None: ColorDepth.DEPTH_1_BIT,
        "256": ColorDepth.DEPTH_8_BIT,
        "truecolor": ColorDepth.DEPTH_24_BIT,
    }
    Player(printed, start=page, speed=speed, depth=depths[colours]).run()
    return ANSWERED if last.answer is not None else NO_ANSWER


def _events_before(events: Sequence[ev.Event], turn: int) -> int:
    """How many events stand before ``turn`` of the first session."""
    from rlm.agent.events import ModelReplied

    replies = {
        event.turn: number
        for number, event in enumerate(events)
        if isinstance(event, ModelReplied) and not event.session
    }
    if turn not in replies:
        there = f"it has turns 1 to {max(replies)}" if replies else "it has none"
        raise UsageError(f"--from: the run has no turn {turn}; {there}")
    return replies[turn]


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
    from rlm.config import load_config

    transcript = _load(name)
    screen, last = Screen(stderr=True), LastEvents()
    view = live_view(screen, load_config().pictures)
    sinks: list[ev.Sink] = [last]
    if screen.is_terminal:
        sinks.append(view)
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
            store=view.store,
            notify=say,
            progress=progress,
        )
    answer = asked.result.answer
    if answer is not None:
        tell(answer.text)
    for line in last.summary():
        say(line)
    say_where(asked.transcript)
    return ANSWERED if answer is not None else NO_ANSWER


def _told(transcript: Transcript, screen: Console) -> ConsoleView:
    """A view of the whole of ``transcript``, its pictures included."""
    from rlm.config import load_config

    pictures = Pictures.on(screen, load_config().pictures)
    return ConsoleView(
        screen,
        code_lines=None,
        pictures=pictures,
        media=_media(transcript),
    )


def _media(transcript: Transcript) -> Callable[[str], bytes]:
    return lambda sha256: transcript.media(sha256).read_bytes()


def _load(name: str) -> Transcript:
    from rlm.agent.transcript import Transcript, find
    from rlm.config import load_config

    return Transcript.load(find(name, load_config().transcripts))
