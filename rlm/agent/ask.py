"""Ask a video file a question: opens, chooses, indexes, runs, keeps the transcript."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rlm.agent.budget import Budget
from rlm.agent.control import Control
from rlm.agent.events import Event, ModelReplied, Sink
from rlm.agent.place import Result
from rlm.agent.preparing import find_index, prepare, try_jail
from rlm.agent.question import check_question, check_votes
from rlm.agent.record import Store, in_all
from rlm.agent.session import Jail, Session, default_jail
from rlm.agent.transcript import TranscriptWriter
from rlm.agent.votes import vote
from rlm.config import Config, load_config
from rlm.errors import JailError
from sandbox import SandboxError


@dataclass(frozen=True)
class Asked:
    """A result, with what it was had with. ``transcript`` is its folder."""

    result: Result
    transcript: Path
    model: str
    preset: str


def ask(
    video: str | Path,
    question: str,
    options: Sequence[str] = (),
    *,
    model: str | None = None,
    api_base: str | None = None,
    fallback_models: Sequence[str] = (),
    sub_model: str | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    reply_cache: str | Path | None = None,
    model_timeout: float | None = None,
    preset: str | None = None,
    budget: Budget | None = None,
    votes: int = 1,
    config: Config | None = None,
    transcripts: str | Path | None = None,
    cache: str | Path | None = None,
    sinks: Sequence[Sink] = (),
    store: Store = lambda sha256, jpeg: None,
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[str, float, float], None] | None = None,
    jail: Jail = default_jail,
    control: Control | None = None,
) -> Asked:
    """Answer ``question`` about the file ``video``.

    What is ``None`` or empty is taken from ``config``, by default the user's settings.
    ``fallback_models`` take over, in their order, from a model that is unavailable; ``sub_model``
    gets the sub-questions; ``reply_cache`` is a folder in which replies are kept and found again;
    ``model_timeout`` is seconds a call may stay silent. With ``votes`` so many sessions answer by
    themselves, without the ``reply_cache``, and most of them decide. ``sinks`` see every event;
    ``store`` gets every picture, under its hash, before the event that names it. ``notify`` is
    told, in one line each, what was chosen and why; ``progress`` gets what is going on, seconds
    done and seconds in all.
    Everything cheap is checked before the index is built, and a run that fails before its model
    replied leaves no transcript.

    Raises any ``VideoRLMError``; see ``rlm/errors.py``.
    """
    config = (config or load_config()).having(
        fallback_model=tuple(fallback_models),
        sub_model=sub_model,
        seed=seed,
        temperature=temperature,
        reply_cache=reply_cache,
        model_timeout=model_timeout,
    )
    budget = budget or budget_of(config)
    check_question(question, options)
    check_votes(votes)
    if votes > 1 and config.reply_cache is not None:
        # The same messages have the same recorded reply: all votes would be one.
        notify("reply cache: left out, since each vote needs replies of its own")
        config = config.model_copy(update={"reply_cache": None})
    if votes > 1 and config.calibrator is not None:
        notify("warning: confidence is not calibrated: with votes, it is the share of them")
        config = config.model_copy(update={"calibrator": None})
    ready = prepare(
        video, model=model, api_base=api_base, preset=preset, budget=budget, config=config,
        transcripts=transcripts, notify=notify,
    )  # fmt: skip
    root = Path(cache) if cache else config.cache
    replied = False

    def note_reply(event: Event) -> None:
        nonlocal replied
        replied = replied or isinstance(event, ModelReplied)

    with TranscriptWriter(ready.parent, question) as transcript:
        try:
            try_jail(jail, notify)
            index = find_index(ready.video, ready.preset, root, notify, progress)
            session = Session(
                index=index,
                models=ready.models,
                question=question,
                options=options,
                budget=budget,
                sinks=(transcript, note_reply, *sinks),
                store=in_all(transcript.media, store),
                jail=jail,
                control=control or Control(),
                calibrator=ready.calibrator,
            )
            result = session.run() if votes == 1 else vote(session, votes)
        except SandboxError as error:
            raise JailError(str(error)) from error
        except BaseException:
            if replied:
                notify(f"what there is of the run is kept: {transcript.path}")
            raise
        finally:
            if not replied:
                transcript.discard()
    return Asked(result, transcript.path, ready.chosen.name, index.preset)


def budget_of(config: Config) -> Budget:
    """The limits the settings name, and the defaults for the rest."""
    return Budget(**limits_of(config))


def limits_of(config: Config) -> dict[str, Any]:
    """The limits that the settings name, as :class:`Budget` calls them."""
    named = {part.name: getattr(config, f"max_{part.name}", None) for part in fields(Budget)}
    return {name: limit for name, limit in named.items() if limit is not None}
