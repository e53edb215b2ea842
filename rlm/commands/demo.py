"""``videorlm demo``: a film of our own, its index, and questions through the real loop."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.rule import Rule

from rlm.commands.output import ANSWERED, NO_ANSWER, command_name, progress_bar, replay_command
from rlm.ui.console import ConsoleView, Screen

if TYPE_CHECKING:
    from rich.console import Console


CODE_LINES = 10
"""Lines of code shown of each turn: the built-in model writes long cells, and a replay has all."""


def run(folder: Path, seed: int, count: int) -> int:
    """Make the film of ``seed`` in ``folder``, ask ``count`` of its questions, print the score.

    The first run is shown whole, of the others question and answer; all are kept to be replayed: in
    ``folder``, where ``last`` and the list of runs find them too.
    """
    from rlm.agent.ask import ask
    from rlm.agent.choose import BUILTIN
    from rlm.agent.transcript import link
    from rlm.config import load_config

    console, listed = Screen(), load_config().transcripts
    film, questions = _film(folder, seed, console)
    right = 0
    chosen = _spread(questions, count)
    for number, item in enumerate(chosen, start=1):
        console.print(
            Rule(f"question {number} of {len(chosen)}: {item['category']}", align="left"),
        )
        if number > 1:
            console.print(item["question"], style="bold")
        with progress_bar(console) as progress:
            asked = ask(
                film,
                item["question"],
                item["options"],
                model=BUILTIN,
                preset=BUILTIN,
                transcripts=folder / "transcripts",
                sinks=[ConsoleView(console, code_lines=CODE_LINES)] if number == 1 else [],
                notify=(lambda line: console.print(line, style="dim")) if number == 1 else _quiet,
                progress=progress,
            )
        link(asked.transcript, listed)
        answer = asked.result.answer
        correct = answer is not None and answer.choice == item["answer_index"]
        right += correct
        truth = item["options"][item["answer_index"]]
        verdict = "right" if correct else f"wrong, it is {truth!r}"
        console.print(f"answer: {answer.text if answer else None} ({verdict})", style="bold")
        console.print(replay_command(asked.transcript), style="dim", soft_wrap=True)
    console.print(Rule())
    console.print(f"{right} of {len(chosen)} right. Ask the film something yourself:")
    console.print(f'  {command_name()} ask {film} "{chosen[0]["question"]}"', soft_wrap=True)
    return ANSWERED if right else NO_ANSWER


def _quiet(line: str) -> None:
    """Nothing: what was chosen was said at the first question."""


def _film(folder: Path, seed: int, console: Console) -> tuple[Path, list[dict[str, Any]]]:
    from rlm.world import FilmFiles, make_film, write_film

    began = time.monotonic()
    files = FilmFiles.in_folder(folder)
    film = make_film(seed)
    if not files.keep(film):
        write_film(film, folder)
        console.print(f"film: {files.film}, seed {seed}, made in {time.monotonic() - began:.1f} s")
    else:
        console.print(f"film: {files.film}, seed {seed}, from before")
    return files.film, [json.loads(line) for line in files.questions.read_text().splitlines()]


def _spread(questions: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """``count`` questions, of as many categories as there are."""
    by_category: dict[str, list[dict[str, Any]]] = {}
    for question in questions:
        by_category.setdefault(question["category"], []).append(question)
    rounds = range(max(len(group) for group in by_category.values()))
    ordered = [g[n] for n in rounds for g in by_category.values() if n < len(g)]
    return ordered[:count]
