"""Running an iterator in a thread of its own, a little ahead of whoever takes from it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T, None, None], size: int) -> Generator[T, None, None]:
    """The same items in the same order, with up to ``size`` of them made before they are wanted.

    So decoding goes on while the encoder computes. What ``items`` raises is raised here. When
    nobody wants more, the thread stops after the item in hand and ``items`` is closed.
    """
    made: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(size)
    stopped, ended = threading.Event(), threading.Event()

    def put(item: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put((item,))
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken
            put(error)
        finally:
            try:
                items.close()
            finally:
                ended.set()

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        interrupt = None
        # Files the thread writes to must not be let go of before it ends, whoever is impatient.
        # An interrupted join would take the thread for ended, so its own word is waited for.
        while not ended.is_set():
            try:
                ended.wait()
            except KeyboardInterrupt as error:
                interrupt = error
        thread.join()
        if interrupt is not None:
            raise interrupt
