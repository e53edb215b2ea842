"""The loop without what V-JEPA's predictor makes possible: the control for all of that."""

from __future__ import annotations

from rlm.evaluation.systems.loop import Loop
from rlm.tools import PREDICTION, TOOLS


class LoopNoPrediction(Loop):
    """The same loop; neither its jail nor its prompt knows of the tools that predict."""

    name = "loop-no-prediction"
    tools = tuple(tool for tool in TOOLS if tool not in PREDICTION)
