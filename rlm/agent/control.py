"""What a person does to a session while it runs: pause, steer, interrupt, stop, kill.

::

    pause        the session waits before its next step          until resume
    steer        words that it reads before its next reply
    interrupt    what runs is cut short, variables are kept      until resume, steer, stop or kill
    stop         what runs is cut short, and it answers now
    kill         what runs is cut short, its process is ended, and so is the question

All of it may come from any thread. A reply that is cut short is kept as far as it came; so is what
a cell has assigned. A session that nobody controls has a ``Control`` that nobody touches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ANSWER_NOW = "you are asked to answer now"
"""Why a session that was stopped wraps up."""

Cut = Callable[[], object]


@dataclass(frozen=True, eq=False)
class _Running:
    """A step under way: how it is cut short, and how its process is ended if it has one."""

    cut: Cut
    kill: Cut | None


class Control:
    """The reins of a session and of those below it.

    The first methods are for the person who holds them, those from :meth:`begin` on for the
    session.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler may act while this thread is in here.
        self._changed = threading.Condition(threading.RLock())
        self._paused = self._interrupted = self._killed = self._answering = False
        self._stop: str | None = None
        self._words: list[str] = []
        self._running: list[_Running] = []
        self._cuts = 0
        self._held_since: float | None = None
        self._held = 0.0

    # ---- for the person

    def pause(self) -> None:
        """Let the step under way end, and hold the session before the next one."""
        with self._changed:
            self._paused = True
            self._hold()

    def resume(self) -> None:
        """Go on after a pause or an interruption."""
        with self._changed:
            self._release(paused=True)

    def steer(self, words: str) -> None:
        """Have the model read ``words`` before its next reply; ends an interruption."""
        with self._changed:
            self._words.append(words)
            self._release(paused=False)

    def interrupt(self) -> None:
        """Cut short the reply that streams or the cell that runs, and hold the session."""
        with self._changed:
            self._interrupted = True
            self._hold()
            self._cut()

    def stop(self, reason: str = ANSWER_NOW) -> None:
        """Cut short what runs and have the session answer from what it knows, with one call.

        One that answers already is left to it.
        """
        with self._changed:
            if not self._answering:
                self._stop = reason
                self._cut()
            self._release(paused=True)

    def kill(self) -> None:
        """Cut short what runs, end the process with its variables, and end the question."""
        with self._changed:
            self._killed = True
            for step in tuple(self._running):
                if step.kill is not None:
                    step.kill()
            self._cut()
            self._release(paused=True)

    @property
    def held(self) -> bool:
        """Whether the session waits, or will at its next step."""
        return self._paused or self._interrupted

    # ---- for the session

    def begin(self) -> None:
        """A question is asked: what was done to the one before it is over. A pause lasts."""
        with self._changed:
            self._stop, self._killed, self._answering = None, False, False
            self._words.clear()
            self._release(paused=False)

    @contextmanager
    def running(self, cut: Cut, kill: Cut | None = None) -> Iterator[None]:
        """A step that ``cut`` cuts short, from another thread, also where that is due already."""
        step = _Running(cut, kill)
        with self._changed:
            self._running.append(step)
            if self.cutting():
                cut()
        try:
            yield
        finally:
            with self._changed:
                self._running.remove(step)

    def cutting(self) -> bool:
        """Whether a step that begins now is to be cut short at once."""
        return self._interrupted or self._killed or self._stop is not None

    @property
    def cuts(self) -> int:
        """How often something was cut short so far: sub-sessions end by it."""
        return self._cuts

    @property
    def killed(self) -> bool:
        """Whether the question has been ended."""
        return self._killed

    def wait(self) -> None:
        """Return when nothing holds the session."""
        with self._changed:
            while self.held:
                self._changed.wait()

    def take_words(self) -> list[str]:
        """What the person said since the last reply; told once."""
        with self._changed:
            words, self._words = self._words, []
            return words

    @property
    def stopped(self) -> str | None:
        """Why to answer now, if that was asked for."""
        return self._stop

    def take_stop(self) -> str | None:
        """Why to answer now, if that was asked for; the first session then does so."""
        with self._changed:
            reason, self._stop, self._answering = self._stop, None, True
            return reason

    def clock(self) -> float:
        """Seconds of a clock that stands still while the session is held."""
        with self._changed:
            now = time.monotonic()
            return now - self._held - (now - self._held_since if self._held_since else 0.0)

    # ---- with the lock held

    def _hold(self) -> None:
        if self._held_since is None:
            self._held_since = time.monotonic()

    def _release(self, *, paused: bool) -> None:
        self._interrupted = False
        self._paused = self._paused and not paused
        if not self._paused and self._held_since is not None:
            self._held += time.monotonic() - self._held_since
            self._held_since = None
        self._changed.notify_all()

    def _cut(self) -> None:
        self._cuts += 1
        for step in tuple(self._running):
            step.cut()
