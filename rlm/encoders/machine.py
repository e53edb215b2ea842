"""The machine that encodes: its device, its number types, its memory and how fast it multiplies."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.nn import functional

from rlm.encoders.presets import Preset

# The shape of the MLP of ViT-L over one window of 16 pictures.
_TOKENS, _HIDDEN, _MLP = 2048, 1024, 4096


def pick_device() -> torch.device:
    """The GPU when torch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_native_half(device: torch.device) -> bool:
    """Whether ``device`` computes bfloat16 itself: emulated, it would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def pick_dtype(device: torch.device, preset: Preset) -> torch.dtype:
    """bfloat16 where it is native: on CPU twice as fast for ViT-L at a pooled cosine of 0.99996."""
    return torch.bfloat16 if preset.half and has_native_half(device) else torch.float32


def device_name(device: torch.device) -> str:
    """What to call ``device`` in a sentence."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on a GPU; ``None`` on a CPU, where nothing runs out by itself."""
    if device.type != "cuda":
        return None
    # What torch holds without using it is not free to the driver, yet free to us.
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held


def matrix_rate(device: torch.device, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """TFLOP/s of a linear layer of the size that ViT-L has, measured for about ``seconds``."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(_TOKENS, _HIDDEN, generator=generator).to(device, dtype)
    weight = torch.randn(_MLP, _HIDDEN, generator=generator).to(device, dtype)

    def run(times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            functional.linear(rows, weight)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - began

    with torch.inference_mode():
        run(2)  # the first call chooses kernels and lays out the weight
        once = run(1)
        times = max(1, int(seconds / max(once, 1e-6)))
        return 2.0 * _TOKENS * _HIDDEN * _MLP * times / run(times) / 1e12
