"""Where settings come from, and where this program keeps its things. Imports next to nothing.

Every folder follows the XDG base directory specification.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm.errors import UsageError

PREFIX = "VIDEORLM_"
FOLDER_FILE = Path("videorlm.toml")
NOT_BY_A_FOLDER = "api_base"
"""A folder may come from anybody: to this address the questions, pictures and key would go."""


@dataclass(frozen=True)
class Set:
    """A value as it was written, and the file or variable it was written in."""

    value: Any
    source: str


def data_folder() -> Path:
    """What cannot be computed again: transcripts, probes."""
    return _xdg("XDG_DATA_HOME", "~/.local/share")


def cache_folder() -> Path:
    """What can be made again: indexes, pages."""
    return _xdg("XDG_CACHE_HOME", "~/.cache")


def user_file() -> Path:
    """The user's own settings."""
    return _xdg("XDG_CONFIG_HOME", "~/.config") / "config.toml"


def variable(name: str) -> str:
    """The environment variable of the setting ``name``."""
    return PREFIX + name.upper()


def written(names: Iterable[str]) -> dict[str, Set]:
    """What the files and the environment say, unchecked; the environment for ``names`` alone.

    Raises ``UsageError`` for a file that cannot be read or sets what it may not.
    """
    found = {
        name: Set(value, str(file))
        for file in (user_file(), FOLDER_FILE)
        for name, value in _settings(file)
    }
    for name in names:
        if os.environ.get(variable(name)):
            found[name] = Set(os.environ[variable(name)], variable(name))
    return found


def _settings(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        with file.open("rb") as stream:
            settings = tomllib.load(stream)
    except FileNotFoundError:
        return
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if file == FOLDER_FILE and NOT_BY_A_FOLDER in settings:
        raise UsageError(
            f"{file}: {NOT_BY_A_FOLDER} may not be set by a folder; use --api-base, "
            f"{variable(NOT_BY_A_FOLDER)} or {user_file()}"
        )
    yield from settings.items()


def _xdg(name: str, default: str) -> Path:
    return Path(os.environ.get(name) or default).expanduser() / "videorlm"
