"""The indexes of the videos that questions are about: each opened or built once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.agent.indexing import open_index

if TYPE_CHECKING:
    from rlm.index import Loader, VideoIndex
    from rlm.video import Video

KEPT = 8
"""Indexes kept open; the others are on disk."""


class Indexes:
    """Opens the index of a video with the encoders of ``preset``, under ``cache``; or builds it.

    Several environments may share one, from any threads: weights are then loaded once.
    """

    def __init__(self, preset: str = "builtin", cache: str | Path | None = None) -> None:
        self.preset = preset
        self._cache = None if cache is None else Path(cache)
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._open: OrderedDict[Path, VideoIndex] = OrderedDict()
        self._loader: Loader | None = None

    def of(self, video: str | Path | Video) -> VideoIndex:
        """The index of the file ``video``; waits while another is being built.

        Raises ``VideoError`` for a file that is no video, ``EncoderError`` when weights are missing
        and whatever else ``VideoIndex.build`` raises.
        """
        path = _path(video)
        with self._building:
            found = self._kept(path)
            if found is None:
                found, _ = open_index(
                    _opened(video), self.preset, cache=self._cache, loader=self._shared()
                )
                self._keep(path, found)
            return found

    def built(self, video: str | Path | Video) -> VideoIndex | None:
        """The index if it is there already; waits for no other.

        Raises what :meth:`of` does.
        """
        from rlm.errors import IndexDamaged
        from rlm.index import VideoIndex
        from rlm.index.plan import INDEX

        path = _path(video)
        found = self._kept(path)
        if found is None:
            try:
                found = VideoIndex.load(
                    _opened(video), self.preset, cache=self._cache, loader=self._shared()
                )
            except IndexDamaged:
                return None
            if found.tier < INDEX:
                return None
            self._keep(path, found)
        return found

    def _shared(self) -> Loader:
        from rlm.index import Loader

        with self._lock:
            self._loader = self._loader or Loader()
            return self._loader

    def _kept(self, path: Path) -> VideoIndex | None:
        with self._lock:
            if path in self._open:
                self._open.move_to_end(path)
            return self._open.get(path)

    def _keep(self, path: Path, index: VideoIndex) -> None:
        with self._lock:
            self._open[path] = index
            self._open.move_to_end(path)
            while len(self._open) > KEPT:
                self._open.popitem(last=False)


def _path(video: str | Path | Video) -> Path:
    return Path(video if isinstance(video, str | Path) else video.path).resolve()


def _opened(video: str | Path | Video) -> Video:
    from rlm.video import Video

    return Video.open(video) if isinstance(video, str | Path) else video
