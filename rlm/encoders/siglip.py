"""SigLIP 2 (Tschannen et al. 2025, arXiv:2502.14786) as an ``Encoder`` of single pictures.

The checkpoints of one resolution are of transformers' ``SiglipModel``, those of a flexible number
of patches of ``Siglip2Model``; both are read, the second with a square of patches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlm.encoders.embedding import normalise
from rlm.encoders.loading import load_model
from rlm.encoders.pixels import normalised
from rlm.encoders.texts import embed_texts, load_tokenizer, lower_case, tokenise
from rlm.encoders.torch_encoder import Keep, Rows, TorchEncoder


class SiglipEncoder(TorchEncoder):
    """Pictures and texts in the space ``siglip2``. See ``Encoder``; a window is one picture."""

    def _load(self) -> None:
        from transformers import Siglip2Model, SiglipModel

        config = json.loads((self.spec.folder / "config.json").read_text())
        self._flexible = config["model_type"] == "siglip2"
        model_class = Siglip2Model if self._flexible else SiglipModel
        model: Any = load_model(self.spec, model_class, self._dtype, "sdpa")
        self._model = model.to(self._device)
        self._patch = int(model.config.vision_config.patch_size)
        self._tokenizer = load_tokenizer(self.spec)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``: lower case, 64 tokens at most.

        Raises ``UsageError`` when there is no text.
        """
        return embed_texts(texts, self._text_features)

    def _text_features(self, texts: Sequence[str]) -> Tensor:
        tokens = tokenise(self._tokenizer, [lower_case(text) for text in texts])
        # The text tower was trained without a mask: it reads the padding too.
        output = self._model.get_text_features(input_ids=tokens["input_ids"].to(self._device))
        features: Tensor = output.pooler_output
        return features

    def _widths(self) -> Mapping[str, int]:
        return {"siglip2": int(self._model.config.vision_config.hidden_size)}

    def _encode(self, windows: Sequence[NDArray[np.uint8]], kept: Sequence[Keep]) -> list[Rows]:
        pixels = normalised(windows, "siglip2", self._device, self._dtype)[:, 0]
        if self._flexible:
            output = self._model.get_image_features(**self._patches(pixels))
        else:
            output = self._model.get_image_features(pixel_values=pixels)
        vectors = normalise(output.pooler_output.float().cpu().numpy())
        return [{"siglip2": vector[None]} for vector in vectors]

    def _patches(self, pixels: Tensor) -> dict[str, Tensor]:
        """[B, 3, S, S] as the rows of patches that ``Siglip2Model`` reads, channels last."""
        rows = pixels.unfold(2, self._patch, self._patch).unfold(3, self._patch, self._patch)
        side = rows.size(2)
        flat = rows.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)  # [B, side**2, patch**2 * 3]
        shapes = torch.full((len(pixels), 2), side, dtype=torch.long)
        mask = torch.ones(flat.shape[:2], dtype=torch.long, device=self._device)
        return {"pixel_values": flat, "pixel_attention_mask": mask, "spatial_shapes": shapes}
