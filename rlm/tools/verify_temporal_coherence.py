"""Whether one moment can follow another."""

from __future__ import annotations

from rlm.prediction import Coherence, verify
from rlm.tools.base import ToolContext, as_span


def verify_temporal_coherence(
    ctx: ToolContext, a: tuple[float, float], b: tuple[float, float]
) -> Coherence:
    """How well span `b` follows span `a`, by V-JEPA's predictor: the end of a, the beginning of b.

    `.score` is in standard deviations of what really follows elsewhere in this video: about 0 is
    usual, below -3 a break (None: too short a video to tell). `.energy` is how far b is from what
    was expected, `.copy_energy` how far from a still picture of a's end, `.ratio` the logarithm of
    the one over the other. Spans are (start, end), scenes or hits.
    Example: verify_temporal_coherence((10, 14), (14, 16)).score
    """
    return verify(ctx.index, as_span(a, ctx), as_span(b, ctx))
