"""What V-JEPA's predictor makes possible: futures, and how well one moment follows another.

All of it lives in the layer-norm space of the encoder's tokens. An energy is a mean absolute
difference there: of itself it says little (a cut, a busy picture and a surprise all raise it), so
that each stands beside the energy of copying the last tubelet seen.
"""

from rlm.prediction.coherence import Coherence, verify
from rlm.prediction.future import Future, predict

__all__ = ["Coherence", "Future", "predict", "verify"]
