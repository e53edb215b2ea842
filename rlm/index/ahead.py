"""Running an iterator in a thread of its own, a little ahead of whoever takes from it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
# Seconds after which a thread that an interrupt caught at its start is taken for one that is not.
_TO_BEGIN = 2.0


def ahead(items: Generator[T, None, None], size: int) -> Generator[T, None, None]:
    """The same items in the same order, with up to ``size`` of them made before they are wanted.

    So decoding goes on while the encoder computes. What ``items`` raises is raised here. When
    nobody wants more, the thread stops after the item in hand and ``items`` is closed.
    """
    made: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(size)
    stopped, begun, ended = threading.Event(), threading.Event(), threading.Event()

    def put(item: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        begun.set()
        try:
            while not stopped.is_set():
                try:
                    item = next(items)
                except StopIteration:
                    put(None)
                    return
                put((item,))
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken
            put(error)
        finally:
            try:
                items.close()
            finally:
                ended.set()

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    try:
        thread.start()
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        # Files the thread writes to must not be let go of before it ends, whoever is impatient. An
        # interrupted start or join leaves in doubt whether it runs, so its own word is waited for.
        interrupt = _wait(begun, _TO_BEGIN)
        if begun.is_set():
            interrupt = _wait(ended) or interrupt
        if interrupt is not None:
            raise interrupt


def _wait(event: threading.Event, timeout: float | None = None) -> KeyboardInterrupt | None:
    """Wait for ``event`` through interrupts; the last of those, if any."""
    interrupt = None
    while True:
        try:
            event.wait(timeout)
        except KeyboardInterrupt as error:
            interrupt = error
        else:
            return interrupt
