"""Open answers of a run and their judge: while it goes on, or when it is done.

A verdict stands in the line of its result. One that comes later is a further line of the same
question, of which the last one counts; what is in both was paid for once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rlm.agent.budget import Budget
from rlm.agent.choose import BUILTIN
from rlm.agent.make_models import make_model
from rlm.agent.models import Models
from rlm.agent.question import check_price
from rlm.config import Config
from rlm.errors import MissingKey, UnknownModel, UsageError
from rlm.evaluation import header as about
from rlm.evaluation.folder import RunFolder, read_header, read_results
from rlm.evaluation.judge import Judge
from rlm.evaluation.purse import Purse
from rlm.evaluation.results import ItemResult, Sitting
from rlm.evaluation.throttle import Throttle, ThrottledModel

AT_ONCE = 16
"""Answers that are judged side by side, where nobody says."""

MakeJudge = Callable[[str, str | None, Config, int], Judge]


def make_judge(name: str, api_base: str | None, config: Config, at_once: int) -> Judge:
    """The judge that is the model ``name``, at temperature 0 where it takes one.

    Its calls are retried, kept in the ``reply_cache`` of ``config``, and fewer than
    ``at_once`` where its provider says so. Raises ``UsageError`` for ``builtin``, and as
    :func:`~rlm.agent.make_models.make_models`.
    """
    if name == BUILTIN:
        raise UsageError("builtin can judge no answers: name another model with --judge")
    throttle = Throttle(at_once)
    cold = config.model_copy(update={"temperature": 0.0})
    model = make_model(name, api_base, cold, busy=throttle.limited)
    return Judge(ThrottledModel(model, throttle))


def check_judge(judge: Judge, max_usd: float | None) -> None:
    """Raise ``UsageError`` where dollars are capped and those of the judge are not known."""
    check_price(Models(judge.model), Budget(usd=max_usd))


def judged(result: ItemResult, judge: Judge) -> ItemResult:
    """The result with what the judge says of it, if it is an open answer.

    Raises what :meth:`Judge.judge` does.
    """
    if not result.open:
        return result
    return result.model_copy(update={"judged": judge.judge(result.item, result.answer or "")})


@dataclass(frozen=True)
class JudgedRun:
    """Of so many ``answers`` to be judged, ``done`` were, ``failed`` of these without a verdict."""

    answers: int
    done: int
    failed: int


def judge_run(
    path: Path,
    judge: Judge,
    at_once: int = AT_ONCE,
    max_usd: float | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> JudgedRun:
    """Judge the open answers of the run in ``path`` that have no verdict of this judge.

    ``max_usd`` is what that may take; ``progress`` is told how many of how many are done. Ends
    early when the money is spent. Raises ``UsageError`` where there is no run, somebody works at
    it, it has no open answers, or a cap cannot be kept; ``MissingKey``, ``UnknownModel``, and
    ``OSError`` when the folder cannot be written. What was judged until then is kept.
    """
    check_judge(judge, max_usd)
    header = read_header(path)
    open_ = [result for result in read_results(path) if result.open]
    if not open_:
        raise UsageError(f"{path} has no answers for a judge: none is in words of its own")
    wanted = [result for result in open_ if not _has_verdict(result, judge.name)]
    purse = Purse(max_usd, judge.most_usd)
    done = failed = 0
    with RunFolder.opened(path, header, _sitting(judge.name, at_once, max_usd)) as folder:
        for result in _side_by_side(wanted, judge, purse, at_once):
            folder.append(result)
            done += 1
            failed += result.judged is not None and result.judged.right is None
            progress(done, len(wanted))
    return JudgedRun(len(wanted), done, failed)


def _has_verdict(result: ItemResult, judge: str) -> bool:
    known = result.judged
    return known is not None and known.model == judge and known.right is not None


def _side_by_side(
    wanted: Sequence[ItemResult], judge: Judge, purse: Purse, at_once: int
) -> Iterator[ItemResult]:
    """Each with its verdict, as they come, as far as the money goes."""

    def one(result: ItemResult) -> ItemResult | None:
        if not purse.take():
            return None
        usd: float | None = 0.0
        try:
            told = judged(result, judge)
            usd = told.judged.usd if told.judged else 0.0
        finally:
            purse.settle(usd)
        return told

    pool = ThreadPoolExecutor(at_once, "judge")
    refused: Exception | None = None
    try:
        asked = [pool.submit(one, result) for result in wanted]
        for each in as_completed(asked):
            if each.cancelled():
                continue
            try:
                told = each.result()
            except (MissingKey, UnknownModel) as error:
                refused = error
                for other in asked:
                    other.cancel()
                continue
            if told is not None:
                yield told
        if refused is not None:
            raise refused
    finally:
        pool.shutdown(cancel_futures=True)


def _sitting(judge: str, workers: int, max_usd: float | None) -> Sitting:
    return Sitting(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=about.commit(),
        machine=about.machine(),
        workers=workers,
        max_usd=max_usd,
        judge=judge,
    )
