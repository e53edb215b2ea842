"""From decoded pictures to what a model was trained on.

This repeats the arithmetic of the published evaluation transforms (resize, centre crop, mean and
deviation) without the transformers processors, which would need torchvision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlm.encoders.folder import STATISTICS
from rlm.encoders.presets import EncoderSpec, Kind
from rlm.errors import UsageError

# Full-size pictures are floated a few at a time: 16 of 1080p would be 400 MB.
_PICTURES_AT_A_TIME = 8


def prepare(rgb: NDArray[np.uint8], spec: EncoderSpec) -> NDArray[np.uint8]:
    """Bring pictures uint8[T, H, W, 3] to uint8[T, crop, crop, 3] as the preset wants them.

    Antialiased bilinear, then the centre for ``resize="crop"``. Pictures already of the size that
    ``spec.frame_size`` asks of a decoder are not resized again.

    Raises ``UsageError`` for arrays of another kind or shape.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 4 or rgb.shape[-1] != 3 or 0 in rgb.shape:
        raise UsageError(f"pictures are uint8[T, H, W, 3], not {rgb.dtype}{list(rgb.shape)}")
    crop = spec.preset.crop
    height, width = rgb.shape[1:3]
    target = _target(height, width, spec.frame_size)
    if (height, width) != target:
        chunks = range(0, len(rgb), _PICTURES_AT_A_TIME)
        rgb = np.concatenate([_resize(rgb[i : i + _PICTURES_AT_A_TIME], target) for i in chunks])
    top, left = (target[0] - crop) // 2, (target[1] - crop) // 2
    return np.ascontiguousarray(rgb[:, top : top + crop, left : left + crop])


def check_window(window: NDArray[np.uint8], spec: EncoderSpec, most: int) -> None:
    """Raise ``UsageError`` unless ``window`` is uint8[T, crop, crop, 3], T from 1 to ``most``."""
    crop = spec.preset.crop
    if window.dtype != np.uint8 or window.ndim != 4 or window.shape[1:] != (crop, crop, 3):
        raise UsageError(
            f"preset {spec.preset.name} takes windows uint8[T, {crop}, {crop}, 3], not "
            f"{window.dtype}{list(window.shape)}: call prepare first"
        )
    if not 1 <= len(window) <= most:
        raise UsageError(f"a window holds 1 to {most} pictures, not {len(window)}")


def normalised(
    windows: Sequence[NDArray[np.uint8]], kind: Kind, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """B windows uint8[T, S, S, 3] to [B, T, 3, S, S] on ``device``, as models of ``kind`` want."""
    # To a GPU go a quarter of the bytes of float32, copied once, to memory it reads directly.
    shape = (len(windows), *windows[0].shape)
    raw = torch.empty(shape, dtype=torch.uint8, pin_memory=device.type == "cuda")
    np.stack(windows, out=raw.numpy())
    pixels = raw.to(device, non_blocking=True).permute(0, 1, 4, 2, 3).float().div_(255)
    mean, std = (pixels.new_tensor(values).view(3, 1, 1) for values in STATISTICS[kind])
    return pixels.sub_(mean).div_(std).to(dtype)


def _target(height: int, width: int, frame_size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) after resizing."""
    if isinstance(frame_size, tuple):
        return frame_size[1], frame_size[0]
    if min(height, width) == frame_size:
        return height, width
    scale = frame_size / min(height, width)
    return max(frame_size, round(height * scale)), max(frame_size, round(width * scale))


def _resize(rgb: NDArray[np.uint8], target: tuple[int, int]) -> NDArray[np.uint8]:
    pixels = torch.from_numpy(np.ascontiguousarray(rgb)).permute(0, 3, 1, 2).float()
    resized = functional.interpolate(
        pixels, size=target, mode="bilinear", align_corners=False, antialias=True
    )
    rounded: NDArray[np.uint8] = (
        resized.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    )
    return rounded
