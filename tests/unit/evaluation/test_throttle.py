"""Room for calls: halved by a rate limit, won back one by one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from rlm.evaluation.throttle import BURST, Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_limits_that_come_together_halve_the_room_once() -> None:
    clock = Clock()
    throttle = Throttle(16, clock)
    for _ in range(16):
        throttle.limited()
    assert throttle.room == 8
    clock.now += BURST
    throttle.limited()
    assert throttle.room == 4


def test_there_is_always_room_for_one_and_never_for_more_than_asked() -> None:
    clock = Clock()
    throttle = Throttle(4, clock)
    for _ in range(10):
        clock.now += BURST
        throttle.limited()
    assert throttle.room == 1
    rooms = []
    for _ in range(40):
        with throttle:
            pass
        rooms.append(throttle.room)
    assert rooms == sorted(rooms)
    assert rooms[0] == 2  # one good call in a room of one
    assert rooms[-1] == 4


def test_calls_wait_for_room() -> None:
    throttle = Throttle(8, Clock())
    throttle.limited()
    throttle.limited()  # the same burst
    at_once, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(4)

    def call(number: int) -> None:
        nonlocal at_once, most
        try:
            with throttle:
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                if number < 4:
                    together.wait(30)
                with lock:
                    at_once -= 1
                raise LookupError  # a call that fails wins no room
        except LookupError:
            pass

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, range(12)))
    assert most == 4
