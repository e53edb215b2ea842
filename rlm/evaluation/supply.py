"""Questions in the order of their videos, each as soon as its video and index are there.

Two threads run ahead of the questions. One opens videos and the indexes that exist; what has no
index yet it hands to the other, which builds. So a long video that is being indexed holds up its
own questions alone. Neither runs far ahead: an open index is held by the questions that wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.errors import VideoNotFound
from rlm.evaluation.indexes import Indexes
from rlm.evaluation.items import Item
from rlm.evaluation.results import Key
from rlm.evaluation.systems import Needs

if TYPE_CHECKING:
    from rlm.index import VideoIndex
    from rlm.video import Video


@dataclass(frozen=True)
class Opened:
    """A video and its index, as far as they are needed; or the ``error`` that stands in the way."""

    video: Video | None = None
    index: VideoIndex | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Job:
    """A question to be asked for the ``repeat``-th time, counted from 0.

    ``place`` is where it stands among the questions of the run, from 0.
    """

    item: Item
    repeat: int
    place: int = 0
    opened: Opened = field(default_factory=Opened, repr=False)

    @property
    def key(self) -> Key:
        """Which question it is."""
        return Key(id=self.item.id, repeat=self.repeat)


class Supply:
    """Hands out ``jobs``, which have nothing opened yet; about ``ahead`` of them wait ready.

    ``missing`` says by id why the video of an item cannot be had. Without ``opens`` they come with
    nothing opened, for whoever opens it elsewhere. Use it as a context manager, and
    :meth:`take` from any thread.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        needs: Needs,
        indexes: Indexes | None,
        missing: Mapping[str, str],
        ahead: int,
        opens: bool = True,
    ) -> None:
        self._needs = needs
        self._opens = opens
        self._indexes = indexes
        self._ahead = ahead
        looks = needs.video or needs.index
        gone = {job.key: missing[job.item.id] for job in jobs if looks and job.item.id in missing}
        self._groups = _by_video([job for job in jobs if job.key not in gone])
        self._unbuilt: deque[Path | None] = deque()
        self._ready: deque[Job] = deque(
            replace(job, opened=Opened(error=VideoNotFound(gone[job.key])))
            for job in jobs
            if job.key in gone
        )
        self._at_work = 2
        self._stopped = False
        self._changed = threading.Condition()
        self.building: str | None = None
        """The name of the video that is being indexed at the moment."""

    def __enter__(self) -> Supply:
        for work in (self._open_all, self._build_all):
            threading.Thread(
                target=self._run, args=(work,), name=work.__name__, daemon=True
            ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def take(self) -> Job | None:
        """The next question whose video is ready; waits for one. ``None`` when there are no more.

        What keeps its video from being ready is the ``error`` in what was opened.
        """
        with self._changed:
            while not self._ready and self._at_work and not self._stopped:
                self._changed.wait()
            if self._stopped or not self._ready:
                return None
            job = self._ready.popleft()
            self._changed.notify_all()
            return job

    def stop(self) -> None:
        """Hand out no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    # ---- in the threads that run ahead

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def _open_all(self) -> None:
        try:
            for path in list(self._groups):
                if not self._wait_for_demand():
                    return
                opened = self._open(path)
                if opened is not None:
                    self._offer(path, opened)
                    continue
                with self._changed:
                    self._unbuilt.append(path)
                    self._changed.notify_all()
        finally:
            with self._changed:
                self._unbuilt.append(None)
                self._changed.notify_all()

    def _build_all(self) -> None:
        while (path := self._next_unbuilt()) is not None:
            self.building = path.name
            opened = self._build(path)
            self.building = None
            self._offer(path, opened)
            if not self._wait_for_demand():
                return

    def _wait_for_demand(self) -> bool:
        """Wait until few enough are ready; whether any is still wanted."""
        with self._changed:
            while len(self._ready) >= self._ahead and not self._stopped:
                self._changed.wait()
            return not self._stopped

    def _next_unbuilt(self) -> Path | None:
        with self._changed:
            while not self._unbuilt and not self._stopped:
                self._changed.wait()
            return None if self._stopped else self._unbuilt.popleft()

    def _open(self, path: Path) -> Opened | None:
        """What is there of a video; ``None`` when its index has to be built."""
        from rlm.video import Video

        if not self._opens or (not self._needs.video and not self._needs.index):
            return Opened()
        try:
            video = Video.open(path)
            _ = video.sha256  # read here, ahead of the question
            if not self._needs.index or self._indexes is None:
                return Opened(video)
            index = self._indexes.built(video)
        except Exception as error:  # noqa: BLE001 - told in the results of its questions
            return Opened(error=error)
        return None if index is None else Opened(index.video, index)

    def _build(self, path: Path) -> Opened:
        assert self._indexes is not None
        try:
            index = self._indexes.of(path)
        except Exception as error:  # noqa: BLE001 - told in the results of its questions
            return Opened(error=error)
        return Opened(index.video, index)

    def _offer(self, path: Path, opened: Opened) -> None:
        with self._changed:
            jobs = self._groups.pop(path)
            self._ready.extend(replace(job, opened=opened) for job in jobs)
            self._changed.notify_all()


def _by_video(jobs: Sequence[Job]) -> dict[Path, list[Job]]:
    """The jobs of each video, in the order in which the videos come first."""
    groups: dict[Path, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.item.video, []).append(job)
    return groups
