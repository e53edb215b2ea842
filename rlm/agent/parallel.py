"""Things done side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def side_by_side(calls: Sequence[Callable[[], T]], at_once: int) -> list[T | Exception]:
    """What each of ``calls`` returns or raises, in order; so many run at the same moment.

    What is no ``Exception``, such as an interrupt, here or in a call, ends the waiting and is
    raised: calls under way go on, by themselves, to their end, and no further one begins.
    """
    if len(calls) == 1:
        return [_outcome(calls[0])]
    results: list[T | Exception | None] = [None] * len(calls)
    broken: list[BaseException] = []
    waiting = deque(enumerate(calls))
    done = threading.Semaphore(0)

    def work() -> None:
        while True:
            try:
                place, call = waiting.popleft()
            except IndexError:
                return
            try:
                results[place] = _outcome(call)
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                broken.append(error)
            finally:
                done.release()

    for _ in range(min(at_once, len(calls))):
        # Daemons: a model that stays silent must not hold up the end of the program.
        threading.Thread(target=work, name="side-by-side", daemon=True).start()
    try:
        for _ in calls:
            done.acquire()
            if broken:
                raise broken[0]
    finally:
        waiting.clear()
    return [RuntimeError("it was cut off") if one is None else one for one in results]


def _outcome(call: Callable[[], T]) -> T | Exception:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - handed to the caller
        return error
