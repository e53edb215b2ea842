"""Saved runs in other forms: chats to train models on. Pages to read are in ``rlm/ui/page``.

A run gives a chat for each of its sessions. A chat has all that was said, each message once, also
where the model itself went on from a summary of its older turns.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rlm.agent import events as ev
from rlm.agent.recorded import Told, sessions_of
from rlm.agent.transcript import Transcript
from rlm.errors import TranscriptError

_FROM = {"system": "system", "user": "human", "assistant": "gpt"}

Chat = list[tuple[str, tuple[ev.Part, ...]]]
"""Messages in order: who speaks (system, user or assistant), and what."""


def about(transcript: Transcript) -> dict[str, Any]:
    """What a run was and how it ended, as a list of runs tells it.

    ``status`` is that of ``SessionEnded``, or ``unfinished``; ``tokens`` and ``usd`` are ``None``
    where they are not known. Of several questions it is about the last one.
    """
    header, root = transcript.header, sessions_of(transcript.events)[""]
    end, answer = root.end, root.answer
    last = root.questions[-1] if root.questions else header
    return {
        "transcript": transcript.path.resolve().name,
        "started": header.started,
        "question": last.question,
        "options": list(last.options),
        "video": header.video.name,
        "video_sha256": header.video.sha256,
        "model": header.model,
        "preset": header.preset,
        "status": end.status if end is not None else "unfinished",
        **_answer(answer),
        "seconds": transcript.events[-1].at,
        "turns": end.turns if end is not None else len(root.replies),
        "frames": end.frames if end is not None else None,
        "tokens": end.tokens if end is not None else None,
        "usd": end.usd if end is not None else None,
        "forked_from": header.forked_from,
        "forked_turn": header.forked_turn,
    }


def chats(transcript: Transcript) -> dict[str, Chat]:
    """The chat of each session by its place in the tree, in the order they began."""
    found: dict[str, Chat] = {}
    for event in transcript.events:
        chat = found.setdefault(event.session, [])
        match event:
            case ev.Prompted():
                chat.append((event.role, event.parts))
            case ev.ModelReplied():
                chat.append(("assistant", (ev.Text(text=event.text),)))
            case ev.Interrupted() if event.text.strip():
                chat.append(("assistant", (ev.Text(text=event.text),)))
            case ev.Observed():
                chat.append(("user", event.parts))
            case _:
                pass
    return {session: chat for session, chat in found.items() if chat}


def openai(transcripts: Sequence[Transcript], images: bool = True) -> Iterator[str]:
    """A JSON line for each session: ``messages`` as the OpenAI protocol has them, ``metadata``.

    Pictures are data URLs; without ``images`` they are named in words. Raises ``TranscriptError``
    for a picture that cannot be read.
    """
    for transcript in transcripts:
        for metadata, chat in _sessions(transcript):
            messages = [
                {"role": role, "content": _content(transcript, parts, images)}
                for role, parts in chat
            ]
            yield json.dumps({"messages": messages, "metadata": metadata}) + "\n"


def sharegpt(transcripts: Sequence[Transcript], images: bool = True) -> Iterator[str]:
    """A JSON line for each session: ``conversations`` of ``from`` and ``value``, ``metadata``.

    Where a picture stands there is ``<image>``, and ``images`` has their data URLs in that order;
    without ``images`` they are named in words. Raises as :func:`openai` does.
    """
    for transcript in transcripts:
        for metadata, chat in _sessions(transcript):
            urls: list[str] = []
            turns = []
            for role, parts in chat:
                words = []
                for part in parts:
                    if isinstance(part, ev.Image) and images:
                        urls.append(_url(transcript, part))
                        words.append("<image>")
                    else:
                        words.append(_named(part))
                turns.append({"from": _FROM[role], "value": "\n".join(words)})
            line: dict[str, Any] = {"conversations": turns}
            if images:
                line["images"] = urls
            yield json.dumps(line | {"metadata": metadata}) + "\n"


FORMATS: dict[str, Callable[[Sequence[Transcript], bool], Iterator[str]]] = {
    "openai": openai,
    "sharegpt": sharegpt,
}


# ----


def _sessions(transcript: Transcript) -> Iterator[tuple[dict[str, Any], Chat]]:
    told, root = sessions_of(transcript.events), about(transcript)
    for session, chat in chats(transcript).items():
        yield {"session": session, **_outcome(told[session]), "run": root}, chat


def _outcome(told: Told) -> dict[str, Any]:
    """What one session was asked and how it ended; the whole run's is beside it."""
    started = told.started
    return {
        "asked": started.question if started is not None else None,
        "span": list(started.span) if started is not None else None,
        "status": told.end.status if told.end is not None else "unfinished",
        **_answer(told.answer),
    }


def _answer(answer: ev.Answered | None) -> dict[str, Any]:
    return {
        "answer": answer.answer if answer else None,
        "choice": answer.choice if answer else None,
        "evidence": [list(pair) for pair in answer.evidence] if answer else [],
        "confidence": answer.confidence if answer else None,
        "calibrated": answer.calibrated if answer else None,
        "best_effort": answer.best_effort if answer else False,
    }


def _content(
    transcript: Transcript, parts: tuple[ev.Part, ...], images: bool
) -> str | list[dict[str, Any]]:
    if not (images and any(isinstance(part, ev.Image) for part in parts)):
        return "\n".join(map(_named, parts))
    return [
        {"type": "image_url", "image_url": {"url": _url(transcript, part)}}
        if isinstance(part, ev.Image)
        else {"type": "text", "text": part.text}
        for part in parts
    ]


def _named(part: ev.Part) -> str:
    return part.text if isinstance(part, ev.Text) else f"(picture: {part.label or part.sha256})"


def _url(transcript: Transcript, image: ev.Image) -> str:
    file = transcript.media(image.sha256)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise TranscriptError(
            f"the picture {file} cannot be read: {error.strerror}; --no-images does without"
        ) from error
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
