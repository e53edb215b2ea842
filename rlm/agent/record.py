"""Where a session's events go: to every sink, with the time since it began."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from rlm.agent.events import Event, Image, Part, Sink, Text
from rlm.agent.llm import Message, Picture

Store = Callable[[str, bytes], None]
"""Files the bytes of a picture under its hash."""


class Record:
    """Emits the events of one session; ``store`` has every picture before the event naming it."""

    def __init__(self, sinks: Sequence[Sink], store: Store) -> None:
        self._sinks = sinks
        self._store = store
        self._began = time.monotonic()

    @property
    def at(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self._began

    def emit(self, kind: type[Event], **values: Any) -> None:
        """Give every sink the event of this ``kind``, now."""
        event = kind(at=round(self.at, 3), **values)
        for sink in self._sinks:
            sink(event)

    def file(self, message: Message) -> tuple[Part, ...]:
        """The parts of a message as events name them, with its pictures stored."""
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, Picture):
                self._store(part.sha256, part.jpeg)
                parts.append(Image(sha256=part.sha256, label=part.label))
            else:
                parts.append(Text(text=part))
        return tuple(parts)
