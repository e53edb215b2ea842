"""A question put to a language model in one call, with or without pictures."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from rlm import __version__
from rlm.agent import events as ev
from rlm.agent.answer import CANNOT_TELL, Answer, from_words, letter, plain
from rlm.agent.budget import BudgetSpent, Meter
from rlm.agent.llm import Message, Picture
from rlm.agent.prompting import options_for_prompt, prompts_sha256, render
from rlm.agent.record import Record
from rlm.evaluation.systems.base import Case, Outcome

_LEADING = re.compile(r"\W*(?:(?i:(?:the )?(?:best |correct )?answer(?: is)?)\W*)?([A-Z])(?![\w'])")


def one_call(
    case: Case, template: str, pictures: Sequence[Picture] = (), frames: int = 0
) -> Outcome:
    """What the model replies to ``prompts/<template>.md.jinja`` and ``pictures``, as an answer.

    ``frames`` is how many frames of the video the pictures show. The prompt gets the question and
    its options. Raises any ``LanguageModelError``.
    """
    record, meter = Record(case.sinks, case.store), Meter(case.budget)
    status, reason = "failed", "stopped by an unexpected error"
    record.emit(ev.SessionStarted, **_header(case))
    try:
        meter.add_frames(frames)
        answer = _ask(case, record, meter, _message(case, template, pictures))
        status, reason = ("answered", "") if answer else ("no_answer", "the reply names no option")
    except BudgetSpent as spent:
        status, reason = "no_answer", str(spent)
        return Outcome(None, failure="budget", reason=reason)
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise
    finally:
        spent_ = {name: getattr(meter, name) for name in ("turns", "frames", "tokens", "usd")}
        record.emit(ev.SessionEnded, status=status, reason=reason, **spent_)
        record.end()
    return Outcome(answer, failure=None if answer else "unparsed", reason=reason)


def read_reply(text: str, options: Sequence[str]) -> Answer | None:
    """The answer that a reply gives without further ado; ``None`` when it names no option.

    An option counts by its letter, alone on a line, at the beginning or after the word "answer",
    or by its text.
    """
    if not options and plain(text) == plain(CANNOT_TELL):
        return Answer(CANNOT_TELL)
    found = from_words(text, options)
    if found is None and options and (leading := _LEADING.match(text)):
        choice = ord(leading[1]) - ord("A")
        # "A man walks" begins with an article, and with a letter only if it stands for an option.
        alone = not re.match(r"\s+[a-z]", text[leading.end() :]) or leading[1] not in "AI"
        if choice < len(options) and alone:
            found = Answer(options[choice], choice)
    return None if found is None else replace(found, best_effort=False)


def _message(case: Case, template: str, pictures: Sequence[Picture]) -> Message:
    item = case.item
    words = render(
        template,
        question=item.question,
        options=options_for_prompt(item.options),
        letters=[letter(number) for number in range(len(item.options))],
        pictures=len(pictures),
    )
    parts: list[str | Picture] = []
    for picture in pictures:
        parts += [f"[{picture.label}]", picture]
    return Message("user", (*parts, words))


def _ask(case: Case, record: Record, meter: Meter, message: Message) -> Answer | None:
    record.emit(ev.Prompted, role="user", parts=record.file(message))
    model = case.models.main
    with meter.call():
        record.emit(ev.ModelCalled, turn=1)
        began = time.monotonic()
        reply = model.complete([message])
        meter.add(reply.usage)
    meter.turns = 1
    record.emit(
        ev.ModelReplied,
        turn=1,
        text=reply.text,
        reasoning=reply.reasoning,
        model=reply.model,
        cached=reply.cached,
        seconds=round(time.monotonic() - began, 4),
        **asdict(reply.usage),
    )
    answer = read_reply(reply.text, case.item.options)
    if answer is not None:
        record.emit(ev.Answered, turn=1, **answer.as_event())
    return answer


def _header(case: Case) -> dict[str, object]:
    """The header of the transcript; of a video that was not opened only the name is known."""
    video, models = case.given_video, case.models
    width, height = video.size if video else (0, 0)
    return {
        "videorlm": __version__,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "question": case.item.question,
        "options": tuple(case.item.options),
        "video": ev.VideoInfo(
            name=case.item.video.name,
            sha256=video.sha256 if video else "",
            duration=video.span.duration if video else 0.0,
            width=width,
            height=height,
            frame_rate=float(video.frame_rate) if video else 0.0,
        ),
        "model": models.main.name,
        "picture_side": models.main.limits.picture_side,
        "preset": "",
        "index_key": "",
        "sandbox_level": "",
        "limits": case.budget.as_dict(),
        "prompt_sha256": prompts_sha256(),
        "span": case.item.span,
    }
