"""Encoders of an index, loaded when they are needed."""

from __future__ import annotations

import threading
import time

from rlm.encoders import Encoder, EncoderSpec, load_encoder, weights_revision
from rlm.errors import IndexDamaged
from rlm.index.plan import Encoding


class Loader:
    """Loads each encoder once, when it is first needed, whichever thread needs it."""

    def __init__(self, loaded: Encoder | None = None) -> None:
        self.seconds = 0.0
        """Spent on loading so far."""
        self._lock = threading.Lock()
        self._encoders: dict[EncoderSpec, Encoder] = {}
        if loaded is not None:
            self._encoders[loaded.spec] = loaded

    def __call__(self, encoding: Encoding) -> Encoder:
        """The encoder of ``encoding``.

        Raises ``WeightsMissing`` when its weights are gone, ``IndexDamaged`` when they changed.
        """
        spec = encoding.spec
        with self._lock:
            if spec not in self._encoders:
                if weights_revision(spec) != spec.revision:
                    raise IndexDamaged(
                        f"the weights of preset {spec.preset.name} are no longer those the index "
                        f"was built with ({spec.revision}): build it again"
                    )
                began = time.monotonic()
                loaded = next(
                    (e for known, e in self._encoders.items() if _same(known, spec)), None
                )
                self._encoders[spec] = loaded.as_used_by(spec) if loaded else load_encoder(spec)
                self.seconds += time.monotonic() - began
            return self._encoders[spec]


def _same(one: EncoderSpec, other: EncoderSpec) -> bool:
    """Whether both are the same weights, shown pictures of the same shape."""
    shape, wanted = one.preset, other.preset
    return (one.folder, one.revision) == (other.folder, other.revision) and (
        (shape.kind, shape.crop, shape.resize, shape.half)
        == (wanted.kind, wanted.crop, wanted.resize, wanted.half)
    )
