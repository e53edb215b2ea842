"""A run: workers that ask the questions of a data set, and what makes them stop.

::

    Supply ──> worker ──> System ──> result ──> RunFolder, Watch
    (videos and indexes, ahead)      16 at once, fewer where the provider says so (Throttle),
                                     while there is money for one more (Purse);
                                     here, or on other machines (cluster.py)

Workers are threads: what takes long, models, tools and jails, runs outside of Python. What fails is
a result like any other. A run ends early only when it is told to, when its money is spent, or when
no further question could end otherwise: the disk is full, the key is refused, the model unknown or
gone.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from rlm.errors import MissingKey, ModelUnavailable, UnknownModel
from rlm.evaluation.attempt import Means, QuestionLost, attempt
from rlm.evaluation.folder import RunFolder, disk_full
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.judge import Judge
from rlm.evaluation.judging import judged
from rlm.evaluation.purse import Purse
from rlm.evaluation.results import ItemResult
from rlm.evaluation.standing import Standing
from rlm.evaluation.supply import Job, Opened, Supply
from rlm.evaluation.throttle import Throttle

AHEAD = 4
"""Questions for each worker that wait with their index open."""
REFUSED = 3
"""Questions in a row that end with a refused key once one had been accepted, or with a model that
is unavailable when nobody had a reply yet."""
GONE = 3
"""Times the number of workers: so many in a row end because the model is unavailable."""
LOOK = 0.2
"""Seconds between looks at the clock."""

Ending = Literal["finished", "drained", "spent"]


class Watch(Protocol):
    """Who is told how a run goes on, from any of its threads."""

    def started(self, job: Job) -> None:
        """A worker begins with a question."""
        ...

    def finished(self, result: ItemResult) -> None:
        """It is done, and written down."""
        ...

    def tick(self, run: Run) -> None:
        """Some time has passed; called by one thread alone."""
        ...

    def say(self, line: str) -> None:
        """Something that a user should know."""
        ...


@dataclass
class Run:
    """Asks ``jobs`` with ``workers`` threads; see :meth:`work`.

    ``missing`` says by id why the video of an item cannot be had; ``standing`` has what was done in
    earlier sittings.
    """

    jobs: Sequence[Job]
    means: Means
    folder: RunFolder
    indexes: Indexes | None
    missing: Mapping[str, str]
    workers: int
    purse: Purse
    throttle: Throttle
    standing: Standing
    watch: Watch
    elsewhere: Callable[[Job], tuple[ItemResult, Exception | None]] | None = None
    """Asks in place of :func:`attempt`, on other machines; then no video is opened here."""
    judge: Judge | None = None
    """Says of open answers whether they are right, as soon as they are there."""
    abort: Callable[[], None] = lambda: None
    """Ends what is under way, when nobody waits for it any longer."""
    supply: Supply = field(init=False)
    began: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.supply = Supply(
            self.jobs,
            self.means.system.needs,
            self.indexes,
            self.missing,
            AHEAD * self.workers,
            opens=self.elsewhere is None,
        )
        self._draining = threading.Event()
        self._lock = threading.Lock()
        self._fatal: BaseException | None = None
        self._spent = threading.Event()
        self._refused = self._gone = 0
        self._accepted = False
        self._closed = False
        self.left = len(self.jobs)
        """Questions that nobody has begun with."""
        self.total = self.standing.done + len(self.jobs)
        """Questions of the whole run."""
        self._done_before = self.standing.done

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest will take; ``None`` before the first result of this sitting.

        The workers begin together: until each has had time for one question, all count as done
        with theirs.
        """
        done = self.standing.done - self._done_before
        if done == 0:
            return None
        done = max(done, min(self.workers, len(self.jobs)))
        return (time.monotonic() - self.began) / done * (self.total - self.standing.done)

    def work(self) -> Ending:
        """Ask them all; how it ended.

        Ctrl-C lets the questions under way be finished, and no further one begin; a second one
        raises ``KeyboardInterrupt`` at once. Raises ``MissingKey`` or ``UnknownModel`` when the
        model refuses, ``ModelUnavailable`` when it is gone for good, ``OSError`` when the results
        cannot be written.
        """
        threads = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            for number in range(self.workers)
        ]
        with self.supply, self._interruptible():
            for thread in threads:
                thread.start()
            try:
                self._wait_for(threads)
            except BaseException:
                with self._lock:
                    self._closed = True
                self.abort()
                raise
        if self._fatal is not None:
            raise self._fatal
        if self.left and self._draining.is_set():
            return "drained"
        return "spent" if self.left and self._spent.is_set() else "finished"

    def replied(self) -> None:
        """Hear that the model has replied to somebody: its key is good, and it is there."""
        with self._lock:
            self._accepted = True
            self._refused = self._gone = 0

    def drain(self) -> None:
        """Begin no further question."""
        self._draining.set()
        self.supply.stop()

    # ---- in the workers

    def _work(self) -> None:
        try:
            while not self._draining.is_set() and self._fatal is None and self._afford():
                job = self.supply.take()
                if job is None:
                    self.purse.settle(0.0)
                    return
                with self._lock:
                    self.left -= 1
                self._ask(job)
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
            self._end(error)

    def _afford(self) -> bool:
        if self.purse.take():
            return True
        self._spent.set()
        self.supply.stop()
        return False

    def _ask(self, job: Job) -> None:
        self.watch.started(job)
        result, error = self._attempt(job)
        result, refused = self._judged(result)
        with self._lock:
            if self._closed:  # what was cut off is no result
                return
        self.purse.settle(result.paid)
        if error is not None and (full := disk_full(error)):
            raise full
        if error is not None and self._is_the_end(error):
            raise error
        self.folder.append(result)
        with self._lock:
            self.standing.add(result)
        self.watch.finished(result)
        if refused is not None:
            raise refused

    def _attempt(self, job: Job) -> tuple[ItemResult, Exception | None]:
        if self.elsewhere is None or job.opened.error is not None:
            return attempt(job, self.means)
        try:
            result, error = self.elsewhere(job)
        except QuestionLost as lost:
            return attempt(replace(job, opened=Opened(error=lost)), self.means)
        if result.turns:
            self.replied()
        return result, error

    def _judged(self, result: ItemResult) -> tuple[ItemResult, Exception | None]:
        """The result with a verdict; without one, why nobody will ever have one."""
        try:
            return (result, None) if self.judge is None else (judged(result, self.judge), None)
        except (MissingKey, UnknownModel) as error:
            return result, error

    def _is_the_end(self, error: Exception) -> bool:
        """Whether every other question would fail in the same way."""
        with self._lock:
            if isinstance(error, MissingKey | UnknownModel):
                self._refused += 1
                return not self._accepted or self._refused >= REFUSED
            if isinstance(error, ModelUnavailable):
                self._gone += 1
                return self._gone >= (GONE * self.workers if self._accepted else REFUSED)
        return False

    def _end(self, error: BaseException) -> None:
        with self._lock:
            self._fatal = self._fatal or error
        self.supply.stop()

    # ---- in the thread that waits

    def _wait_for(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK)
                self.watch.tick(self)
        self.watch.tick(self)  # of a run that was over at once, too

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Have Ctrl-C drain, and a second one abort; where signals arrive."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: Any) -> None:
            if self._draining.is_set():
                raise KeyboardInterrupt
            # Not from here: a lock may be held by what was interrupted.
            self._draining.set()
            threading.Thread(target=self._drained, daemon=True).start()

        before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _drained(self) -> None:
        self.supply.stop()
        self.watch.say("finishing the questions under way; Ctrl-C again gives them up")
