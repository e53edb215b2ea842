"""Procedural films that nobody has seen, with their questions, made on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rlm.errors import UsageError
from rlm.evaluation.dataset import About, DataSet
from rlm.evaluation.items import Item, read_items
from rlm.world.files import FilmFiles
from rlm.world.film import make_film

NAME = "world"
FIRST_SEED = 40_000
"""Films from this seed on are used by no training, fit or gate of the built-in models."""

ABOUT = About(
    title="Procedural films",
    questions=None,
    metric="accuracy by option",
    annotations="none: films and questions are made from a seed",
    licence="that of this repository",
)


def world(
    folder: Path,
    films: int = 20,
    minutes: float = 5.0,
    seed: int = FIRST_SEED,
    *,
    workers: int | None = None,
    made: Callable[[int, int], None] = lambda done, of: None,
) -> DataSet:
    """The films of ``films`` seeds from ``seed`` on, each with its questions, in ``folder``.

    A film that is there, whole and of the same seed and length, is kept: making them may be
    interrupted and goes on where it was. What is asked of it is written anew where this version
    asks otherwise. ``workers`` are made at a time, by default one a core; ``made`` is told how many
    of how many are there. An item's id tells the seed of its film.

    Raises ``UsageError`` for a number, a length or a seed that makes no film, and for a folder that
    cannot be written.
    """
    if films < 1:
        raise UsageError(f"a world of {films} films holds no questions")
    seconds = 60 * minutes
    seeds = range(seed, seed + films)
    places = {number: folder / f"film-{number}-{seconds:g}s" for number in seeds}
    lacking = [
        number
        for number, place in places.items()
        if not FilmFiles.in_folder(place).keep(make_film(number, seconds))
    ]
    made(films - len(lacking), films)
    _make(lacking, places, seconds, workers or os.cpu_count() or 1, films, made)
    items: list[Item] = []
    for number in seeds:
        for item in read_items(FilmFiles.in_folder(places[number]).questions):
            items.append(item.model_copy(update={"dataset": NAME, "group": f"{minutes:g} min"}))
    return DataSet(NAME, tuple(items))


def _make(
    seeds: list[int],
    places: dict[int, Path],
    seconds: float,
    workers: int,
    films: int,
    made: Callable[[int, int], None],
) -> None:
    """Each film in a process of its own; none outlives this one's being interrupted."""
    waiting, running = list(seeds), dict[int, subprocess.Popen[str]]()
    done = films - len(seeds)
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                number = waiting.pop(0)
                running[number] = _start(number, places[number], seconds)
            number, process = next(iter(running.items()))
            _, told = process.communicate()
            del running[number]
            if process.returncode:
                last = told.strip().rpartition("\n")[2] or f"exit code {process.returncode}"
                raise UsageError(f"the film of seed {number} could not be made: {last}")
            done += 1
            made(done, films)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.communicate()


def _start(seed: int, place: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rlm.world", str(place)]
    command += ["--seed", str(seed), "--seconds", str(seconds)]
    # In a session of its own, so that Ctrl-C ends it through us and not with a traceback.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
