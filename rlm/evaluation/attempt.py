"""One question put to a system once, from its video to the line of its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlm.agent.budget import Budget
from rlm.agent.calibrator import Calibrator
from rlm.agent.models import Models
from rlm.agent.session import Jail
from rlm.agent.text import one_line
from rlm.agent.transcript import Filed, TranscriptWriter
from rlm.errors import JailError, LanguageModelError, VideoDamaged, VideoError, VideoRLMError
from rlm.evaluation.folder import TRANSCRIPTS
from rlm.evaluation.items import Item
from rlm.evaluation.results import Failure, ItemResult
from rlm.evaluation.scoring import score
from rlm.evaluation.supply import Job
from rlm.evaluation.systems import Case, Outcome, System, Unsupported
from rlm.evaluation.tally import Tally
from sandbox import SandboxError

MESSAGE = 500
"""Characters of what went wrong that a result holds."""


class QuestionLost(VideoRLMError):
    """Processes kept dying over one question."""


@dataclass(frozen=True)
class Means:
    """What all questions of a run are answered with.

    ``models`` are by the repeat they are asked in, whose seeds differ. ``videos`` is the folder
    that results name videos within, ``folder`` that of the run. By way of ``filed``
    transcripts share the files of equal pictures.
    """

    system: System
    budget: Budget
    jail: Jail
    models: Callable[[int], Models | None]
    folder: Path
    videos: Path
    seed: int | None = None
    calibrator: Calibrator | None = None
    filed: Filed = field(default_factory=Filed)


def attempt(job: Job, means: Means) -> tuple[ItemResult, Exception | None]:
    """Ask; the result, and what was raised where that is why it is a failure.

    Raises nothing: what may be the end of the run is for the caller to say.
    """
    item, opened = job.item, job.opened
    tally, outcome, caught = Tally(), Outcome(None), opened.error
    started, began = datetime.now(UTC), time.monotonic()
    transcript: str | None = None
    if caught is None:
        try:
            title = f"{item.id} {item.question}"
            with TranscriptWriter(means.folder / TRANSCRIPTS, title, means.filed) as to:
                try:
                    outcome = means.system.answer(_case(job, means, to, tally))
                finally:
                    if tally.begun:
                        transcript = f"{TRANSCRIPTS}/{to.path.name}"
                    else:
                        to.discard()
        except Exception as error:  # noqa: BLE001 - one question is never the end of the run
            caught = error
    seconds = time.monotonic() - began
    failure = _failure(outcome, caught)
    answer = outcome.answer
    worth = score(item, answer.text if answer else "", answer.choice if answer else None)
    took = {
        name: getattr(tally, name)
        for name in (
            "reply", "frames", "turns", "sub_calls", "input_tokens", "output_tokens", "usd"
        )
    }  # fmt: skip
    video = opened.video
    return ItemResult(
        **_asked(item, means),
        repeat=job.repeat,
        place=job.place,
        system=means.system.name,
        video_sha256=video.sha256 if video else None,
        video_seconds=video.span.duration if video else None,
        answer=answer.text if answer else None,
        choice=answer.choice if answer else None,
        evidence=tuple((span.start, span.end) for span in answer.evidence) if answer else (),
        confidence=answer.confidence if answer else None,
        calibrated=means.calibrator(answer.confidence) if answer and means.calibrator else None,
        probabilities=outcome.probabilities,
        best_effort=answer.best_effort if answer else False,
        correct=None if worth is None else worth == 1.0,
        score=worth,
        failure=failure,
        **took,
        seconds=round(seconds, 4),
        model_seconds=round(tally.model_seconds, 4),
        tool_seconds=round(tally.tool_seconds, 4),
        seed=None if means.seed is None else means.seed + job.repeat,
        transcript=transcript,
        started=started.isoformat(timespec="milliseconds"),
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
    ), caught


def _case(job: Job, means: Means, writer: TranscriptWriter, tally: Tally) -> Case:
    return Case(
        item=job.item,
        budget=means.budget,
        jail=means.jail,
        sinks=(writer, tally),
        store=writer.media,
        given_models=means.models(job.repeat),
        given_video=job.opened.video,
        given_index=job.opened.index,
    )


def _asked(item: Item, means: Means) -> dict[str, Any]:
    names = (
        "id", "dataset", "category", "group", "question", "options", "answer_index", "answers",
        "evidence_time", "span", "metric",
    )  # fmt: skip
    video = item.video
    name = video.relative_to(means.videos) if video.is_relative_to(means.videos) else video
    return {each: getattr(item, each) for each in names} | {"video": name.as_posix()}


def _failure(outcome: Outcome, error: Exception | None) -> Failure | None:
    if error is None:
        if outcome.answer is not None:
            return None
        return Failure(kind=outcome.failure or "unparsed", message=_short(outcome.reason))
    words = str(error) if isinstance(error, VideoRLMError | SandboxError) else ""
    message = _short(words or f"{type(error).__name__}: {error}")
    match error:
        case Unsupported():
            return Failure(kind="unsupported", message=message)
        case VideoDamaged():
            return Failure(kind="decode", message=message)
        case VideoError():
            return Failure(kind="video", message=message)
        case LanguageModelError():
            return Failure(kind="model", message=message)
        case SandboxError() | JailError():
            return Failure(kind="jail", message=message)
        case _:
            return Failure(kind="internal", message=message)


def _short(words: str) -> str:
    line = one_line(words)
    return line if len(line) <= MESSAGE else line[: MESSAGE - 3] + "..."
