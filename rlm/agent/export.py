"""Saved runs in other forms: chats to train models on, and a page to read.

A run gives a chat for each of its sessions. A chat has all that was said, each message once, also
where the model itself went on from a summary of its older turns.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rlm.agent import events as ev
from rlm.agent.recorded import Told, sessions_of
from rlm.agent.transcript import Transcript
from rlm.errors import TranscriptError

_FROM = {"system": "system", "user": "human", "assistant": "gpt"}
_CSS = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "section{border-left:3px solid #bbb;padding-left:1em;margin:1em 0}"
    "section.assistant{border-color:#36c}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    "img{max-width:100%;display:block}h3{margin:0;font-size:1em;color:#666}"
)

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


def page(transcripts: Sequence[Transcript], images: bool = True) -> Iterator[str]:
    """One self-contained page without scripts; all that a run said is text in it.

    Raises as :func:`openai` does.
    """
    # Nothing may be fetched or run, whatever a model or a video has said.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>VideoRLM runs</title><style>{_CSS}</style></head><body>\n"
    )
    for transcript in transcripts:
        facts = about(transcript)
        yield f"<h1>{html.escape(facts['question'])}</h1>\n<dl>"
        for name in ("answer", "status", "video", "model", "preset", "turns", "tokens", "usd"):
            yield f"<dt>{name}</dt><dd>{html.escape(str(facts[name]))}</dd>"
        yield "</dl>\n"
        for session, chat in chats(transcript).items():
            if session:
                yield f"<h2>sub-session {html.escape(session)}</h2>\n"
            for role, parts in chat:
                yield f'<section class="{role}"><h3>{role}</h3>'
                yield from (_tag(transcript, part, images) for part in parts)
                yield "</section>\n"
    yield "</body></html>\n"


FORMATS: dict[str, Callable[[Sequence[Transcript], bool], Iterator[str]]] = {
    "openai": openai,
    "sharegpt": sharegpt,
    "html": page,
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


def _tag(transcript: Transcript, part: ev.Part, images: bool) -> str:
    if isinstance(part, ev.Image) and images:
        return f'<img src="{_url(transcript, part)}" alt="{html.escape(part.label)}">'
    return f"<pre>{html.escape(_named(part))}</pre>"


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
