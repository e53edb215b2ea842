"""A saved run, run again: its replies as they were recorded, its code and tools for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm.agent import events as ev
from rlm.agent.ask import Asked, limits_of
from rlm.agent.budget import Budget
from rlm.agent.choose import Choice
from rlm.agent.drift import Report, compare
from rlm.agent.indexing import open_index
from rlm.agent.llm import Picture
from rlm.agent.make_models import make_models
from rlm.agent.place import Result
from rlm.agent.record import Store, in_all
from rlm.agent.recorded import CLOSE, RecordedModels, Recording
from rlm.agent.session import Jail, Session, default_jail
from rlm.agent.transcript import Transcript, TranscriptWriter, default_folder
from rlm.agent.votes import vote
from rlm.agent.whereabouts import opened_as, remembered
from rlm.config import Config, load_config
from rlm.errors import JailError, LanguageModelError, ReplayMismatch, TranscriptError, UsageError
from rlm.spans import Span
from sandbox import SandboxError

if TYPE_CHECKING:
    from rlm.index import VideoIndex
    from rlm.video import Video

Notify = Callable[[str], None]
Progress = Callable[[str, float, float], None]


def _silent(line: str) -> None:
    """Tell nobody."""


def rerun_code(
    transcript: Transcript,
    *,
    video: str | Path | None = None,
    preset: str | None = None,
    tolerance: float = CLOSE,
    config: Config | None = None,
    notify: Notify = _silent,
    progress: Progress | None = None,
    jail: Jail = default_jail,
) -> Report:
    """Run the code of every recorded reply again and compare what comes out.

    ``video`` is by default looked for as :func:`find_video` does;
    ``preset`` is by default the recorded one; name the folder of one that came from a folder.
    ``tolerance`` is how far, relative to them, numbers may be off. Limits are the recorded ones,
    but the clock's: when time was up is taken from the recording.

    Raises any ``VideoRLMError`` but those of language models: ``UsageError`` for a video that is
    not found, ``TranscriptError`` for recorded limits that are none, ``JailError`` and so on.
    """
    config = config or load_config()
    budget = recorded_budget(transcript, seconds=None)
    index = _open(transcript, video, preset, config, notify, progress)
    models = RecordedModels.of(transcript)
    seen: list[ev.Event] = []
    media: dict[str, bytes] = {}
    session = _session(
        transcript, index, models, budget, seen.append, media.__setitem__, jail, config
    )
    try:
        _run(session, transcript, models.recording)
    except (ReplayMismatch, LanguageModelError) as error:
        # It shows in how the run ended, unless the recording ends here by itself.
        ended = models.recording.told[""]
        if not (ended.broke_off or (ended.end is not None and ended.end.reason == str(error))):
            notify(f"it did not come to its end: {error}")
    except SandboxError as error:
        raise JailError(str(error)) from error
    pictures = (lambda sha: transcript.media(sha).read_bytes(), media.__getitem__)
    return compare(transcript.events, seen, models.recording.places, pictures, tolerance)


def fork(
    transcript: Transcript,
    turn: int,
    *,
    model: str | None = None,
    sub_model: str | None = None,
    api_base: str | None = None,
    limits: Mapping[str, Any] | None = None,
    video: str | Path | None = None,
    preset: str | None = None,
    transcripts: str | Path | None = None,
    config: Config | None = None,
    sinks: Sequence[ev.Sink] = (),
    store: Store = lambda sha256, jpeg: None,
    notify: Notify = _silent,
    progress: Progress | None = None,
    jail: Jail = default_jail,
) -> Asked:
    """Go through the first ``turn`` turns again as recorded, and on from there with ``model``.

    ``model`` is by default the recorded one, and ``sub_model`` likewise, if there was one.
    ``limits`` are those of :class:`Budget` by name that differ from the recorded ones and from the
    settings, of which the lower is taken; they are on the whole run, its replayed turns with what
    these cost then included, and seconds count anew. The new transcript says what it was forked
    from. ``sinks`` and ``store`` are as in :func:`rlm.agent.ask.ask`, the rest as in
    :func:`rerun_code`.

    Raises any ``VideoRLMError``: ``UsageError`` for a turn that the run does not have, that was
    its last, or after which the limits leave no room.
    """
    config = config or load_config()
    _check_turn(transcript, turn)
    budget = recorded_budget(transcript, **(_settings(transcript, config) | dict(limits or {})))
    taken = turn - _turns_before(transcript, turn)
    if budget.turns is not None and budget.turns <= taken:
        raise UsageError(f"{taken} turns are replayed: --max-turns must be more than {taken}")
    name = model or transcript.header.model
    chosen = Choice(name, "of the run", configured=name == config.model)
    settings = config.model_copy(
        update={"sub_model": sub_model or transcript.header.sub_model or None, "fallback_model": ()}
    )
    live = make_models(chosen, chosen.endpoint(api_base, config), settings, notify)
    index = _open(transcript, video, preset, config, notify, progress)
    models = RecordedModels.of(transcript, until=turn, live=live)
    parent = Path(transcripts or config.transcripts or default_folder()).expanduser()
    source = {"forked_from": transcript.path.resolve().name, "forked_turn": turn}
    kept = False
    with TranscriptWriter(parent, transcript.header.question, unseen=True) as writer:
        all_sinks: tuple[ev.Sink, ...] = (writer, *sinks)

        def mark(event: ev.Event) -> None:
            if isinstance(event, ev.SessionStarted):
                event = event.model_copy(update=source)
            if models.recording.gone_live:
                writer.publish()
            for sink in all_sinks:
                sink(event)

        stored = in_all(writer.media, store)
        session = _session(transcript, index, models, budget, mark, stored, jail, config)
        try:
            with session.open():
                result = relive(session, transcript, models.recording)
            kept = models.recording.gone_live
        except SandboxError as error:
            raise JailError(str(error)) from error
        except BaseException:
            kept = models.recording.live_replies > 0
            if kept:
                notify(f"what there is of the run is kept: {writer.path}")
            raise
        finally:
            if not kept:
                writer.discard()
    if not kept:
        why = result.reason or "it answered"
        raise UsageError(f"the run ended within the {turn} turns that were replayed ({why})")
    return Asked(result, writer.path, name, index.preset)


def recorded_budget(transcript: Transcript, **changed: Any) -> Budget:
    """The limits of a run, with those ``changed`` replaced.

    Raises ``TranscriptError`` when the recorded ones are none, ``UsageError`` for a changed one.
    """
    try:
        recorded = Budget.of(transcript.header.limits)
    except (UsageError, TypeError, ValueError) as error:
        raise TranscriptError(f"{transcript.path} has limits that are none: {error}") from error
    return replace(recorded, **changed)


def _part(transcript: Transcript) -> Span | None:
    """What of the video a run might look at."""
    span = transcript.header.span
    return None if span is None else Span(*span)


def find_video(
    transcript: Transcript, cache: Path | None = None, *, remedy: str = "give it with --video"
) -> Video:
    """The video of a run, where it was last opened here, or else lies under its recorded name.

    Looked at for the name are the working folder, that of the transcript, and the two above that
    one. ``cache`` is the folder of the indexes.

    Raises ``UsageError`` with its ``remedy`` when it is in none of them.
    """
    wanted = transcript.header.video
    known = remembered(wanted.sha256, cache)
    if known is not None and (found := opened_as(known, wanted.sha256)) is not None:
        return found
    name = Path(wanted.name).name  # a transcript may come from anybody: no way out of the folders
    folder = transcript.path.resolve()
    others = []
    for place in dict.fromkeys((Path.cwd(), folder, folder.parent, folder.parent.parent)):
        path = place / name
        if name and path.is_file():
            if (found := opened_as(path, wanted.sha256)) is not None:
                return found
            others.append(path)
    if others:
        raise UsageError(f"{others[0]} is another video than the run's; {remedy}")
    gone = f"no longer at {known}" if known is not None else "not here"
    raise UsageError(f"the run's video {name!r} is {gone}; {remedy}")


def _open(
    transcript: Transcript,
    video: str | Path | None,
    preset: str | None,
    config: Config,
    notify: Notify,
    progress: Progress | None,
) -> VideoIndex:
    from rlm.video import Video

    header = transcript.header
    opened = find_video(transcript, config.cache) if video is None else Video.open(video)
    if opened.sha256 != header.video.sha256:
        notify(
            f"warning: {opened.path.name} is another video than the run's {header.video.name} "
            f"({opened.sha256[:12]}, not {header.video.sha256[:12]}): its outputs will differ"
        )
    index, _ = open_index(
        opened, preset or header.preset, cache=config.cache, notify=notify, progress=progress
    )
    if opened.sha256 == header.video.sha256 and index.key != header.index_key:
        notify("note: the index is another than then: the encoder or its way of working changed")
    return index


def relive(session: Session, transcript: Transcript, recording: Recording) -> Result:
    """Ask in an open session what was asked, as far as ``recording`` goes; how the last one ended.

    Raises what the last question raises; those before it are gone on from, as then.
    """
    for step in reliving(session, transcript, recording):
        result = step()
    assert result is not None
    return result


def reliving(
    session: Session, transcript: Transcript, recording: Recording
) -> Iterator[Callable[[], Result | None]]:
    """The questions that were asked, each to be asked before the next one is taken.

    Each raises what asking it raises; where the model failed then, and another question was asked,
    it gives ``None``.
    """
    root = recording.told[""]
    ends = [asked.unanswered for asked in root.questions]
    ask: Callable[[], Result] = session.answer
    for number, end in enumerate(ends, start=1):
        yield partial(_asked, ask, fails=end == "failed")
        if recording.gone_live:
            return
        recording.control.next_question()
        asked = root.questions[number - 1]
        shown = shown_with(transcript, recording, number)
        ask = partial(session.ask, asked.question, asked.options, shown)
    yield ask


def _asked(ask: Callable[[], Result], *, fails: bool) -> Result | None:
    try:
        return ask()
    except LanguageModelError:
        if not fails:
            raise
        return None


def shown_with(transcript: Transcript, recording: Recording, number: int) -> list[Picture]:
    """The pictures that came with a question, counted from 0."""
    images = recording.told[""].shown[number : number + 1]
    try:
        return [
            Picture(transcript.media(image.sha256).read_bytes(), image.label)
            for each in images
            for image in each
        ]
    except OSError as error:
        raise TranscriptError(f"a picture of {transcript.path} cannot be read: {error}") from error


def index_opener(
    transcript: Transcript, index: VideoIndex, config: Config
) -> Callable[[ev.IndexChanged], VideoIndex]:
    """Finds or builds the indexes that a run went over to from ``index``."""

    def opened(event: ev.IndexChanged) -> VideoIndex:
        same = event.preset == transcript.header.preset
        preset = index.preset if same else event.preset
        return open_index(index.video, preset, tier=event.tier, cache=config.cache)[0]

    return opened


def _session(
    transcript: Transcript,
    index: VideoIndex,
    models: RecordedModels,
    budget: Budget,
    sink: ev.Sink,
    store: Store,
    jail: Jail,
    config: Config,
) -> Session:
    """What was asked, asked again; the recording hears of each event before ``sink`` does."""
    recording = models.recording
    session = Session(
        index=index,
        models=models,
        question=transcript.header.question,
        options=transcript.header.options,
        part=_part(transcript),
        budget=budget,
        sinks=(recording, sink),
        store=store,
        jail=jail,
        shown=shown_with(transcript, recording, 0),
        control=recording.control,
    )
    recording.control.attend(session, index_opener(transcript, index, config))
    return session


def _run(session: Session, transcript: Transcript, recording: Recording) -> None:
    """Ask what was asked: by votes, or by one session that has further questions."""
    root = recording.told[""]
    votes = sum(1 for name in recording.told if name and "." not in name)
    if root.prompts == 0 and votes:
        vote(session, votes)
        return
    with session.open():
        relive(session, transcript, recording)


def _settings(transcript: Transcript, config: Config) -> dict[str, Any]:
    """The user's limits where they are lower than the recorded ones, which anybody may have set."""
    recorded = transcript.header.limits
    return {
        name: limit
        for name, limit in limits_of(config).items()
        if limit < _or_any(recorded.get(name))
    }


def _or_any(limit: float | None) -> float:
    return float("inf") if limit is None else limit


def _turns_before(transcript: Transcript, turn: int) -> int:
    """Turns that were taken for the questions before the one which goes on after ``turn``."""
    asked = (e.turn for e in transcript.events if isinstance(e, ev.QuestionAsked))
    return max((number for number in asked if number <= turn), default=0)


def _check_turn(transcript: Transcript, turn: int) -> None:
    turns = [e.turn for e in transcript.events if isinstance(e, ev.ModelReplied) and not e.session]
    answered = any(isinstance(e, ev.Answered) and not e.session for e in transcript.events)
    last = max(turns, default=0) - answered
    if not 1 <= turn <= last:
        there = f"1 to {last}" if last > 1 else "turn 1 only" if last == 1 else "none at all"
        raise UsageError(
            f"there is nothing to go on with after turn {turn}; can be forked: {there}"
        )
