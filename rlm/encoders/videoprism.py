"""VideoPrism-LvT (Zhao et al. 2024, arXiv:2402.13217) as an ``Encoder`` of windows and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rlm.encoders.embedding import normalise
from rlm.encoders.loading import load_model
from rlm.encoders.pixels import normalised
from rlm.encoders.texts import caption, embed_texts, load_tokenizer, tokenise
from rlm.encoders.torch_encoder import Keep, Rows, TorchEncoder


class VideoPrismEncoder(TorchEncoder):
    """Windows and texts in the space ``videoprism``. See ``Encoder``.

    A window of fewer pictures than the model's 16 is spread over all of them by repetition, picture
    ``i * T // 16`` at place ``i``: so does the published sampling for a short clip, every position
    is one the model was trained at, and windows of all lengths share a batch. Interpolating the
    positions instead would put all of them where none was trained.

    Pictures that are context alone are left out: the pooling head looks at all tokens at once, so
    a vector that has seen them would speak for them too.
    """

    def _load(self) -> None:
        from transformers import VideoPrismClipModel

        # Eager, since the logits are capped, which the fused kernels cannot do.
        model: Any = load_model(self.spec, VideoPrismClipModel, self._dtype, "eager")
        self._model = model.to(self._device)
        self._tokenizer = load_tokenizer(self.spec)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``: as captions, 64 tokens at most.

        Raises ``UsageError`` when there is no text.
        """
        return embed_texts(texts, self._text_features)

    def _text_features(self, texts: Sequence[str]) -> Tensor:
        tokens = tokenise(self._tokenizer, [caption(text) for text in texts])
        output = self._model.get_text_features(
            input_ids=tokens["input_ids"].to(self._device),
            attention_mask=tokens["attention_mask"].to(self._device),
        )
        features: Tensor = output.pooler_output
        return features

    def _length(self, pictures: int) -> int:
        return self.frames

    def _widths(self) -> Mapping[str, int]:
        return {"videoprism": int(self._model.config.vision_config.hidden_size)}

    def _encode(self, windows: Sequence[NDArray[np.uint8]], kept: Sequence[Keep]) -> list[Rows]:
        places = np.arange(self.frames)
        pictures = [
            window[first + places * (last - first) // self.frames]
            for window, (first, last) in zip(windows, kept, strict=True)
        ]
        pixels = normalised(pictures, "videoprism", self._device, self._dtype)
        output = self._model.get_video_features(pixel_values_videos=pixels).pooler_output
        vectors = normalise(output.flatten(1).float().cpu().numpy())  # (B, 1, D) from the model
        return [{"videoprism": vector[None]} for vector in vectors]
