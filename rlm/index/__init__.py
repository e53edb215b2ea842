"""One shared index of a video: windows, scenes, vectors, and search over them.

``VideoIndex`` is the face. Behind it ``plan`` says what an index of a tier is made of, ``builder``
makes what is missing in one pass (``reading``, ``windows``, ``shots``, ``transitions``,
``scenes``), ``storage`` keeps it, ``fields`` is search as a person asks for it (over ``search``,
``ranking`` and ``fusion``), ``spoken`` knows what is said, ``seen`` what the heads beside an
encoder see. Importing this package brings in neither torch nor transformers.
"""

from rlm.index.loader import Loader
from rlm.index.scenes import Scene
from rlm.index.search import Hit
from rlm.index.seen import Caption, Detection
from rlm.index.video_index import VideoIndex

__all__ = ["Caption", "Detection", "Hit", "Loader", "Scene", "VideoIndex"]
