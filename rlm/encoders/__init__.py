"""Encoders: V-JEPA 2, the spaces its vectors live in, and the text side of the built-in models.

``PRESETS`` names what there is, ``available_presets`` what is on this machine, ``find_weights``
tells all about an encoder that can be told without loading it, and ``load_encoder`` loads it.
Importing this package brings in neither torch nor transformers.
"""

from rlm.encoders.embedding import Embedding
from rlm.encoders.encoder import Encoder, load_encoder
from rlm.encoders.presets import PRESETS, EncoderSpec, Preset, available_presets, find_weights

__all__ = [
    "PRESETS",
    "Embedding",
    "Encoder",
    "EncoderSpec",
    "Preset",
    "available_presets",
    "find_weights",
    "load_encoder",
]
