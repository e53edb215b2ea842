"""Renews the measured parts of README.md with what the demo and the benches print.

::

    python tests/bench/readme.py demo     a minute
    python tests/bench/readme.py index    what is measured of the index, about half an hour
    python tests/bench/readme.py survival   builds that are killed, some minutes
    python tests/bench/readme.py models [WEIGHTS ...]   the gates of the built-in models, or of a
                                          column each of WEIGHTS, half an hour; the model card
                                          beside the weights gets them too
    python tests/bench/readme.py tools    search and prediction tools, half an hour
    python tests/bench/readme.py questions   how hard the questions of the built-in films are
    python tests/bench/readme.py sets     the table of data sets
    python tests/bench/readme.py loop     what the loop costs, half a minute
    python tests/bench/readme.py evaluation   what an evaluation costs, some minutes
    python tests/bench/readme.py world [FILMS MINUTES [FOLDER]]   systems on procedural films,
                                          half an hour by default; FOLDER keeps the run
    python tests/bench/readme.py gpu FILE   what `bench_index.py encoders` printed into FILE on a
                                          machine with a GPU
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from rlm.commands.evaluate import WORLD_SYSTEMS
from rlm.evaluation.listing import as_markdown
from rlm.evaluation.report.tables import PARTS, overview, part_tables
from rlm.evaluation.report.text import as_markdown as as_markdown_table
from rlm.evaluation.saved_run import read_runs


def described() -> str:
    """This machine: processor, cores, memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{machine()}, {memory:.0f} GB, no GPU used"


def demo() -> str:
    """What ``videorlm demo`` prints, the run of its first question whole."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "rlm.cli", "demo", "demo"],
            capture_output=True, text=True, check=True, cwd=folder,
            env=os.environ | {"COLUMNS": "96", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def world(films: str = "12", minutes: str = "2", kept: str = "") -> str:
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
    table = overview(runs)
    (parts,) = (each for each in part_tables(runs) if each.title == PARTS["category"])
    return "\n\n".join((
        f"`videorlm {' '.join(words)}`, measured on {described()}. {table.note}",
        as_markdown_table(table),
        f"<details><summary>By category</summary>\n\n{as_markdown_table(parts)}\n\n</details>",
    ))  # fmt: skip


BENCHES = {
    "index": {
        "Shots, beside PySceneDetect": "bench_scenes.py",
        "Looks": "bench_look.py",
        "Decoding": "bench_decode.py",
        "Building": "bench_index.py",
    },
    "survival": {"Killed builds": "bench_survival.py"},
    "models": {
        "Gates": "bench_models.py --only probes,retrieval,future,reading,scenes",
        "Questions": "bench_models.py --only questions --every 4",
    },
    "questions": {"Questions": "bench_questions.py"},
    "loop": {"The loop": "bench_loop.py"},
    "evaluation": {"Evaluation": "bench_eval.py"},
    "tools": {"Tools": "bench_tools.py", "Search over many vectors": "bench_search.py"},
}
CARD = ROOT / "rlm" / "encoders" / "weights" / "builtin" / "README.md"


def benches(mark: str, weights: list[str]) -> str:
    """What the benches of a part print, one after the other; ``weights`` are what they measure."""
    parts = []
    for title, script in BENCHES[mark].items():
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
    told = "\n\n".join(parts)
    return f"<details><summary>Measured on {described()}</summary>\n\n{told}\n\n</details>"


def elsewhere(file: str) -> str:
    """What a bench printed on another machine, which its first lines name."""
    told = Path(file).read_text().strip()
    return f"<details><summary>Measured with a GPU</summary>\n\n```\n{told}\n```\n\n</details>"


def training() -> str:
    """Seed, hardware, steps and minutes of the built-in weights, as the run wrote them down."""
    told = json.loads((CARD.parent / "training.json").read_text(encoding="utf-8"))
    rows = [
        f"| {name} | {stage['steps']} | {stage['minutes']:.1f} | "
        f"{stage.get('hardware', told['hardware'])} |"
        for name, stage in told["stages"].items()
    ]
    head = f"Seed {told['seed']}:"
    return "\n".join([head, "", "| stage | steps | minutes | on |", "|---|---|---|---|", *rows])


def replace(text: str, mark: str, body: str) -> str:
    """``text`` with ``body`` between the comments ``mark:begin`` and ``mark:end``."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{body}\n{end}{rest.split(end)[1]}"


def main() -> None:
    """Renew the parts named on the command line, by default the demo."""
    readme = ROOT / "README.md"
    parts = [
        name for name in sys.argv[1:] if name in BENCHES or name in ("demo", "gpu", "sets", "world")
    ]
    weights = [name for name in sys.argv[1:] if name not in parts]
    for part in parts or ["demo"]:
        if part == "sets":
            body = as_markdown()
        elif part == "world":
            body = world(*weights)
        elif part == "gpu":
            body = elsewhere(*weights)
        elif part in BENCHES:
            body = benches(part, weights if part == "models" else [])
        else:
            told = demo()
            turns = [found.start() for found in re.finditer(r"^turn \d+ ", told, re.MULTILINE)]
            end = told[turns[-2] :]
            body = (
                f"How it ends:\n\n```\n{end}\n```\n\nMeasured on {described()}.\n\n"
                f"<details><summary>All it prints</summary>\n\n```\n{told}\n```\n\n</details>"
            )
        readme.write_text(replace(readme.read_text(), part, body))
        if part == "models":
            card = replace(CARD.read_text(), "training", training())
            CARD.write_text(replace(card, part, body))


if __name__ == "__main__":
    main()
