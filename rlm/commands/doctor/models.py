"""The device, weights, and which language model a question would go to."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from rlm.commands.doctor.check import Finding, missing, ok, settings_or_none, warning
from rlm.config import Config


def device() -> list[Finding]:
    """What encodes here; why a card that is there is not used."""
    import torch

    from rlm.encoders.machine import device_name, free_memory, pick_device

    chosen = pick_device()
    told = f"{device_name(chosen)}; torch {torch.__version__}"
    if chosen.type == "cuda":
        free, total = free_memory(chosen) or 0, torch.cuda.get_device_properties(chosen)
        memory = f"{free / 1e9:.0f} of {total.total_memory / 1e9:.0f} GB free"
        return [ok("device", f"{told}, CUDA {torch.version.cuda}, {memory}")]
    if torch.backends.mps.is_available():
        return [warning("device", f"{told}; Apple's GPU is not used")]
    if not _has_card():
        return [ok("device", f"{told}; no GPU")]
    if torch.version.cuda is None:
        return [
            warning(
                "device",
                f"{told}, a build without CUDA, though there is an NVIDIA card",
                f"{sys.executable} -m pip install --force-reinstall torch, without the CPU index",
            )
        ]
    return [
        warning(
            "device",
            f"{told} for CUDA {torch.version.cuda} does not get at the NVIDIA card",
            "see whether nvidia-smi runs and its driver is new enough for that CUDA; in a "
            "container: start it with --gpus all",
        )
    ]


def _has_card() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def weights() -> list[Finding]:
    """The built-in weights encode; which others are on this machine."""
    import numpy as np

    from rlm.encoders import COMPANIONS, PRESETS, available_presets, load_encoder
    from rlm.errors import EncoderError

    began = time.monotonic()
    try:
        encoder = load_encoder("builtin")
        window = np.zeros((encoder.frames, encoder.crop, encoder.crop, 3), np.uint8)
        window[:, ::2] = 200
        vectors = encoder.encode([window])
    except EncoderError as error:
        return [missing("weights", f"builtin: {error}", "install this package again")]
    norms = [float(np.linalg.norm(row)) for track in vectors.values() for row in track]
    if not norms or not np.allclose(norms, 1.0, atol=1e-3):
        broken = "the built-in weights do not give unit vectors"
        return [missing("weights", broken, "install this package again")]
    here = available_presets()
    told = f"builtin encodes (loaded and run in {time.monotonic() - began:.1f} s)"
    names = [name for name in (*PRESETS, *COMPANIONS) if name in here and name != "builtin"]
    if names:
        return [ok("weights", f"{told}; on this machine: {', '.join(names)}")]
    only = f"{told}; none of Meta's are here, and builtin knows moving shapes and nothing else"
    return [warning("weights", only, "videorlm models estimate VIDEO, then videorlm models pull")]


def language_model(*, network: bool) -> list[Finding]:
    """Which model and preset ``ask`` would take, and why; with ``network``, whether it replies."""
    from rlm.agent.choose import BUILTIN, choose_model, choose_preset, local_model
    from rlm.commands.config import keys
    from rlm.errors import LanguageModelError

    config = settings_or_none()
    local = local_model()
    choice, preset = choose_model(None, config), choose_preset(None, config)
    findings = [
        ok("keys", ", ".join(keys()) or "none set"),
        ok("local server", f"Ollama serves {local}" if local else "no Ollama answers"),
        ok("preset", f"{preset.name} ({preset.why})"),
    ]
    told = f"{choice.name} ({choice.why})"
    if choice.name == BUILTIN:
        remedy = "set a provider's key, such as ANTHROPIC_API_KEY, or run Ollama, or --api-base"
        offline = f"{told}: a program that answers about moving shapes alone"
        return [*findings, warning("model", offline, remedy)]
    if not network:
        return [*findings, ok("model", f"{told}; not asked, --network does")]
    try:
        return [*findings, ok("model", f"{told}; replied in {_ask(choice.name, config):.1f} s")]
    except LanguageModelError as error:
        return [*findings, missing("model", f"{told}: {error}", "another --model, key or address")]


def _ask(name: str, config: Config) -> float:
    """Seconds until the model has replied to a word."""
    from rlm.agent.llm import Message
    from rlm.agent.make_models import make_model

    model = make_model(name, config.api_base, config)
    began = time.monotonic()
    model.complete([Message("user", ("Reply with the word ready.",))])
    return time.monotonic() - began
