"""What a measurement was made on, in words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine() -> str:
    """Processor and cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def here(*packages: str) -> str:
    """This machine now: its load, its system, and the versions of Python and ``packages``."""
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    versions = "".join(f", {package} {version(package)}" for package in packages)
    return (
        f"{machine()}, load {load}; Linux {platform.release()}; "
        f"Python {platform.python_version()}{versions}"
    )
