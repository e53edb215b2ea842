"""What models say beyond likeness: futures, what follows what, classes, which text fits.

What V-JEPA's predictor says lives in the layer-norm space of the encoder's tokens. An energy is a
mean absolute difference there: of itself it says little (a cut, a busy picture and a surprise all
raise it), so that each stands beside the energy of copying the last tubelet seen.
"""

from rlm.prediction.anomalies import Anomaly, find_anomalies
from rlm.prediction.anticipation import Anticipation, anticipate
from rlm.prediction.classify import Classification, classify
from rlm.prediction.coherence import Coherence, verify
from rlm.prediction.future import Future, predict
from rlm.prediction.graph import Transition, TransitionGraph, transition_graph
from rlm.prediction.matching import Match, match
from rlm.prediction.order import RankedFuture, SegmentOrder, order_segments, rank_futures
from rlm.prediction.summary import SummaryPart, summarize
from rlm.prediction.surprise import SurpriseCurve, surprise_curve

__all__ = [
    "Anomaly",
    "Anticipation",
    "Classification",
    "Coherence",
    "Future",
    "Match",
    "RankedFuture",
    "SegmentOrder",
    "SummaryPart",
    "SurpriseCurve",
    "Transition",
    "TransitionGraph",
    "anticipate",
    "classify",
    "find_anomalies",
    "match",
    "order_segments",
    "predict",
    "rank_futures",
    "summarize",
    "surprise_curve",
    "transition_graph",
    "verify",
]
