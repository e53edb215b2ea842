"""Small randomly initialised weights with all that can lie beside an encoder, as training saves."""

from __future__ import annotations

from pathlib import Path


def save_seeing(folder: Path, seed: int = 0) -> Path:
    """Encoder, joint heads, object head, probes and captioner; every token is sure of a thing."""
    import torch

    from rlm.world.train.export import export
    from rlm.world.train.model import Sizes, Trainee
    from rlm.world.train.readers import Readers

    torch.manual_seed(seed)
    sizes = Sizes(48, 2, 2, pred_hidden=24, pred_layers=1, pred_heads=1, queries=2, buckets=64)
    model = Trainee(sizes)
    with torch.no_grad():
        model.objects.read.bias[0] = 4.0
    export(model, Readers(sizes.hidden), folder, {})
    return folder
