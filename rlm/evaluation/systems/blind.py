"""The question without the video: what can be had from the words alone."""

from __future__ import annotations

from rlm.evaluation.systems.base import Case, Needs, Outcome
from rlm.evaluation.systems.one_call import one_call


class Blind:
    """One call with the question and its options, and no picture.

    What it gets right above chance, the questions give away.
    """

    name = "blind"
    needs = Needs(video=False, index=False, jail=False, limits=("usd",))

    def answer(self, case: Case) -> Outcome:
        """Ask once."""
        return one_call(case, "blind")
