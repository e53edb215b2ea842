"""Renews the measured blocks of the documents with what the demo and the benches print.

::

    python tests/bench/readme.py PART [WORD ...] [PART [WORD ...] ...]

What a part writes is found by its marks, wherever they stand (``blocks.py``); the figures that
README has of them (``claims.py``) follow by themselves.

====================================  ==========================================================
demo                                  what ``videorlm demo`` prints, a minute
sets                                  the table of data sets, at once
claims                                the figures of README alone, at once
loop                                  what the loop costs, half a minute
search                                search over many vectors, a minute
survival                              builds that are killed, some minutes
evaluation                            what an evaluation costs, some minutes
questions                             how hard the questions of the built-in films are
index                                 decoding, shots, looks, building, about half an hour
tools                                 search and prediction tools, half an hour
models [WEIGHTS ...]                  the gates of the built-in models, or of a column each of
                                      WEIGHTS, half an hour; how they were trained too
world [FILMS MINUTES [FOLDER]]        systems on procedural films, an hour by default;
                                      FOLDER keeps the run
gpu FILE                              what ``bench_index.py encoders`` printed into FILE on a
                                      machine with a GPU
====================================  ==========================================================
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from blocks import ROOT, body_of, renew
from claims import table
from machine import machine

sys.path.insert(0, str(ROOT))

from rlm.commands.evaluate import WORLD_SYSTEMS
from rlm.evaluation.listing import as_markdown
from rlm.evaluation.report.tables import PARTS as TABLES
from rlm.evaluation.report.tables import overview, part_tables
from rlm.evaluation.report.text import as_markdown as as_markdown_table
from rlm.evaluation.saved_run import read_runs

BENCHES = {
    "loop": {"The loop": "bench_loop.py"},
    "search": {"Search over many vectors": "bench_search.py"},
    "survival": {"Killed builds": "bench_survival.py"},
    "evaluation": {"Evaluation": "bench_eval.py"},
    "questions": {"Questions": "bench_questions.py"},
    "index": {
        "Shots, beside PySceneDetect": "bench_scenes.py",
        "Looks": "bench_look.py",
        "Decoding": "bench_decode.py",
        "Building": "bench_index.py",
    },
    "tools": {"Tools": "bench_tools.py"},
    "models": {
        "Gates": "bench_models.py --only probes,retrieval,future,reading,scenes",
        "Questions": "bench_models.py --only questions --every 4",
    },
}
TRAINING = ROOT / "rlm" / "encoders" / "weights" / "builtin" / "training.json"


def described() -> str:
    """This machine: processor, cores, memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{machine()}, {memory:.0f} GB, no GPU used"


def folded(summary: str, body: str) -> str:
    """``body``, to be unfolded by a click on ``summary``."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def demo() -> dict[str, str]:
    """What ``videorlm demo`` prints: its last turns, and all of it."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "rlm.cli", "demo", "demo"],
            capture_output=True, text=True, check=True, cwd=folder,
            env=os.environ | {"COLUMNS": "96", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    told = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    turns = [found.start() for found in re.finditer(r"^turn \d+ ", told, re.MULTILINE)]
    return {
        "demo": f"How it ends:\n\n```\n{told[turns[-2] :]}\n```\n\nMeasured on {described()}.",
        "demo-whole": folded("All it prints", f"```\n{told}\n```"),
    }


def world(films: str = "20", minutes: str = "5", kept: str = "") -> dict[str, str]:
    """How the built-in systems do on films that are made here: the tables of their report.

    ``kept`` is a folder in which the run stays, and in which one that was stopped is gone on with.
    """
    words = ["eval", "world", "--films", films, "--minutes", minutes]
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(kept or passing).absolute()
        subprocess.run(
            [sys.executable, "-m", "rlm.cli", *words, "--output", "world"],
            stdout=subprocess.DEVNULL, check=True, cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        runs = read_runs([folder / "world" / name for name in WORLD_SYSTEMS])
    totals = overview(runs)
    (parts,) = (each for each in part_tables(runs) if each.title == TABLES["category"])
    note = f"`videorlm {' '.join(words)}`, measured on {described()}. {totals.note}"
    return {
        "world": f"{note}\n\n{as_markdown_table(totals)}",
        "world-categories": folded("By category", as_markdown_table(parts)),
    }


def bench(part: str, *weights: str) -> dict[str, str]:
    """What the benches of a part print, one after the other; ``weights`` are what they measure."""
    parts = []
    for title, script in BENCHES[part].items():
        name, *options = script.split()
        print(f"{title}: {script}", flush=True)
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "bench" / name), *weights, *options],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ,
        )  # fmt: skip
        if done.returncode not in (0, 1):  # 1 is of a bench that missed what was asked of it
            raise SystemExit(f"{script} failed")
        print(done.stdout, flush=True)
        told = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        parts.append(f"{title}:\n\n```\n{told}\n```")
    return {part: folded(f"Measured on {described()}", "\n\n".join(parts))}


def models(*weights: str) -> dict[str, str]:
    """The gates of the built-in models, and how they were trained, as the run wrote that down."""
    told = json.loads(TRAINING.read_text(encoding="utf-8"))
    rows = [
        f"| {name} | {stage['steps']} | {stage['minutes']:.1f} | "
        f"{stage.get('hardware', told['hardware'])} |"
        for name, stage in told["stages"].items()
    ]
    head = [f"Seed {told['seed']}:", "", "| stage | steps | minutes | on |", "|---|---|---|---|"]
    return {**bench("models", *weights), "training": "\n".join([*head, *rows])}


def gpu(file: str) -> dict[str, str]:
    """What a bench printed on another machine, which its first lines name."""
    return {"gpu": folded("Measured with a GPU", f"```\n{Path(file).read_text().strip()}\n```")}


PARTS: dict[str, Callable[..., dict[str, str]]] = {
    **{part: partial(bench, part) for part in BENCHES},
    "demo": demo,
    "sets": lambda: {"sets": as_markdown()},
    "claims": dict,
    "models": models,
    "world": world,
    "gpu": gpu,
}


def main() -> None:
    """Renew what the parts named on the command line write; words after a part are its own."""
    asked: list[tuple[str, list[str]]] = []
    for word in sys.argv[1:]:
        if word in PARTS:
            asked.append((word, []))
        elif asked and asked[-1][0] in ("models", "world", "gpu"):
            asked[-1][1].append(word)
        else:
            raise SystemExit(f"{word} is none of the parts: {', '.join(PARTS)}")
    if not asked:
        raise SystemExit(f"name a part: {', '.join(PARTS)}")
    for part, words in asked:
        for mark, body in PARTS[part](*words).items():
            renew(mark, body)
    renew("claims", table(body_of))


if __name__ == "__main__":
    main()
