"""Everything about a run that somebody would need who wants the same numbers."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import resources
from pathlib import Path, PurePath

import rlm
from rlm.errors import UsageError
from rlm.evaluation.items import Item

BLOCK = 1 << 20


def annotations_sha256(path: Path, items: Sequence[Item]) -> str:
    """One digest over a file of annotations, or over the names and contents of a folder of them.

    Where there are none, because the ``items`` were made, it is over these. Raises ``UsageError``
    when they cannot be read.
    """
    digest = hashlib.sha256()
    if not path.exists():
        for item in items:
            told = item.model_dump_json(exclude={"video"})
            digest.update(f"{item.video.parent.name}/{item.video.name} {told}\n".encode())
        return digest.hexdigest()
    files = [path] if not path.is_dir() else sorted(p for p in path.rglob("*") if p.is_file())
    try:
        for file in files:
            if file != path:
                digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as stream:
                while block := stream.read(BLOCK):
                    digest.update(block)
    except OSError as error:
        raise UsageError(f"cannot read the annotations {path}: {error.strerror}") from error
    return digest.hexdigest()


def prompt_hashes() -> dict[str, str]:
    """The SHA-256 of each template by its name."""
    files = resources.files("prompts").iterdir()
    return {
        file.name.partition(".")[0]: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files, key=lambda file: file.name)
        if PurePath(file.name).suffix == ".jinja"
    }


def weights_of(preset: str) -> dict[str, str]:
    """The revision of each encoder that an index with ``preset`` is built with here.

    Raises ``WeightsMissing`` when they are not on this machine.
    """
    from rlm.encoders import find_weights
    from rlm.index.plan import INDEX, make_plan

    plan = make_plan("", find_weights(preset), INDEX)
    return {each.spec.preset.name: each.spec.revision for each in plan.encodings}


def commit() -> str | None:
    """The commit this program runs from, with ``+`` where files differ from it; ``None`` outside
    of a checkout."""
    root = Path(rlm.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        name = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return name + ("+" if changed else "")


def machine() -> str:
    """Processor, cores, memory and GPU, in words."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = f"{name}, {os.cpu_count()} cores, {memory:.0f} GB"
    gpus = Path("/proc/driver/nvidia/gpus")
    count = len(list(gpus.iterdir())) if gpus.is_dir() else 0
    return f"{words}, {count} GPU" if count else f"{words}, no GPU"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=root, capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
