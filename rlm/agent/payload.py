"""Messages in the form of the OpenAI protocol, which litellm turns into every provider's own."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from rlm.agent.llm import Message, Picture


def payload(messages: Sequence[Message], *, marked: bool = False) -> list[dict[str, Any]]:
    """The ``messages``, pictures as data URLs.

    ``marked`` is for providers that have to be told which beginning to keep for the next call.
    """
    ends = _ends(messages) if marked else set()
    return [_message(message, number in ends) for number, message in enumerate(messages)]


def _ends(messages: Sequence[Message]) -> set[int]:
    """Where a beginning ends that later calls repeat: the system message and two of the user's.

    The newest message may not come again as it is, so the one before it is marked. The one before
    that had the mark in the last call: marked again, what was kept then is found for certain,
    while a provider looks no more than some twenty parts back for it by itself.
    """
    system = {number for number, message in enumerate(messages) if message.role == "system"}
    user = [number for number, message in enumerate(messages) if message.role == "user"]
    return system | set(user[-3:-1])


def _message(message: Message, marked: bool) -> dict[str, Any]:
    # Some providers refuse a text of nothing, which a model may well have replied.
    parts = [part for part in message.parts if isinstance(part, Picture) or part.strip()]
    parts = parts or ["(nothing)"]
    if not marked and all(isinstance(part, str) for part in parts):
        return {"role": message.role, "content": "\n".join(map(str, parts))}
    content = [_part(part) for part in parts]
    if marked:
        content[-1]["cache_control"] = {"type": "ephemeral"}
    return {"role": message.role, "content": content}


def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    data = base64.b64encode(part.jpeg).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
