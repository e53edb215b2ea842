"""``videorlm ask``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.commands.output import (
    ANSWERED,
    NO_ANSWER,
    LastEvents,
    both,
    live_view,
    progress_bar,
    say,
    say_where,
    tell,
)
from rlm.ui.console import Screen

if TYPE_CHECKING:
    from rlm.agent import events as ev
    from rlm.agent.ask import Asked
    from rlm.agent.record import Store
    from rlm.agent.session import Jail
    from rlm.config import Config
    from rlm.tools import Tool
    from sandbox import Sandbox

KNOWS = (
    "the builtin model knows films of moving coloured shapes alone: for other videos name a model "
    "(--model) or set a provider's key, as in ANTHROPIC_API_KEY; 'videorlm doctor' says what is set"
)


def run(
    video: str,
    question: str,
    *,
    options: Sequence[str],
    model: str | None,
    api_base: str | None,
    settings: Mapping[str, Any],
    preset: str | None,
    votes: int,
    transcripts: Path | None,
    as_json: bool,
    verbose: bool,
    live: bool,
    unsafe: bool,
) -> int:
    """Ask, print the answer on stdout and everything else on stderr; returns the exit code.

    ``settings`` stand before those of the configuration; ``None`` leaves one to it. ``live`` shows
    the run as a page too.
    """
    config = settings_in_force(settings, model, api_base)  # before what takes long to import

    from rlm.agent.answer import CANNOT_TELL
    from rlm.agent.ask import ask
    from rlm.agent.choose import BUILTIN
    from rlm.agent.control import Control
    from rlm.agent.events import SessionEnded
    from rlm.agent.record import in_all
    from rlm.agent.session import default_jail
    from rlm.commands.view import live_page

    screen = Screen(stderr=True)
    last, view = LastEvents(), live_view(screen, config.pictures)
    sinks: list[ev.Sink] = [last]
    shown = verbose or (screen.is_terminal and not as_json)

    def show(event: ev.Event) -> None:
        if isinstance(event, SessionEnded) and not event.session:
            view.rest()  # how it ended is told below, or by the error that ends the command
        else:
            view(event)

    if shown:
        sinks.append(show)
    jail: Jail = no_jail if unsafe else default_jail
    control = Control()
    store: Store = view.store
    with ExitStack() as stack:
        page = None
        if live:
            # Of several votes none alone could be paused, or made to answer.
            page = stack.enter_context(live_page((lambda: control) if votes == 1 else None))
            sinks.append(page)
            store = in_all(store, page.store)
        with progress_bar(screen) as bar:
            asked = ask(
                video,
                question,
                options,
                model=model,
                api_base=api_base,
                preset=preset,
                votes=votes,
                config=config,
                transcripts=transcripts,
                sinks=sinks,
                store=store,
                notify=say,
                progress=bar if page is None else both(bar, page.progress),
                jail=jail,
                control=control,
            )
        answer = asked.result.answer
        if shown:
            screen.print()
        if as_json:
            print(json.dumps(_as_json(asked)), flush=True)
        elif answer is not None:
            tell(answer.text)
        for line in last.summary():
            say(line)
        if (last.model or asked.model) == BUILTIN and answer and answer.text == CANNOT_TELL:
            say(KNOWS)
        say_where(asked.transcript)
    return ANSWERED if answer is not None else NO_ANSWER


def settings_in_force(
    settings: Mapping[str, Any], model: str | None, api_base: str | None
) -> Config:
    """The settings with those of the command line in their place.

    A key that is missing for a model they name is an error here, before anything is imported that
    takes its time.
    """
    from rlm.agent.choose import Choice, choose_model
    from rlm.agent.make_models import check_keys
    from rlm.config import load_config

    config = load_config().having(**settings)
    named = model or config.model
    chosen = choose_model(model, config) if named else Choice("", "looked for later")
    check_keys(chosen.name, chosen.endpoint(api_base, config), config)
    return config


def _as_json(asked: Asked) -> dict[str, Any]:
    result, answer = asked.result, asked.result.answer
    return {
        "answer": answer.text if answer else None,
        "choice": answer.choice if answer else None,
        "evidence": [
            [round(span.start, 3), round(span.end, 3)]
            for span in (answer.evidence if answer else ())
        ],
        "confidence": answer.confidence if answer else None,
        "calibrated": answer.calibrated if answer else None,
        "turns": result.turns,
        "frames_viewed": result.frames,
        "tokens": result.tokens,
        "usd": result.usd,
        "seconds": round(result.seconds, 3),
        "transcript": str(asked.transcript),
        "sandbox_level": result.sandbox_level,
        "preset": asked.preset,
        "model": asked.model,
        "best_effort": answer.best_effort if answer else False,
    }


def no_jail(functions: Mapping[str, Tool], records: Sequence[type]) -> Sandbox:
    """No jail at all, which only the user can ask for."""
    from rlm.tools.pixels import sources
    from sandbox import Sandbox

    return Sandbox(functions, records=tuple(records), preamble=sources(), level="none")
