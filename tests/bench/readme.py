"""Renews the measured parts of README.md: runs the demo and puts its real output there."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def machine() -> str:
    """This machine in words: processor, cores, memory."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.M)
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, no GPU used"


def demo() -> str:
    """What ``videorlm demo`` prints, the run of its first question whole."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "rlm.cli", "demo", "demo"],
            capture_output=True, text=True, check=True, cwd=folder,
            env=os.environ | {"COLUMNS": "96", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def replace(text: str, mark: str, body: str) -> str:
    """``text`` with ``body`` between the comments ``mark:begin`` and ``mark:end``."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{body}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    told = demo()
    end = told[told.index("\nturn 4") + 1 :]
    body = (
        f"How it ends:\n\n```\n{end}\n```\n\nMeasured on {machine()}.\n\n"
        f"<details><summary>All it prints</summary>\n\n```\n{told}\n```\n\n</details>"
    )
    readme.write_text(replace(readme.read_text(), "demo", body))
