"""V-JEPA 2 (Assran et al. 2025, arXiv:2506.09985) as an ``Encoder``.

Only the encoder half of the model is kept: features come from the encoder, and the predictor has
no part in them. Pooling is the mean over tokens after a layer norm without affine terms, which is
the space the model's own targets live in (section 2 of the paper).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlm.encoders.embedding import normalise
from rlm.encoders.heads import JointHeads
from rlm.encoders.loading import load_vjepa2
from rlm.encoders.pixels import check_window, normalised
from rlm.encoders.presets import HEADS_FILE, MAX_FRAMES
from rlm.encoders.texts import embed_texts
from rlm.encoders.torch_encoder import Keep, Rows, TorchEncoder
from rlm.errors import UsageError


class VJepaEncoder(TorchEncoder):
    """A V-JEPA 2 encoder with, where the weights bring one, a text side. See ``Encoder``.

    A window of T pictures, 1 to 64, becomes ceil(T / 2) tubelets of G x G tokens. Where T does not
    fill the last tubelet, the last picture is repeated, since the model would drop it unseen.
    """

    def _load(self) -> None:
        model: Any = load_vjepa2(self.spec, self._dtype)
        self._encoder = model.encoder.to(self._device)
        self._grid = model.config.crop_size // model.config.patch_size
        self._hidden = int(model.config.hidden_size)
        with_heads = (self.spec.folder / HEADS_FILE).is_file()
        self._heads = JointHeads.load(self.spec.folder).to(self._device) if with_heads else None

    def encode_tokens(self, window: NDArray[np.uint8]) -> NDArray[np.float16]:
        """The last hidden state of one window uint8[T, crop, crop, 3], as the encoder leaves it.

        float16[ceil(T / 2), G, G, D]: a row of G x G tokens for each tubelet, not normalised.

        Raises ``UsageError`` for a window of another shape.
        """
        check_window(window, self.spec, self._most)

        def forward(batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float16]]:
            tokens = self._tokens(batch).to(torch.float16).cpu().numpy()
            return list(tokens.reshape(*tokens.shape[:2], self._grid, self._grid, -1))

        with torch.inference_mode():
            (tokens,) = self._batcher.run([window], forward)
        return tokens

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``.

        Raises ``UsageError`` when these weights have no text side.
        """
        if self._heads is None:
            raise UsageError(
                f"preset {self.preset} has no text side: search by example, or use the builtin one"
            )
        return embed_texts(texts, self._heads.text)

    @property
    def _most(self) -> int:
        return MAX_FRAMES

    def _length(self, pictures: int) -> int:
        return -(-pictures // self.tubelet)

    def _widths(self) -> Mapping[str, int]:
        joint = {"joint": self._heads.out} if self._heads is not None else {}
        widths = {"vjepa": self._hidden, **joint, "moments": self._hidden}
        return {track: widths[track] for track in self.tracks}

    def _encode(self, windows: Sequence[NDArray[np.uint8]], kept: Sequence[Keep]) -> list[Rows]:
        tokens = self._tokens(windows).float()  # [B, tubelets, G * G, D]
        tokens = functional.layer_norm(tokens, (tokens.size(-1),))
        # All tubelets have as many tokens, so means of means are means.
        moments = tokens.mean(dim=2).cpu().numpy()  # [B, tubelets, D]
        ranges = [(first // self.tubelet, self._length(last)) for first, last in kept]
        pooled = self._pool(tokens, ranges) if self._heads is not None else None
        rows: list[Rows] = []
        for number, (first, last) in enumerate(ranges):
            speaking = moments[number, first:last]
            row = {"vjepa": normalise(speaking.mean(axis=0, keepdims=True))}
            if pooled is not None:
                row["joint"] = pooled[number : number + 1]
            if "moments" in self.tracks:
                row["moments"] = normalise(speaking)
            rows.append(row)
        return rows

    def _pool(self, tokens: Tensor, ranges: list[tuple[int, int]]) -> NDArray[np.float32]:
        """The joint vectors float32[B, out] of the tubelets in ``ranges``."""
        assert self._heads is not None
        if len(set(ranges)) == 1:
            first, last = ranges[0]
            pooled: Tensor = self._heads.pool(tokens[:, first:last].flatten(1, 2))
        else:
            parts = [
                self._heads.pool(tokens[number : number + 1, first:last].flatten(1, 2))
                for number, (first, last) in enumerate(ranges)
            ]
            pooled = torch.cat(parts)
        return normalise(pooled.cpu().numpy())

    def _tokens(self, windows: Sequence[NDArray[np.uint8]]) -> Tensor:
        """The last hidden state [B, tubelets, G * G, D] of windows with as many tubelets."""
        pictures = np.stack([self._fill_tubelet(window) for window in windows])
        pixels = normalised(pictures, "vjepa2", self._device, self._dtype)
        tokens: Tensor = self._encoder(pixel_values_videos=pixels).last_hidden_state
        return tokens.view(len(windows), -1, self._grid**2, self._hidden)

    def _fill_tubelet(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        missing = -len(window) % self.tubelet
        return np.concatenate([window, np.repeat(window[-1:], missing, axis=0)])
