"""From a trained model to the folder of weights that ``load_encoder`` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from rlm.encoders.loading import quiet
from rlm.encoders.presets import HEADS_FILE, SIZES_FILE
from rlm.world.scene import COLOURS, SHAPES
from rlm.world.train.model import TASKS, Trainee
from rlm.world.train.readers import Readers


def export(model: Trainee, readers: Readers, folder: Path, history: Mapping[str, object]) -> None:
    """Write a folder of weights in half precision: the V-JEPA 2, its heads, the captioner.

    ``history`` says how they came about, and is kept beside them as ``training.json``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vjepa = deepcopy(model.vjepa).half()
    vjepa.config._attn_implementation = "sdpa"
    with quiet():
        vjepa.save_pretrained(folder)
    sizes = model.sizes
    told = {
        "joint": {
            "hidden": sizes.hidden,
            "queries": sizes.queries,
            "buckets": sizes.buckets,
            "width": sizes.text,
            "inner": sizes.inner,
            "out": sizes.joint,
        },
        "objects": {"colours": COLOURS, "shapes": SHAPES},
        "probes": TASKS,
    }
    (folder / SIZES_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    states: dict[str, Mapping[str, Tensor]] = {
        "pool": model.joint.pool.state_dict(),
        "text": model.joint.text.state_dict(),
        "objects": model.objects.state_dict(),
    }
    states |= {f"probes.{name}": probe.state_dict() for name, probe in readers.probes.items()}
    heads = {
        f"{name}.{key}": value.to(torch.float16).contiguous()
        for name, state in states.items()
        for key, value in state.items()
    }
    save_file(heads, folder / HEADS_FILE)
    readers.captioner.save(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)  # safetensors lets only their writer read them
    (folder / "training.json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
