"""Which language model answers when none is named, and which preset.

The order for the model: the command line, the configuration, the first provider whose key is in
the environment, a local Ollama, ``builtin``. For the preset: the command line, the configuration,
the best one whose weights are on this machine, ``builtin``. What was chosen, and why, is always
said; nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from rlm.config import Config
from rlm.errors import UsageError

BUILTIN = "builtin"
PROVIDERS = (
    ("ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-6"),
    ("OPENAI_API_KEY", "openai/gpt-5.4"),
    ("GEMINI_API_KEY", "gemini/gemini-pro-latest"),
    ("MISTRAL_API_KEY", "mistral/mistral-large-latest"),
    ("XAI_API_KEY", "xai/grok-4.20"),
)
"""The variable that holds a provider's key, and that provider's model that sees pictures."""
OLLAMA = "http://127.0.0.1:11434"


@dataclass(frozen=True)
class Choice:
    """A name and the reason for it, in words; ``configured`` when it comes from the settings."""

    name: str
    why: str
    configured: bool = False

    def endpoint(self, api_base: str | None, config: Config) -> str | None:
        """Where the model is: at ``api_base`` if that is named, else at the address of the
        settings where the model is theirs too."""
        return api_base or (config.api_base if self.configured else None)


def choose_model(named: str | None, config: Config) -> Choice:
    """The model to use.

    Raises ``UsageError`` for an empty name.
    """
    if named is not None:
        _check_name(named, "model")
        return Choice(named, "from the command line")
    if config.model:
        return Choice(config.model, "from the configuration", configured=True)
    for variable, model in PROVIDERS:
        if os.environ.get(variable):
            return Choice(model, f"{variable} is set")
    local = local_model()
    if local is not None:
        return Choice(f"ollama_chat/{local}", "a local Ollama serves it")
    return Choice(BUILTIN, "no provider's key is set and no local Ollama answers")


def choose_preset(named: str | None, config: Config) -> Choice:
    """The preset to use.

    Raises ``WeightsMissing`` or ``UsageError`` later, when the encoder is loaded, for a name that
    cannot be had: a named preset is never replaced in silence.
    """
    from rlm.encoders import PRESETS, available_presets

    if named is not None:
        _check_name(named, "preset")
        return Choice(named, "from the command line")
    if config.preset:
        return Choice(config.preset, "from the configuration")
    here = [name for name in available_presets() if name in PRESETS and name != BUILTIN]
    if here:
        return Choice(here[-1], "the best whose weights are on this machine")
    return Choice(BUILTIN, "no other weights are on this machine")


def _check_name(name: str, what: str) -> None:
    if not name.strip():
        raise UsageError(f"the name of the {what} is empty; leave --{what} out for the default")


def local_model() -> str | None:
    """The best model a local Ollama offers, one that sees before one that only reads.

    ``None`` without an Ollama; a closed port answers at once.
    """
    host = (os.environ.get("OLLAMA_API_BASE") or OLLAMA).rstrip("/")
    blind = None
    try:
        for model in _get(f"{host}/api/tags")["models"]:
            abilities = _get(f"{host}/api/show", {"model": model["name"]}).get("capabilities", [])
            if "completion" in abilities and "vision" in abilities:
                return str(model["name"])
            if "completion" in abilities:
                blind = blind or str(model["name"])
    except (OSError, HTTPException, ValueError, TypeError, KeyError, AttributeError):
        return None  # something else listens there
    return blind


def _get(url: str, body: dict[str, str] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data=data, timeout=1) as reply:
        return json.load(reply)
