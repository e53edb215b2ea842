"""Reading video: one streaming decoder over PyAV, true timestamps, bounded memory.

``Video.open`` looks at a file without decoding it, ``Video.frames`` reads it in one linear pass,
``Video.clip`` gathers a span into one array. ``encode_jpeg`` and ``contact_sheet`` turn pictures
into what a language model is shown.
"""

from rlm.video.clip import Clip, Frame
from rlm.video.container import Stream
from rlm.video.pictures import contact_sheet, encode_jpeg, fit_within
from rlm.video.video import Video

__all__ = ["Clip", "Frame", "Stream", "Video", "contact_sheet", "encode_jpeg", "fit_within"]
