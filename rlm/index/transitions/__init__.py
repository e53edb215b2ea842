"""Where one shot gives way to another: hard cuts, fades, dissolves, found as the video streams by.

``detector`` is the face; ``hard_cuts``, ``fades`` and ``dissolves`` each find one kind over the
samples that ``history`` keeps.
"""

from rlm.index.transitions.detector import Transition, TransitionDetector

__all__ = ["Transition", "TransitionDetector"]
