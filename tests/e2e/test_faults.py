"""Whole sessions, several at once, against a server that fails at random from a seed.

Each ends in an answer, in none with a reason, or in one of our own errors; none goes beyond its
budget by more than a call, and each leaves a transcript that loads and replays.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from evaluating import Watching, write_questions
from model_server import Act, ModelServer, Step, serve
from scripted import code

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.fallback import FallbackModel
from rlm.agent.litellm_model import LiteLLMModel
from rlm.agent.llm import LanguageModel
from rlm.agent.models import Models
from rlm.agent.replay import replay
from rlm.agent.session import Jail, Session, default_jail
from rlm.agent.transcript import Transcript, TranscriptWriter
from rlm.config import Config
from rlm.errors import LanguageModelError, ModelUnavailable, ReplyRefused
from rlm.evaluation.evaluate import Evaluation, evaluate
from rlm.evaluation.folder import read_results
from rlm.evaluation.systems import Case, Needs
from rlm.evaluation.systems import Outcome as Said
from rlm.evaluation.systems.loop import Loop
from rlm.index import VideoIndex
from sandbox import CellError, Limits, Outcome, StopCell

SESSIONS, JAILED, AT_ONCE = 200, 10, 8
BUDGET = Budget(turns=6, calls=8, tokens=2000)

USAGES = (
    None,
    {"prompt_tokens": -100, "completion_tokens": 10, "total_tokens": -90},
    {"prompt_tokens": 10**12, "completion_tokens": 10**9, "total_tokens": 0},
    {"prompt_tokens": "many", "completion_tokens": "few", "total_tokens": None},
    {},
)
REPLIES = (
    code("print(len(get_scenes()))"),
    code("print(llm_query('What is it?'))"),
    code("for n in range(30):\n    llm_query(f'again {n}')"),
    code("answer('a circle', confidence=0.5)"),
    code("answer(None)"),
    code("def f(:"),
    code("1 / 0"),
    "It may well be a circle.",
    "```python\nprint('not closed')",
    code("print(1)") + code("print(2)"),
)


def fault(rng: Random) -> Act:
    """One of all the ways in which a server may fail."""
    text = rng.choice(REPLIES)
    return rng.choice(
        (
            Act(429),
            Act(429, headers={"retry-after": rng.choice(("0", "7", "1e9", "-1", "later"))}),
            Act(rng.choice((500, 502, 503, 529)), text="overloaded"),
            Act(rng.choice((400, 401, 404, 418)), text="no such thing"),
            Act(400, text="This model's maximum context length is 10 tokens"),
            Act(400, text="Your request was rejected as a result of the safety system."),
            Act(text=text, cut=True),
            Act(text=text, finish=None),
            Act(garbage=True),
            Act(text=""),
            Act(text="", finish=None),
            Act(text=text, finish="length"),
            Act(text=text, finish="content_filter"),
            Act(text="", reasoning="hm", finish="length"),
            Act(text=text, silence=2.0),
            Act(text=text, usage=rng.choice(USAGES)),
            Act(text=text, usage=rng.choice(USAGES)),
        )
    )


class Dice:
    """A script by chance: a third of the replies are faults, decided by who asks how often."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, body: dict[str, Any]) -> Step:
        name = body["model"]
        with self._lock:
            self._asked[name] += 1
            rng = Random(f"{name} {self._asked[name]}")
        return fault(rng) if rng.random() < 0.34 else rng.choice(REPLIES)


class Desk:
    """No jail at all: the code of this file alone runs here, in this process."""

    level, limits, notice = "none", Limits(), ""

    def __init__(self, functions: Mapping[str, Any], records: Sequence[type]) -> None:
        self._names = dict(functions)

    def start(self) -> None:
        """There is nothing to start."""

    def close(self) -> None:
        """Nor to end."""

    def interrupt(self) -> None:
        """Nobody does."""

    def kill(self) -> bool:
        """Nor this."""
        return False

    def run(self, source: str, cancelled: Callable[[], bool]) -> Outcome:
        wrong, stopped = None, False
        try:
            exec(compile(source.replace("print(", "str("), "cell", "exec"), self._names)
        except StopCell:
            stopped = True
        except Exception as error:
            wrong = CellError(type(error).__name__, str(error), "")
        return Outcome("", "", wrong, False, False, stopped, False, 0.0, 0.0, False, 0, 0, ())


@dataclass
class Run:
    """How one session ended, with what it waited and where its transcript is."""

    status: str
    path: Path
    error: LanguageModelError | None = None
    waited: list[float] = field(default_factory=list)
    events: list[ev.Event] = field(default_factory=list)


def one(number: int, server: ModelServer, index: VideoIndex, folder: Path, jail: Jail) -> Run:
    run = Run("", folder)

    def model(name: str) -> LanguageModel:
        return LiteLLMModel(
            f"openai/{name}", api_base=server.url, timeout=0.7, sleep=run.waited.append
        )

    name = f"desk-{number}"
    asked = model(name)
    if number % 4 == 0:
        asked = FallbackModel([asked, model(f"{name}-spare")])
    with TranscriptWriter(folder, f"run {number}") as writer:
        run.path = writer.path
        session = Session(
            index=index,
            models=Models(asked),
            question="What moves?",
            budget=BUDGET,
            sinks=[writer, run.events.append],
            store=writer.media,
            jail=jail,
        )
        try:
            run.status = session.run().status
        except LanguageModelError as error:
            run.status, run.error = "failed", error
    return run


def check(run: Run) -> None:
    transcript = Transcript.load(run.path)
    assert transcript.complete
    assert len(list(replay(transcript))) >= len(transcript.events)
    end = transcript.events[-1]
    assert isinstance(end, ev.SessionEnded)
    assert end.status == run.status
    assert run.status == "answered" or end.reason
    if run.error is not None:
        assert end.reason == str(run.error)
        assert "\n" not in end.reason
    assert_budget_kept(transcript)
    assert all(0 <= seconds <= 90 for seconds in run.waited)


def assert_budget_kept(transcript: Transcript) -> None:
    spent = [
        (event.input_tokens or 0) + (event.output_tokens or 0)
        for event in transcript.events
        if isinstance(event, ev.ModelReplied | ev.ToolModelUsed)
    ]
    assert BUDGET.calls is not None
    assert BUDGET.tokens is not None
    assert len(spent) <= BUDGET.calls + 1
    assert sum(spent) <= BUDGET.tokens + max(spent, default=0)


def many(count: int, index: VideoIndex, folder: Path, jail: Jail) -> list[Run]:
    with serve(Dice()) as server, ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda n: one(n, server, index, folder, jail), range(count)))


def test_whatever_the_server_does_a_run_ends_and_is_told(index: VideoIndex, tmp_path: Path) -> None:
    runs = many(SESSIONS, index, tmp_path, Desk)
    for run in runs:
        check(run)
    ended = Counter(run.status for run in runs)
    kinds = {type(run.error) for run in runs if run.error}
    assert set(ended) == {"answered", "no_answer", "failed"}
    assert kinds >= {ModelUnavailable, ReplyRefused}


def test_the_same_in_the_real_jail(index: VideoIndex, tmp_path: Path) -> None:
    for run in many(JAILED, index, tmp_path, default_jail):
        check(run)


# ---- a whole evaluation


class AtTheDesk(Loop):
    """The loop, with its code at the desk."""

    name = "desk"
    needs = Needs(jail=False)

    def answer(self, case: Case) -> Said:
        return super().answer(replace(case, jail=Desk))


def usable(body: dict[str, Any], dice: Dice = Dice()) -> Step:  # noqa: B008 - one for all
    """By chance, but for what says that nobody will ever get a reply."""
    step = dice(body)
    refuses = isinstance(step, Act) and step.status in (401, 404)
    return Act(418, text="no such thing") if refuses else step


# litellm lets go of connections that a server cut whenever it likes, also those of earlier tests.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_evaluation_gets_a_result_or_a_failure_for_every_question(
    index: VideoIndex, film: Path, tmp_path: Path
) -> None:
    waited: list[float] = []
    annotations = write_questions(tmp_path / "q.jsonl", 50)

    def make(choice, api_base, config, notify, busy) -> Models:
        return Models(
            LiteLLMModel(
                "openai/desk", api_base=server.url, timeout=0.7, sleep=waited.append, busy=busy
            )
        )

    wanted = Evaluation(
        "jsonl", annotations, film, system=f"{__name__}:AtTheDesk", model="x", preset="builtin",
        workers=16, settings={"max_turns": 6, "max_calls": 8, "max_tokens": 2000},
        output=tmp_path / "out",
    )  # fmt: skip
    with serve(usable) as server:
        done = evaluate(wanted, Watching(), config=Config(cache=index._root), make=make)
    assert done.ending == "finished"
    results = list(read_results(tmp_path / "out"))
    assert Counter(r.id for r in results) == Counter(f"q{n}" for n in range(50))
    kinds = {r.failure.kind if r.failure else None for r in results}
    assert kinds <= {None, "model", "budget", "unparsed"}
    assert kinds >= {None, "model"}
    for result in results:
        answered = result.answer is not None
        assert answered == (result.failure is None)
        if result.transcript is None:
            continue
        transcript = Transcript.load(tmp_path / "out" / result.transcript)
        end = transcript.events[-1]
        assert isinstance(end, ev.SessionEnded)
        assert (end.status == "answered") == answered
        assert result.failure is None or end.reason.startswith(result.failure.message[:400])
        assert_budget_kept(transcript)
