"""Renews the measured parts of README.md with what the demo and the benches print.

::

    python tests/bench/readme.py demo     a minute
    python tests/bench/readme.py index    what is measured of the index, about half an hour
    python tests/bench/readme.py survival   builds that are killed, some minutes
    python tests/bench/readme.py models   the gates of the built-in models, half an hour; the model
                                          card beside the weights gets them too
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parents[2]


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


BENCHES = {
    "index": {
        "Shots, beside PySceneDetect": "bench_scenes.py",
        "Looks": "bench_look.py",
        "Decoding": "bench_decode.py",
        "Building": "bench_index.py",
    },
    "survival": {"Killed builds": "bench_survival.py"},
    "models": {"Gates": "bench_models.py", "Questions": "bench_questions.py"},
}
CARD = ROOT / "rlm" / "encoders" / "weights" / "builtin" / "README.md"


def benches(mark: str) -> str:
    """What the benches of a part print, one after the other."""
    parts = []
    for title, script in BENCHES[mark].items():
        print(f"{title}: {script}", flush=True)
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "bench" / script)],
            capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ,
        )  # fmt: skip
        print(done.stdout, flush=True)
        told = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
        parts.append(f"{title}:\n\n```\n{told}\n```")
    told = "\n\n".join(parts)
    return f"<details><summary>Measured on {described()}</summary>\n\n{told}\n\n</details>"


def replace(text: str, mark: str, body: str) -> str:
    """``text`` with ``body`` between the comments ``mark:begin`` and ``mark:end``."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{body}\n{end}{rest.split(end)[1]}"


def main() -> None:
    """Renew the parts named on the command line, by default the demo."""
    readme = ROOT / "README.md"
    for part in sys.argv[1:] or ["demo"]:
        if part in BENCHES:
            body = benches(part)
        else:
            told = demo()
            end = told[told.index("\nturn 4") + 1 :]
            body = (
                f"How it ends:\n\n```\n{end}\n```\n\nMeasured on {described()}.\n\n"
                f"<details><summary>All it prints</summary>\n\n```\n{told}\n```\n\n</details>"
            )
        for page in (readme, CARD) if part == "models" else (readme,):
            page.write_text(replace(page.read_text(), part, body))


if __name__ == "__main__":
    main()
