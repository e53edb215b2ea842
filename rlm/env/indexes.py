"""The indexes of the videos that episodes are about: each opened or built once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from rlm.agent.indexing import open_index

if TYPE_CHECKING:
    from rlm.index import Loader, VideoIndex

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
        self._open: OrderedDict[Path, VideoIndex] = OrderedDict()
        self._loader: Loader | None = None

    def of(self, video: str | Path) -> VideoIndex:
        """The index of the file ``video``; waits while another is being built.

        Raises ``VideoError`` for a file that is no video, ``EncoderError`` when weights are missing
        and whatever else ``VideoIndex.build`` raises.
        """
        from rlm.index import Loader
        from rlm.video import Video

        path = Path(video).resolve()
        with self._lock:
            self._loader = self._loader or Loader()
            if path not in self._open:
                self._open[path], _ = open_index(
                    Video.open(path), self.preset, cache=self._cache, loader=self._loader
                )
            self._open.move_to_end(path)
            while len(self._open) > KEPT:
                self._open.popitem(last=False)
            return self._open[path]
