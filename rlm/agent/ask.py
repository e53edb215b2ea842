"""Ask a video file a question: opens, chooses, indexes, runs, keeps the transcript."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent.budget import Budget
from rlm.agent.choose import Choice, choose_model, choose_preset
from rlm.agent.events import Event, ModelReplied, Sink
from rlm.agent.indexing import open_index
from rlm.agent.make_models import make_models
from rlm.agent.place import Result
from rlm.agent.question import check_price, check_question, check_votes
from rlm.agent.session import Jail, Session, default_jail
from rlm.agent.text import counted
from rlm.agent.transcript import TranscriptWriter, default_folder
from rlm.agent.votes import vote
from rlm.config import Config, load_config
from rlm.errors import JailError, VideoNotFound
from sandbox import SandboxError

if TYPE_CHECKING:
    from rlm.index import VideoIndex
    from rlm.video import Video


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
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[str, float, float], None] | None = None,
    jail: Jail = default_jail,
) -> Asked:
    """Answer ``question`` about the file ``video``.

    What is ``None`` or empty is taken from ``config``, by default the user's settings.
    ``fallback_models`` take over, in their order, from a model that is unavailable; ``sub_model``
    gets the sub-questions; ``reply_cache`` is a folder in which replies are kept and found again;
    ``model_timeout`` is seconds a call may stay silent. With ``votes`` so many sessions answer by
    themselves, without the ``reply_cache``, and most of them decide. ``notify`` is told, in one
    line each, what was chosen and why; ``progress`` gets what is going on, seconds done and seconds
    in all.
    Everything cheap is checked before the index is built, and a run that fails before its model
    replied leaves no transcript.

    Raises any ``VideoRLMError``; see ``rlm/errors.py``.
    """
    from rlm.video import Video

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
    if "://" in str(video):
        raise VideoNotFound(f"{video} is an address; only files can be opened: download it first")
    opened = Video.open(video)
    if opened.missing:
        notify(f"warning: the last {opened.missing:.1f} s of {opened.path.name} are missing")
    chosen = choose_model(model, config)
    if votes > 1 and config.reply_cache is not None:
        # The same messages have the same recorded reply: all votes would be one.
        notify("reply cache: left out, since each vote needs replies of its own")
        config = config.model_copy(update={"reply_cache": None})
    endpoint = api_base or (config.api_base if chosen.configured else None)
    models = make_models(chosen, endpoint, config, notify)
    check_price(models, budget)
    preset_choice = choose_preset(preset, config)
    notify(_line("model", chosen) + (f" at {endpoint}" if endpoint else ""))
    if config.fallback_model:
        notify(f"fallback: {', then '.join(config.fallback_model)}")
    if models.sub is not None:
        notify(f"sub-questions: {models.sub.name}")
    notify(_line("preset", preset_choice))
    parent = Path(transcripts or config.transcripts or default_folder()).expanduser()
    root = Path(cache) if cache else config.cache
    replied = False

    def note_reply(event: Event) -> None:
        nonlocal replied
        replied = replied or isinstance(event, ModelReplied)

    with TranscriptWriter(parent, question) as transcript:
        try:
            _try_jail(jail, notify)
            index = _index(opened, preset_choice.name, root, notify, progress)
            session = Session(
                index=index,
                models=models,
                question=question,
                options=options,
                budget=budget,
                sinks=(transcript, note_reply, *sinks),
                store=transcript.media,
                jail=jail,
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
    return Asked(result, transcript.path, chosen.name, index.preset)


def budget_of(config: Config) -> Budget:
    """The limits the settings name, and the defaults for the rest."""
    return Budget(**limits_of(config))


def limits_of(config: Config) -> dict[str, Any]:
    """The limits that the settings name, as :class:`Budget` calls them."""
    named = {part.name: getattr(config, f"max_{part.name}", None) for part in fields(Budget)}
    return {name: limit for name, limit in named.items() if limit is not None}


def _try_jail(jail: Jail, notify: Callable[[str], None]) -> None:
    """Find out that there is no jail before an hour of indexing, not after."""
    with jail({}, ()) as sandbox:
        if sandbox.notice:
            notify(f"sandbox: {sandbox.level} ({sandbox.notice})")


def _index(
    video: Video,
    preset: str,
    cache: Path | None,
    notify: Callable[[str], None],
    progress: Callable[[str, float, float], None] | None,
) -> VideoIndex:
    index, seconds = open_index(video, preset, cache=cache, notify=notify, progress=progress)
    how = "found"
    if seconds is not None:
        how = f"built in {seconds:.1f} s ({video.span.duration / seconds:.0f}x real time)"
    windows = counted(len(index.windows), "window")
    scenes = counted(len(index.scenes()), "scene")
    notify(f"index: tier {index.tier}, {windows}, {scenes}, {how}")
    return index


def _line(what: str, choice: Choice) -> str:
    return f"{what}: {choice.name} ({choice.why})"
