"""Where a run's events go: to every sink, with the time since it began."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from rlm.agent.events import Event, Image, Part, Sink, Text
from rlm.agent.llm import Message, Picture

Store = Callable[[str, bytes], None]
"""Files the bytes of a picture under its hash."""


def in_all(*stores: Store) -> Store:
    """A store that gives every picture to each of ``stores``."""

    def store(sha256: str, jpeg: bytes) -> None:
        for each in stores:
            each(sha256, jpeg)

    return store


class _Shared:
    """What the records of all sessions of a run have in common."""

    def __init__(self, sinks: Sequence[Sink], store: Store) -> None:
        self.sinks = sinks
        self.store = store
        self.began = time.monotonic()
        self.lock = threading.Lock()  # sessions that run side by side write one after the other
        self.ended = False


class Record:
    """Emits the events of one session; ``store`` has every picture before the event naming it.

    ``session`` is the session's place in the tree, as events have it.
    """

    def __init__(self, sinks: Sequence[Sink], store: Store) -> None:
        self.session = ""
        self._shared = _Shared(sinks, store)

    def child(self, number: int) -> Record:
        """The record of the ``number``-th sub-session, counted from 1."""
        record = Record.__new__(Record)
        record.session = f"{self.session}.{number}".lstrip(".")
        record._shared = self._shared
        return record

    @property
    def at(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._shared.began

    def emit(self, kind: type[Event], **values: Any) -> None:
        """Give every sink the event of this ``kind``, now; nothing once the run has ended."""
        with self._shared.lock:
            if self._shared.ended:
                return
            event = kind(at=round(self.at, 3), session=self.session, **values)
            for sink in self._shared.sinks:
                sink(event)

    def end(self) -> None:
        """Let nothing follow, nor a picture: what an interrupt left behind may still be at work."""
        with self._shared.lock:
            self._shared.ended = True

    def file(self, message: Message) -> tuple[Part, ...]:
        """The parts of a message as events name them, with its pictures stored."""
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, Picture):
                with self._shared.lock:
                    if not self._shared.ended:
                        self._shared.store(part.sha256, part.jpeg)
                parts.append(Image(sha256=part.sha256, label=part.label))
            else:
                parts.append(Text(text=part))
        return tuple(parts)
