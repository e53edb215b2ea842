"""``videorlm config``: the settings in force, and where each of them comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rlm.agent.text import counted
from rlm.commands.output import DONE, tell
from rlm.config import VARIABLES, Config, checked, unknown_variables
from rlm.sources import FOLDER_FILE, user_file, variable, written

ORDER = (
    "the command line",
    "VIDEORLM_... in the environment",
    "videorlm.toml in the working folder",
    "config.toml in ~/.config/videorlm",
    "the default",
)
"""Where a setting is looked for; the first that has it decides."""
DEFAULT = "default"


def run(*, as_json: bool) -> int:
    """Print every setting with its value and where it comes from; keys by their names alone.

    Raises ``UsageError`` as :func:`rlm.config.load_config`.
    """
    found = written(Config.model_fields)
    config, fallback = checked(found), defaults()
    settings = {
        name: {
            "value": _plain(getattr(config, name) if name in found else fallback[name]),
            "from": found[name].source if name in found else DEFAULT,
            "means": str(Config.model_fields[name].description),
        }
        for name in Config.model_fields
    }
    files = {str(file): file.is_file() for file in (FOLDER_FILE.absolute(), user_file())}
    others = [name for name in VARIABLES if os.environ.get(name)]
    told: dict[str, Any] = {
        "order": ORDER,
        "settings": settings,
        "files": files,
        "variables": others,
        "keys": keys(),
        "unknown": unknown_variables(),
    }
    if as_json:
        print(json.dumps(told))
    else:
        _print(told, settings)
    return DONE


def defaults() -> dict[str, Any]:
    """What holds for each setting that nothing sets: a value, or words for what is then done."""
    from rlm.agent.budget import Budget
    from rlm.agent.litellm_model import SILENCE
    from rlm.agent.transcript import default_folder
    from rlm.index.storage.store import default_root

    limits = {f"max_{name}": limit for name, limit in Budget().as_dict().items()}
    known = {
        "model": "chosen: a provider with a key, a local Ollama, builtin",
        "preset": "chosen: the best on this machine",
        "model_timeout": SILENCE,
        "transcripts": default_folder(),
        "cache": default_root(),
    }
    return {name: known.get(name, limits.get(name)) for name in Config.model_fields}


def keys() -> list[str]:
    """The variables with keys that are set: their names, never what they hold."""
    wanted = ("_API_KEY", "_ACCESS_KEY_ID", "HF_TOKEN")
    return sorted(name for name, value in os.environ.items() if value and name.endswith(wanted))


def _plain(value: object) -> Any:
    """``value`` as JSON has it; a name and password in an address are left out."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "@" in value and "://" in value:
        parts = urlsplit(value)
        return parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}").geturl()
    return value


def _print(told: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]]) -> None:
    left = max(map(len, settings)) + 2
    for name, each in settings.items():
        tell(f"{name.ljust(left)}{_words(each['value'])}  ({each['from']})")
    tell("\nThe first of these that sets it decides: " + ", ".join(told["order"]) + ".")
    for file, there in told["files"].items():
        tell(f"file {file}: {'read' if there else 'not there'}")
    for name in told["variables"]:
        tell(f"{name} is set: {VARIABLES[name]}")
    tell(f"keys set: {', '.join(told['keys']) or 'none'}")
    for name, hint in told["unknown"].items():
        tell(f"warning: {name} is no setting; {hint}")
    tell(f"{counted(len(settings), 'setting')}; to set one: {variable('max_turns')}=20, or the "
          "line max_turns = 20 in a file")  # fmt: skip


def _words(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
