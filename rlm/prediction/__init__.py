"""What V-JEPA's predictor and its probes make possible: futures, how well one moment follows
another, and which class a span belongs to.

Futures live in the layer-norm space of the encoder's tokens. An energy is a mean absolute
difference there: of itself it says little (a cut, a busy picture and a surprise all raise it), so
that each stands beside the energy of copying the last tubelet seen.
"""

from rlm.prediction.classify import Classification, classify
from rlm.prediction.coherence import Coherence, verify
from rlm.prediction.future import Future, predict

__all__ = ["Classification", "Coherence", "Future", "classify", "predict", "verify"]
