"""Registered probes with random or given tensors, without any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlm.encoders import EncoderSpec
from rlm.encoders.probe_files import ProbeCard, save_probe


def card_for(spec: EncoderSpec, **changes: Any) -> ProbeCard:
    """What would be known of a probe for ``spec`` that tells "calm" from "wild"."""
    known: dict[str, Any] = {
        "task": "mood",
        "classes": ["calm", "wild"],
        "model": spec.model,
        "revision": spec.revision,
        "hidden": 48,
        "form": "attentive",
        "frames": spec.preset.frames,
        "fps": spec.preset.fps,
        "made": "2026-01-01T00:00:00+00:00",
        "source": "made by a test",
    }
    return ProbeCard(**(known | changes))


def save_random(root: Path, spec: EncoderSpec, **changes: Any) -> Path:
    """An ``AttentiveProbe`` as it is initialised, but sure of itself."""
    import torch

    from rlm.encoders.probes import AttentiveProbe

    card = card_for(spec, **changes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        probe = AttentiveProbe(card.hidden, len(card.classes))
        torch.nn.init.normal_(probe.classify.weight)
    return save_probe(root, card, probe.state_dict())
