"""Frames spread evenly over the video, all in one call: the baseline of most papers."""

from __future__ import annotations

from rlm.agent.llm import Picture
from rlm.evaluation.systems.base import Case, Needs, Outcome
from rlm.evaluation.systems.one_call import one_call
from rlm.tools.labelling import frame_label

SHORT_SIDE = 360
"""Pixels, as ``extract_frames`` gives them by default."""


class Uniform:
    """One call with ``frames`` frames, each from the middle of an equal part of the video.

    They are fewer where the model takes fewer pictures in one request or the budget allows fewer.
    """

    needs = Needs(index=False, jail=False, limits=("usd", "frames"))

    def __init__(self, frames: int) -> None:
        self.name = f"uniform-{frames}"
        self.settings = {"uniform_frames": frames, "uniform_short_side": SHORT_SIDE}
        self._frames = frames

    def answer(self, case: Case) -> Outcome:
        """Look once, and ask once."""
        from rlm.video import encode_jpeg, fit_within

        limits = case.models.main.limits
        allowed = (limits.pictures, case.budget.frames)
        count = min([self._frames, *(most for most in allowed if most is not None)])
        clip = case.video.clip(case.part, count=count, size=SHORT_SIDE)
        pictures = [
            Picture(encode_jpeg(fit_within(rgb, limits.picture_side)), frame_label(float(time)))
            for time, rgb in zip(clip.times, clip.rgb, strict=True)
        ]
        return one_call(case, "uniform", pictures, len(pictures))
