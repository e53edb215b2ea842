"""Ask a video file a question: opens, chooses, indexes, runs, keeps the transcript."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlm.agent.budget import Budget
from rlm.agent.choose import Choice, choose_model, choose_preset, make_model
from rlm.agent.events import Event, ModelReplied, Sink
from rlm.agent.session import Jail, Result, Session, check_question, default_jail
from rlm.agent.transcript import TranscriptWriter, default_folder
from rlm.config import Config
from rlm.errors import JailError
from sandbox import SandboxUnavailable


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
    preset: str | None = None,
    budget: Budget | None = None,
    config: Config | None = None,
    transcripts: Path | None = None,
    cache: Path | None = None,
    sinks: Sequence[Sink] = (),
    notify: Callable[[str], None] = lambda line: None,
    progress: Callable[[float, float], None] | None = None,
    jail: Jail = default_jail,
) -> Asked:
    """Answer ``question`` about the file ``video``.

    ``notify`` is told, in one line each, which model and preset were chosen and why; ``progress``
    gets seconds indexed and seconds in all. Everything cheap is checked before the index is
    built, and a run whose model never replied leaves no transcript.

    Raises any ``VideoRLMError``; see ``rlm/errors.py``.
    """
    from rlm.index import VideoIndex
    from rlm.video import Video

    config = config or Config()
    check_question(question, options)
    opened = Video.open(video)
    model_choice = choose_model(model, config)
    preset_choice = choose_preset(preset, config)
    language_model = make_model(model_choice.name, api_base or config.api_base)
    notify(_line("model", model_choice))
    notify(_line("preset", preset_choice))
    began = time.monotonic()
    index = VideoIndex.build(
        opened, preset_choice.name, cache=cache or config.cache, progress=progress
    )
    seconds = time.monotonic() - began
    notify(
        f"index: {len(index.windows)} windows, {len(index.scenes())} scenes; "
        f"{opened.span.duration:.1f} s of video in {seconds:.1f} s "
        f"({opened.span.duration / seconds:.0f}x real time)"
    )
    replied = False

    def note_reply(event: Event) -> None:
        nonlocal replied
        replied = replied or isinstance(event, ModelReplied)

    parent = transcripts or config.transcripts or default_folder()
    with TranscriptWriter(parent, question) as transcript:
        try:
            result = Session(
                index=index,
                model=language_model,
                question=question,
                options=options,
                budget=budget or Budget(),
                sinks=(transcript, note_reply, *sinks),
                store=transcript.media,
                jail=jail,
                path_shown=str(video),
            ).run()
        except SandboxUnavailable as error:
            raise JailError(str(error)) from error
        finally:
            if not replied:
                transcript.discard()
    return Asked(result, transcript.path, model_choice.name, preset_choice.name)


def _line(what: str, choice: Choice) -> str:
    return f"{what}: {choice.name} ({choice.why})"
