"""The loop itself, as ``videorlm ask`` runs it."""

from __future__ import annotations

from collections.abc import Sequence

from rlm.agent.session import Session
from rlm.evaluation.results import FailureKind
from rlm.evaluation.systems.base import Case, Needs, Outcome
from rlm.tools import TOOLS, Tool


class Loop:
    """A session: the model writes code in the jail until it answers, or its budget is spent."""

    name = "loop"
    needs = Needs()
    tools: Sequence[Tool] = TOOLS

    def answer(self, case: Case) -> Outcome:
        """Run the session to its end."""
        result = Session(
            index=case.index,
            models=case.models,
            question=case.item.question,
            options=case.item.options,
            budget=case.budget,
            sinks=case.sinks,
            store=case.store,
            jail=case.jail,
            part=case.part,
            tools=self.tools,
        ).run()
        if result.answer is not None:
            return Outcome(result.answer)
        return Outcome(None, failure=_kind(result.reason), reason=result.reason)


def _kind(reason: str) -> FailureKind:
    """Which kind of failure a session's reason for having no answer is."""
    limit = reason.partition(":")[0]
    if limit == "seconds":
        return "timeout"
    return "budget" if limit in ("turns", "calls", "tokens", "dollars") else "unparsed"
