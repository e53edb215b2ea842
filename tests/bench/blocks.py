"""The measured blocks of the documents: what stands between the comments of a mark.

::

    <!-- loop:begin -->
    what was measured
    <!-- loop:end -->

A mark stands once in all documents. Which of them has it is looked up, so that a block may be moved
to another one as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("docs", "prompts", "rlm", "sandbox", "tests", "transcripts", "videorlm_env")


def documents(root: Path = ROOT) -> list[Path]:
    """Every document of the repository."""
    return sorted(
        [*root.glob("*.md"), *(p for room in ROOMS for p in root.glob(f"{room}/**/*.md"))]
    )


def marks(text: str) -> list[tuple[str, str]]:
    """The comments in ``text`` that begin or end a block, each as its mark and which it is."""
    return re.findall(r"^<!-- ([\w-]+):(begin|end) -->$", text, re.MULTILINE)


def body_of(mark: str, root: Path = ROOT) -> str:
    """What the block says now."""
    return _found(mark, root)[2].group(2)


def renew(mark: str, body: str, root: Path = ROOT) -> None:
    """Write the block where it stands; all else in that document stays as it is."""
    path, text, block = _found(mark, root)
    path.write_text(f"{text[: block.end(1)]}{body}\n{text[block.start(3) :]}", encoding="utf-8")


def _found(mark: str, root: Path) -> tuple[Path, str, re.Match[str]]:
    """The one document that has the block, its text, and the block in it: begin, body, end."""
    block = re.compile(
        rf"(^<!-- {mark}:begin -->\n)(.*?)\n?(^<!-- {mark}:end -->$)", re.MULTILINE | re.DOTALL
    )
    texts = [(path, path.read_text(encoding="utf-8")) for path in documents(root)]
    found = [(path, text, it) for path, text in texts for it in block.finditer(text)]
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(root)) for path, _, _ in found) or "nowhere"
        raise SystemExit(
            f"the block {mark!r} has to stand once in all documents; it is in: {names}"
        )
    return found[0]
