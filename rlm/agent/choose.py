"""Which language model answers when none is named, and which preset.

The order for the model: the command line, the configuration, the first provider whose key is in
the environment, a local Ollama, ``builtin``. For the preset: the command line, the configuration,
the best one whose weights are on this machine, ``builtin``. What was chosen, and why, is always
said; nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass

from rlm.agent.llm import LanguageModel
from rlm.config import Config

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
    """A name and the reason for it, in words."""

    name: str
    why: str


def choose_model(named: str | None, config: Config) -> Choice:
    """The model to use."""
    if named:
        return Choice(named, "from the command line")
    if config.model:
        return Choice(config.model, "from the configuration")
    for variable, model in PROVIDERS:
        if os.environ.get(variable):
            return Choice(model, f"{variable} is set")
    local = _ollama()
    if local is not None:
        return Choice(f"ollama_chat/{local}", "a local Ollama serves it")
    return Choice(BUILTIN, "no provider's key is set and no local Ollama answers")


def choose_preset(named: str | None, config: Config) -> Choice:
    """The preset to use.

    Raises ``WeightsMissing`` or ``UsageError`` later, when the encoder is loaded, for a name that
    cannot be had: a named preset is never replaced in silence.
    """
    from rlm.encoders import available_presets

    if named:
        return Choice(named, "from the command line")
    if config.preset:
        return Choice(config.preset, "from the configuration")
    here = [name for name in available_presets() if name != BUILTIN]
    if here:
        return Choice(here[-1], "the best whose weights are on this machine")
    return Choice(BUILTIN, "no other weights are on this machine")


def make_model(name: str, api_base: str | None = None) -> LanguageModel:
    """The model of that name.

    Raises ``UnknownModel`` or ``MissingKey``.
    """
    if name == BUILTIN:
        from rlm.agent.policy import BuiltinModel

        return BuiltinModel()
    from rlm.agent.litellm_model import LiteLLMModel

    return LiteLLMModel(name, api_base=api_base)


def _ollama() -> str | None:
    """The first model a local Ollama offers, or ``None``; a closed port answers at once."""
    host = os.environ.get("OLLAMA_API_BASE") or OLLAMA
    try:
        with urllib.request.urlopen(f"{host.rstrip('/')}/api/tags", timeout=1) as reply:
            models = json.load(reply).get("models") or []
    except (OSError, ValueError, urllib.error.URLError):
        return None
    names = [str(model.get("name")) for model in models if model.get("name")]
    return names[0] if names else None
