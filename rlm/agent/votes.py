"""Several sessions that answer the same question without knowing of each other.

Self-consistency (Wang et al. 2023): the answer most of them give, and how many of them give it as
the confidence. They share one budget and one record, as sub-sessions do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rlm.agent import events as ev
from rlm.agent import opening
from rlm.agent.answer import CANNOT_TELL, Answer, plain
from rlm.agent.budget import AT_ONCE, BudgetSpent, Meter
from rlm.agent.parallel import side_by_side
from rlm.agent.place import Place, Result
from rlm.agent.record import Record
from rlm.agent.session import Session
from rlm.errors import UsageError
from rlm.tools import ToolContext
from rlm.tools.video_info import video_info
from sandbox import Sandbox


def vote(session: Session, votes: int) -> Result:
    """Have ``votes`` sessions like ``session``, which is not run itself, answer its question.

    Raises ``UsageError`` when the budget is too small for so many, what the first of them raised
    when none came to an end, and ``SandboxError`` when there is no jail.
    """
    with session.jail({}, ()) as sandbox:
        return _Ballot(session, sandbox).held(votes)


class _Ballot:
    def __init__(self, session: Session, sandbox: Sandbox) -> None:
        self._session = session
        self._sandbox = sandbox
        self._record = Record(session.sinks, session.store)
        self._meter = Meter(session.budget)

    def held(self, votes: int) -> Result:
        session, meter = self._session, self._meter
        context = ToolContext(session.index.video, session.index, self)  # type: ignore[arg-type]
        self._record.emit(
            ev.SessionStarted,
            **opening.header(
                session.index, video_info(context), session.models, self._sandbox.level
            ),
            question=session.question,
            options=tuple(session.options),
            limits=session.budget.as_dict(),
        )
        answer: Answer | None = None
        status, reason = "failed", "stopped by an unexpected error"
        try:
            answer, reason = self._count(votes)
            status = "answered" if answer else "no_answer"
        except KeyboardInterrupt:
            status, reason = "interrupted", "interrupted by the user"
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise
        finally:
            spent = {name: getattr(meter, name) for name in ("turns", "frames", "tokens", "usd")}
            self._record.emit(ev.SessionEnded, status=status, reason=reason, **spent)
            self._record.end()
        return Result(
            answer, status, reason, **spent, seconds=self._record.at,
            sandbox_level=self._sandbox.level,
        )  # fmt: skip

    def _count(self, votes: int) -> tuple[Answer | None, str]:
        """The answer, or why there is none."""
        try:
            meters = self._meter.children(votes, alike=True)
        except BudgetSpent as spent:
            options = " and ".join(f"--max-{name}" for name in spent.limits)
            raise UsageError(
                f"{votes} votes cannot be had of this budget, which they share: ask for fewer, or "
                f"for more of {options}"
                if options
                else f"{votes} votes cannot be had: {spent}"
            ) from spent
        places = [
            Place(self._record.child(n), m, self._session.part)
            for n, m in enumerate(meters, start=1)
        ]
        self._sandbox.prepare(min(votes, AT_ONCE))
        found = side_by_side([partial(self._run, place) for place in places], AT_ONCE)
        results = [one for one in found if isinstance(one, Result)]
        self._meter.turns = max((result.turns for result in results), default=0)
        answer = tally([result.answer for result in results], votes)
        if answer is not None:
            self._record.emit(ev.Answered, turn=self._meter.turns, **answer.as_event())
            return answer, ""
        if not results:
            raise next(one for one in found if isinstance(one, Exception))
        return None, results[0].reason

    def _run(self, place: Place) -> Result:
        asked = self._session
        return Session(
            asked.index, asked.models, asked.question, asked.options, place.meter.budget,
            jail=self._sandbox.sibling, place=place, tools=asked.tools,
        ).run()  # fmt: skip


def tally(answers: Sequence[Answer | None], votes: int) -> Answer | None:
    """The answer most of them are, with its share of ``votes`` as the confidence.

    Of several with as many, the one given with more confidence. ``None`` when there is none.
    """
    groups: dict[object, list[Answer]] = {}
    for answer in answers:
        if answer is not None:
            key = plain(answer.text) if answer.choice is None else answer.choice
            groups.setdefault(key, []).append(answer)
    if not groups:
        return None

    def weight(group: list[Answer]) -> tuple[int, bool, float]:
        told = group[0].text != CANNOT_TELL
        return len(group), told, sum(answer.confidence or 0.0 for answer in group)

    group = max(groups.values(), key=weight)
    best = max(group, key=lambda answer: (answer.confidence or 0.0, len(answer.evidence)))
    every = all(answer.best_effort for answer in group)
    return Answer(best.text, best.choice, best.evidence, len(group) / votes, every)
