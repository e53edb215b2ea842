"""``videorlm ask`` and ``videorlm replay``: events in, words out, an exit code at the end."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent import events as ev
from rlm.ui.console import ConsoleView, answer_lines, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from rlm.agent.ask import Asked
    from rlm.tools import Tool
    from sandbox import Sandbox

ANSWERED, NO_ANSWER = 0, 1


class _Last:
    """A sink that keeps the answer and the end of a session."""

    def __init__(self) -> None:
        self.answer: ev.Answered | None = None
        self.end: ev.SessionEnded | None = None

    def __call__(self, event: ev.Event) -> None:
        if isinstance(event, ev.Answered):
            self.answer = event
        elif isinstance(event, ev.SessionEnded):
            self.end = event


def run_ask(
    video: Path,
    question: str,
    *,
    options: Sequence[str],
    model: str | None,
    api_base: str | None,
    preset: str | None,
    max_turns: int | None,
    max_usd: float | None,
    transcripts: Path | None,
    as_json: bool,
    verbose: bool,
    unsafe: bool,
) -> int:
    """Ask, print the answer on stdout and everything else on stderr; returns the exit code."""
    from rich.console import Console

    from rlm.agent.ask import ask
    from rlm.agent.budget import Budget
    from rlm.agent.session import default_jail
    from rlm.config import load_config

    config = load_config()
    screen = Console(stderr=True, highlight=False, soft_wrap=False)
    last = _Last()
    sinks: list[ev.Sink] = [last]
    if verbose or (screen.is_terminal and not as_json):
        sinks.append(ConsoleView(screen))
    if unsafe:
        _say("warning: --unsafe-no-sandbox: the model's code can read and change your files")
    default = Budget()
    budget = Budget(
        turns=max_turns if max_turns is not None else config.max_turns or default.turns,
        usd=max_usd if max_usd is not None else config.max_usd,
    )
    with progress_bar(screen) as progress:
        asked = ask(
            video,
            question,
            options,
            model=model,
            api_base=api_base,
            preset=preset,
            budget=budget,
            config=config,
            transcripts=transcripts,
            sinks=sinks,
            notify=_say,
            progress=progress,
            jail=_no_jail if unsafe else default_jail,
        )
    if as_json:
        print(json.dumps(_as_json(asked), ensure_ascii=False))
    elif asked.result.answer is not None:
        print(clean(asked.result.answer.text))
    if last.answer is not None:
        for line in answer_lines(last.answer, last.end):
            _say(line)
    _say(f"replay: {command_name()} replay {asked.transcript}")
    return ANSWERED if asked.result.answer is not None else NO_ANSWER


def run_replay(name: str) -> int:
    """Print a saved run on stdout; returns the exit code the run would have had."""
    from rich.console import Console

    from rlm.agent.replay import replay
    from rlm.agent.transcript import Transcript, find
    from rlm.config import load_config

    transcript = Transcript.load(find(name, load_config().transcripts))
    view, last = ConsoleView(Console(highlight=False), code_lines=None), _Last()
    for event in replay(transcript):
        view(event)
        last(event)
    if last.answer is not None:
        print(f"\nanswer: {clean(last.answer.answer)}")
        for line in answer_lines(last.answer, last.end):
            print(line)
    if not transcript.complete:
        print(f"\nthe run stopped here, at {transcript.events[-1].at:.1f} s, without an end")
    return ANSWERED if last.answer is not None else NO_ANSWER


def command_name() -> str:
    """How this program is called here: by name when it is on the path, else by where it lies."""
    on_path = shutil.which("videorlm")
    called = Path(sys.argv[0])
    if called.name != "videorlm" or (on_path and Path(on_path).resolve() == called.resolve()):
        return "videorlm"
    return str(called)


def _as_json(asked: Asked) -> dict[str, Any]:
    result, answer = asked.result, asked.result.answer
    return {
        "answer": answer.text if answer else None,
        "choice": answer.choice if answer else None,
        "evidence": [[span.start, span.end] for span in answer.evidence] if answer else [],
        "confidence": answer.confidence if answer else None,
        "turns": result.turns,
        "frames_viewed": result.frames,
        "tokens": result.tokens,
        "usd": result.usd,
        "seconds": round(result.seconds, 3),
        "transcript": str(asked.transcript),
        "sandbox_level": result.sandbox_level,
        "preset": asked.preset,
        "model": asked.model,
    }


def _say(line: str) -> None:
    print(clean(line), file=sys.stderr, flush=True)


def _no_jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
    from sandbox import Sandbox

    return Sandbox(functions, records=tuple(records), level="none")


@contextmanager
def progress_bar(screen: Console) -> Iterator[Callable[[float, float], None] | None]:
    """A bar for the index on a terminal, nothing when piped; it is gone once the index is there."""
    if not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("indexing"), BarColumn(), TextColumn("{task.fields[rate]}"))
    bar = Progress(*columns, TimeRemainingColumn(), console=screen, transient=True)
    task = None

    def update(done: float, total: float) -> None:
        nonlocal task
        if task is None:
            bar.start()
            task = bar.add_task("", total=total, rate="")
        elapsed = bar.tasks[0].elapsed or 0.0
        rate = f"{done / elapsed:.0f}x real time" if elapsed > 0 else ""
        bar.update(task, completed=done, rate=rate)
        if done >= total:
            bar.stop()

    try:
        yield update
    finally:
        bar.stop()
