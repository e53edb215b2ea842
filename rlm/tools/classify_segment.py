"""Which class a span belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from rlm.prediction.classify import Classification, classify, tasks
from rlm.tools.base import ToolContext, cut_to_video, told

MOST_SECONDS = 120.0


def classify_segment(
    ctx: ToolContext,
    start: float | None = None,
    end: float | None = None,
    task: str = "action",
    labels: Sequence[str] | None = None,
    k: int = 5,
) -> list[Classification]:
    """The `k` likeliest classes of what happens from `start` to `end`, best first.

    Each has `.label`, `.probability` (among the classes compared, so something always looks
    likely), `.score` and `.method`, which says what ran. With `labels`, 2 to 100 short
    descriptions, they are compared with the span as text is: say what is seen ("a red circle"),
    rank by `.score`, since `.probability` is None then, and mind that a low one of them all means
    that none fits. Without, a probe for `task` decides; the builtin weights have none for "action"
    but "motion", "event", "colour" and "shape", each about the largest shape and meaningless for
    other footage. An error lists the tasks there are. At most 120 s, best one shot.
    Example: classify_segment(12, 16, labels=["a car turns left", "a car turns right"])[0].label
    """
    if not isinstance(task, str):
        raise TypeError("task is the name of a probe; texts to compare with go in labels=")
    span = cut_to_video(start, end, ctx)
    if span.duration > MOST_SECONDS:
        raise ValueError(
            f"a class is of at most {MOST_SECONDS:g} s, not {span.duration:.0f}: ask by scene"
        )
    there = tasks(ctx.index)
    if labels is None and there and task not in there:
        raise ValueError(
            f"there is no probe for {told(task)}: task is one of {', '.join(there)}; or give "
            "labels to compare with"
        )
    return classify(ctx.index, span, task, labels, k)
