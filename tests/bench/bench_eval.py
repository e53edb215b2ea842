"""What an evaluation costs beside its models and tools: throughput, overhead, resuming, memory.

::

    python tests/bench/bench_eval.py [--items 500]

* many questions, 16 workers and a scripted model that takes 200 ms a reply, beside the time that
  the model alone takes: in one call (``blind``) and by the loop with its jail;
* what a question takes outside the model and the code it runs, one after the other;
* going on with a run of 10,000 finished questions;
* memory while many questions pass.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from machine import here

from rlm.agent.llm import Message, ModelLimits, Reply, Usage
from rlm.agent.models import Models
from rlm.config import Config
from rlm.evaluation.evaluate import Evaluation, evaluate
from rlm.evaluation.folder import RESULTS, read_results
from rlm.evaluation.results import ItemResult
from rlm.evaluation.runner import Run
from rlm.evaluation.supply import Job
from rlm.world import make_film, write_film

WORKERS, LATENCY, TURNS, FINISHED = 16, 0.2, 12, 10_000
LEAST_SHARE, MOST_OVERHEAD, MOST_RESUME, MOST_GROWTH = 0.9, 15.0, 2.0, 10.0
FILMS = 4
Make = Callable[..., Models]


class Quiet:
    """Tells nobody."""

    def started(self, job: Job) -> None:
        """Nothing."""

    def finished(self, result: ItemResult) -> None:
        """Nothing."""

    def tick(self, run: Run) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """Nothing."""


class Scripted:
    """Looks ``turns`` - 1 times and answers A; each reply takes ``seconds``."""

    name = "scripted"
    limits = ModelLimits()

    def __init__(self, turns: int, seconds: float) -> None:
        self._turns, self._seconds = turns, seconds

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """It is free."""
        return 0.0

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """One reply."""
        time.sleep(self._seconds)
        text = "A"
        if messages[0].role == "system":
            turn = sum(message.role == "assistant" for message in messages) + 1
            cell = "answer('A')" if turn == self._turns else f"x = {turn}\nprint(x)"
            text = f"Next.\n```python\n{cell}\n```"
        return Reply(text, Usage(100, 10, 0.0))


def maker(turns: int, seconds: float) -> Make:
    """What ``evaluate`` is given to make its models."""
    model = Scripted(turns, seconds)
    return lambda choice, api_base, config, notify, busy: Models(model)


def questions(folder: Path, count: int) -> Path:
    """So many questions about a few films."""
    file = folder / f"{count}.jsonl"
    with file.open("w") as stream:
        for n in range(count):
            row = {
                "id": f"q{n}",
                "video": f"{n * FILMS // count}/film.mp4",
                "question": f"Which of these is it? {n}",
                "options": ["red", "blue", "green", "grey"],
                "answer_index": n % 4,
            }
            stream.write(json.dumps(row) + "\n")
    return file


@dataclass(frozen=True)
class Bench:
    """Runs evaluations of ``base`` and keeps a line for each measurement."""

    base: Evaluation
    config: Config
    lines: list[tuple[str, bool, str]] = field(default_factory=list)

    def timed(self, make: Make, **changed: Any) -> tuple[float, Path]:
        """Seconds of a whole evaluation, and its folder."""
        wanted = replace(self.base, **changed)
        began = time.perf_counter()
        done = evaluate(wanted, Quiet(), config=self.config, make=make)
        seconds = time.perf_counter() - began
        assert done.ending == "finished", done.ending
        assert not done.standing.failures, done.standing.failures
        return seconds, done.folder

    def tell(self, line: str, holds: bool, asked: str) -> None:
        """Keep a line."""
        self.lines.append((line, holds, asked))

    def throughput(self, system: str, turns: int, items: int, output: Path) -> None:
        """Beside what the model alone takes."""
        took, _ = self.timed(maker(turns, LATENCY), system=system, output=output)
        ideal = items * turns * LATENCY / WORKERS
        self.tell(
            f"{system}, {items} questions, {turns} x {LATENCY * 1e3:.0f} ms of the model each, "
            f"{WORKERS} workers: {took:.2f} s, the model alone {ideal:.2f} s, "
            f"{ideal / took:.0%} of ideal",
            ideal / took >= LEAST_SHARE,
            f"at least {LEAST_SHARE:.0%}",
        )

    def overhead(self, system: str, turns: int, output: Path) -> None:
        """Of a question, one after the other: the median."""
        self.timed(maker(turns, LATENCY), system=system, output=output, workers=1, limit=12)
        rows = [r.seconds - r.model_seconds - r.tool_seconds for r in read_results(output)]
        took = 1e3 * sorted(rows)[len(rows) // 2]
        self.tell(
            f"{system}, a question outside its model and its code: {took:.1f} ms",
            took <= MOST_OVERHEAD,
            f"at most {MOST_OVERHEAD:g}",
        )

    def many(self, annotations: Path, output: Path) -> None:
        """Memory while many questions pass, and how soon a run of so many goes on."""
        quick = maker(1, 0.0)
        self.timed(quick, system="blind", output=output / "few", limit=500, annotations=annotations)
        before = memory()
        how = {"system": "blind", "output": output / "many", "annotations": annotations}
        self.timed(quick, **how)
        grown = memory() - before
        self.tell(
            f"memory: {before:.0f} MB, after {FINISHED} more questions {grown:+.1f} MB",
            grown <= MOST_GROWTH,
            f"at most {MOST_GROWTH:g} more",
        )
        took, folder = self.timed(quick, **how)
        size = (folder / RESULTS).stat().st_size / 2**20
        self.tell(
            f"going on with {FINISHED} finished questions, {size:.0f} MB: {took:.2f} s",
            took <= MOST_RESUME,
            f"at most {MOST_RESUME:g}",
        )


def memory() -> float:
    """MB in use now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> int:
    """Measure and print; 1 when something asked for is missed, else 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=500)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n in range(FILMS):
            write_film(make_film(n, 40), folder / str(n), fps=10, side=128)
        base = Evaluation(
            "jsonl", questions(folder, items), folder, model="scripted", preset="builtin",
            workers=WORKERS,
        )  # fmt: skip
        bench = Bench(base, Config(cache=folder / "cache"))
        bench.timed(maker(2, 0.0), output=folder / "warm", limit=8)  # builds the indexes
        bench.throughput("blind", 1, items, folder / "blind")
        bench.throughput("loop", TURNS, items, folder / "loop")
        bench.overhead("blind", 1, folder / "blind-alone")
        bench.overhead("loop", TURNS, folder / "loop-alone")
        bench.many(questions(folder, FINISHED), folder)
    print(f"evaluation on {here()}")
    for line, holds, asked in bench.lines:
        print(f"{line} ({'goal' if holds else 'MISSED, goal'}: {asked})")
    return 0 if all(holds for _, holds, _ in bench.lines) else 1


if __name__ == "__main__":
    sys.exit(main())
