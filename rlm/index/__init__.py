"""One shared index of a video: windows, scenes, vectors, and search over them.

``VideoIndex`` is the face. Behind it ``cuts`` finds hard cuts, ``builder`` reads the video once,
``store`` keeps arrays in a folder, ``search`` ranks. Importing this package brings in neither torch
nor transformers.
"""

from rlm.index.loader import Loader
from rlm.index.search import Hit
from rlm.index.video_index import Scene, VideoIndex

__all__ = ["Hit", "Loader", "Scene", "VideoIndex"]
