"""V-JEPA 2 (Assran et al. 2025, arXiv:2506.09985) as an ``Encoder``.

Only the encoder half of the model is kept: features come from the encoder, and the predictor has
no part in them. Pooling is the mean over tokens after a layer norm without affine terms, which is
the space the model's own targets live in (section 2 of the paper).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlm.encoders.embedding import normalise
from rlm.encoders.heads import JointHeads
from rlm.encoders.pixels import normalised, prepare
from rlm.encoders.presets import EncoderSpec
from rlm.errors import UsageError, WeightsMissing

MAX_FRAMES = 64
"""Training covers tubelets 0 to 31; positions past them raise nothing and mean nothing."""


class VJepaEncoder:
    """A V-JEPA 2 encoder with, where the weights bring one, a text side. See ``Encoder``."""

    def __init__(self, spec: EncoderSpec) -> None:
        self.spec = spec
        self.preset = spec.preset.name
        self.revision = spec.revision
        self.frames = spec.preset.frames
        self.fps = spec.preset.fps
        self.crop = spec.preset.crop
        self.tracks: Mapping[str, str] = spec.tracks
        self.text_space = spec.text_space
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = _dtype(self._device, allow_half=spec.preset.half)
        model = _load(spec, self._dtype).to(self._device)
        self._encoder = model.encoder
        self._tubelet: int = model.config.tubelet_size
        self._heads = (
            JointHeads.load(spec.folder).to(self._device) if self.text_space is not None else None
        )

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring uint8[T, H, W, 3] of any size to uint8[T, crop, crop, 3].

        Raises ``UsageError`` for arrays of another kind or shape.
        """
        return prepare(rgb, self.spec)

    def encode(self, windows: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Encode B prepared windows, each uint8[T, crop, crop, 3], into float32[B, D] a track.

        T is 1 to 64 and may differ; windows of one length go through the model together. Where T
        does not fill the last tubelet, the last picture is repeated, since the model would drop
        the rest unseen.

        Raises ``UsageError`` when a window has another shape.
        """
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for position, window in enumerate(windows):
            self._check(window)
            groups[len(window)].append(position)
        rows: dict[str, list[NDArray[np.float32]]] = {
            track: [np.empty(0, np.float32)] * len(windows) for track in self.tracks
        }
        for positions in groups.values():
            for batch in _batches(positions, self.spec.preset.batch):
                pictures = np.stack([self._fill_tubelet(windows[i]) for i in batch])
                for track, vectors in self._encode_batch(pictures).items():
                    for position, vector in zip(batch, vectors, strict=True):
                        rows[track][position] = vector
        return {
            track: np.stack(vectors) if vectors else np.empty((0, 0), np.float32)
            for track, vectors in rows.items()
        }

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``.

        Raises ``UsageError`` when these weights have no text side.
        """
        if self._heads is None:
            raise UsageError(
                f"preset {self.preset} has no text side: search by example, or use the builtin one"
            )
        if not texts:
            raise UsageError("no text to encode: give at least one")
        with torch.inference_mode():
            vectors: Tensor = self._heads.text(texts)
        return normalise(vectors.cpu().numpy())

    def _check(self, window: NDArray[np.uint8]) -> None:
        shape = (self.crop, self.crop, 3)
        if window.dtype != np.uint8 or window.ndim != 4 or window.shape[1:] != shape:
            raise UsageError(
                f"preset {self.preset} takes windows uint8[T, {self.crop}, {self.crop}, 3], not "
                f"{window.dtype}{list(window.shape)}: call prepare first"
            )
        if not 1 <= len(window) <= MAX_FRAMES:
            raise UsageError(f"a window holds 1 to {MAX_FRAMES} pictures, not {len(window)}")

    def _fill_tubelet(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        missing = -len(window) % self._tubelet
        return np.concatenate([window, np.repeat(window[-1:], missing, axis=0)])

    @torch.inference_mode()
    def _encode_batch(self, pictures: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        pixels = normalised(pictures, self._device, self._dtype)
        tokens: Tensor = self._encoder(pixel_values_videos=pixels).last_hidden_state.float()
        tokens = functional.layer_norm(tokens, (tokens.size(-1),))  # [B, N, hidden]
        vectors = {"vjepa": normalise(tokens.mean(dim=1).cpu().numpy())}
        if self._heads is not None:
            vectors["joint"] = normalise(self._heads.pool(tokens).cpu().numpy())
        return vectors


def _batches(positions: list[int], size: int) -> Iterator[list[int]]:
    return (positions[i : i + size] for i in range(0, len(positions), size))


def _dtype(device: torch.device, *, allow_half: bool) -> torch.dtype:
    """bfloat16 where it is native: on CPU twice as fast for ViT-L at a pooled cosine of 0.99996."""
    native = False
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        native = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.bfloat16 if allow_half and native else torch.float32


def _load(spec: EncoderSpec, dtype: torch.dtype) -> Any:
    """The whole ``VJEPA2Model``, every tensor of it read from the folder's safetensors files."""
    from transformers import VJEPA2Model
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, report = VJEPA2Model.from_pretrained(
            spec.folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except Exception as error:
        reason = " ".join(str(error).split())
        raise WeightsMissing(f"the weights in {spec.folder} cannot be loaded: {reason}") from error
    finally:
        if shown:
            logging.enable_progress_bar()
    # transformers fills what a file lacks with random numbers and goes on.
    lacking = [*report["missing_keys"], *report["mismatched_keys"]]
    if lacking:
        raise WeightsMissing(
            f"the weights in {spec.folder} lack {len(lacking)} tensors ({lacking[0]}, ...): "
            "fetch them again"
        )
    return model.eval().requires_grad_(False)
