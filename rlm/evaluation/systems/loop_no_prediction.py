"""The loop without what V-JEPA's predictor makes possible: the control for all of that."""

from __future__ import annotations

from rlm.evaluation.systems.loop import Loop
from rlm.tools import TOOLS, Tool
from rlm.tools.anticipate_action import anticipate_action
from rlm.tools.find_anomalies import find_anomalies
from rlm.tools.order_segments import order_segments
from rlm.tools.predict_future import predict_future
from rlm.tools.rank_futures import rank_futures
from rlm.tools.summarize import summarize
from rlm.tools.surprise_curve import surprise_curve
from rlm.tools.transition_graph import transition_graph
from rlm.tools.verify_temporal_coherence import verify_temporal_coherence

PREDICTION: tuple[Tool, ...] = (
    predict_future,
    anticipate_action,
    verify_temporal_coherence,
    surprise_curve,
    find_anomalies,
    summarize,
    rank_futures,
    order_segments,
    transition_graph,
)
"""The tools that foretell, or rest on what was foretold, as a summary by surprise does."""


class LoopNoPrediction(Loop):
    """The same loop; neither its jail nor its prompt knows of the tools that predict."""

    name = "loop-no-prediction"
    tools = tuple(tool for tool in TOOLS if tool not in PREDICTION)
