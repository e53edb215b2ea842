"""Reading video: one streaming decoder over PyAV, true timestamps, bounded memory.

``Video.open`` looks at a file without decoding it, ``Video.read`` reads it in one linear pass and
says what is damaged, ``Video.key_frames`` scans it, ``Video.clip`` gathers a span into one array.
``encode_jpeg`` and ``contact_sheet`` turn pictures into what a language model is shown;
``read_sidecar``, ``find_sidecars`` and ``read_audio`` find what is said.
"""

from rlm.video.clip import Clip, Frame
from rlm.video.container import Stream
from rlm.video.pictures import contact_sheet, encode_jpeg, fit_within
from rlm.video.reading import Reading, View
from rlm.video.subtitles import Cue, Subtitles
from rlm.video.video import Video

__all__ = [
    "Clip",
    "Cue",
    "Frame",
    "Reading",
    "Stream",
    "Subtitles",
    "Video",
    "View",
    "contact_sheet",
    "encode_jpeg",
    "fit_within",
]
