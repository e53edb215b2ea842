"""The index alone: the option whose statement is nearest to a window of the video."""

from __future__ import annotations

from rlm.agent.answer import Answer
from rlm.evaluation.systems.base import Case, Needs, Outcome, Unsupported
from rlm.prediction import match
from rlm.spans import Span


class Embedding:
    """What ``discriminative_vqa`` says of the whole video. No language model, no frame shown."""

    name = "embedding"
    needs = Needs(model=False, jail=False, limits=())

    def answer(self, case: Case) -> Outcome:
        """Compare the options."""
        options = case.item.options
        if not options:
            raise Unsupported("embedding ranks options, and this question has none")
        matches = match(case.index, case.item.question, options, case.part)
        best = matches[0]
        answer = Answer(
            best.candidate,
            options.index(best.candidate),
            (Span(best.start, best.end),),
            best.probability,
        )
        chances = {each.candidate: each.probability for each in matches}
        known = [chance for option in options if (chance := chances[option]) is not None]
        return Outcome(answer, tuple(known) if len(known) == len(options) else None)
