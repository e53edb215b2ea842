"""Encoders: V-JEPA 2, SigLIP 2 and VideoPrism, and the spaces their vectors live in.

``PRESETS`` and ``COMPANIONS`` name what there is, ``available_presets`` what is on this machine,
``find_weights`` tells all about an encoder that can be told without loading it, ``load_encoder``
loads it and ``pull`` fetches it. Importing this package brings in neither torch nor transformers.
"""

from rlm.encoders.embedding import Embedding
from rlm.encoders.encoder import Encoder, load_encoder
from rlm.encoders.hub import available_presets, find_weights, pull, weights_revision
from rlm.encoders.presets import COMPANIONS, PRESETS, EncoderSpec, Preset

__all__ = [
    "COMPANIONS",
    "PRESETS",
    "Embedding",
    "Encoder",
    "EncoderSpec",
    "Preset",
    "available_presets",
    "find_weights",
    "load_encoder",
    "pull",
    "weights_revision",
]
