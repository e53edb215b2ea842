"""What a TAB offers for the values of options and arguments.

A shell starts the program anew for each TAB, so that nothing here may import more than it must.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rlm.commands.videos import VIDEO_SUFFIXES
from rlm.errors import UsageError
from rlm.sources import data_folder, written

PRESETS = ("builtin", "fast", "balanced", "quality")
COMPANIONS = ("siglip2", "videoprism")
FORMATS = ("openai", "sharegpt", "html")
MOST = 50
"""Transcripts that are offered: the newest."""


def presets(incomplete: str) -> list[str]:
    """The presets; a folder with weights is completed as a path."""
    return _beginning(incomplete, PRESETS) or _paths(incomplete)


def to_pull(incomplete: str) -> list[str]:
    """What ``models pull`` takes."""
    return _beginning(incomplete, (*PRESETS[1:], *COMPANIONS))


def formats(incomplete: str) -> list[str]:
    """What runs are exported as."""
    return _beginning(incomplete, FORMATS)


def transcripts(incomplete: str) -> list[str]:
    """``last`` and the names of saved runs, the newest first; else folders."""
    try:
        set_ = written(["transcripts"]).get("transcripts")
        folder = Path(str(set_.value)).expanduser() if set_ else data_folder() / "transcripts"
        runs = folder.glob("*/events.jsonl")
        names = sorted((file.parent.name for file in runs), reverse=True)[:MOST]
    except (OSError, UsageError):
        names = []
    # Names begin with the time in UTC.
    return _beginning(incomplete, ("last", *names)) or _paths(incomplete)


def tasks(incomplete: str) -> list[str]:
    """The tasks of the probes that were trained or imported here."""
    found = set()
    for card in (data_folder() / "probes").glob("[!.]*/probe.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found.add(str(json.loads(card.read_bytes())["task"]))
    return _beginning(incomplete, sorted(found))


def videos(incomplete: str) -> list[str]:
    """Folders, and files that are named like videos."""
    return _paths(incomplete, VIDEO_SUFFIXES)


def _paths(incomplete: str, suffixes: Iterable[str] = ()) -> list[str]:
    """Folders, and files with one of these endings, that begin like this."""
    head = incomplete[: incomplete.rfind("/") + 1]
    try:
        with os.scandir(Path(head or ".").expanduser()) as entries:
            found = sorted(
                f"{head}{entry.name}/" if entry.is_dir() else f"{head}{entry.name}"
                for entry in entries
                if entry.is_dir() or Path(entry.name).suffix.lower() in suffixes
            )
    except OSError:
        return []
    hidden = incomplete[len(head) :].startswith(".")
    found = [path for path in found if hidden or not path[len(head) :].startswith(".")]
    found = _beginning(incomplete, found)
    # bash takes words as they are: with a blank in one it had better complete files itself.
    in_bash = os.environ.get("_VIDEORLM_COMPLETE", "").endswith("bash")
    return [] if in_bash and any(path != shlex.quote(path) for path in found) else found


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
