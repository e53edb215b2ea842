"""V-JEPA 2 (Assran et al. 2025, arXiv:2506.09985) as an ``Encoder``.

Features come from the encoder alone; the predictor, which reads them, foretells tubelets. Pooling
is the mean over tokens after a layer norm without affine terms, which is the space the model's own
targets live in (section 2 of the paper).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rlm.encoders.captioner import Captioner
from rlm.encoders.embedding import normalise
from rlm.encoders.heads import JointHeads
from rlm.encoders.loading import load_vjepa2, predictor_as_released
from rlm.encoders.objects import Objects, Sight
from rlm.encoders.pixels import check_window, normalised
from rlm.encoders.presets import CAPTIONER_FILE, HEADS_FILE, MAX_FRAMES
from rlm.encoders.probes import Probe, load_probes
from rlm.encoders.published import load_head, tasks_of
from rlm.encoders.rotary import quicken
from rlm.encoders.texts import embed_texts
from rlm.encoders.torch_encoder import Keep, Rows, TorchEncoder
from rlm.errors import UsageError

Tokens = NDArray[np.float32]


class VJepaEncoder(TorchEncoder):
    """A V-JEPA 2 encoder with, where the weights bring them, what reads it. See ``Encoder``.

    That is a text side, an object head, probes and a captioner; the built-in weights have all.
    A window of T pictures, 1 to 64, becomes ceil(T / 2) tubelets of G x G tokens. Where T does not
    fill the last tubelet, the last picture is repeated, since the model would drop it unseen.
    """

    def _load(self) -> None:
        model: Any = load_vjepa2(self.spec, self._dtype)
        self._encoder = model.encoder.to(self._device)
        quicken(self._encoder)
        self._predictor = model.predictor.to(self._device)
        self.reach = model.config.frames_per_clip // self.tubelet
        self._grid = model.config.crop_size // model.config.patch_size
        self._hidden = int(model.config.hidden_size)
        self._heads: JointHeads | None = None
        self._objects: Objects | None = None
        self._probes: Mapping[str, Probe] = {}
        folder = self.spec.folder
        if (folder / HEADS_FILE).is_file():
            self._heads = JointHeads.load(folder).to(self._device)
            self._objects = Objects.load(folder, self._device)
            self._probes = load_probes(folder, self._device)
        # What is large is loaded when somebody asks for it, once for all who share this.
        self._captioner = cache(partial(_load_captioner, folder, self._device))
        self._published = cache(partial(load_head, folder, self._device))
        self._foreteller = cache(partial(predictor_as_released, self._predictor))
        self.tasks = tasks_of(self.spec)

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

    def features(self, windows: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The layer-normed tokens float32[tubelets, G * G, D] of each window, all seen together.

        Raises ``UsageError`` as ``encode`` does.
        """
        self._check(windows, None)

        def forward(batch: Sequence[int]) -> list[NDArray[np.float32]]:
            return list(self._features(windows, batch).cpu().numpy())

        return self._by_length(windows, forward)

    def predict(
        self, contexts: Sequence[NDArray[np.uint8]], ahead: int
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """What each context uint8[T, crop, crop, 3] shows, and what follows it.

        Both in the layer-norm space of ``features``: float32[tubelets, G * G, D] of the context,
        float32[ahead, G * G, D] of the next ``ahead`` tubelets, predicted together. The contexts
        alone are encoded: masking after the whole clip was encoded, as the model's
        own ``forward`` does, would let the future leak into them.

        Raises ``UsageError`` when a context does not fill its last tubelet, or context and future
        together are more than the ``reach`` tubelets that the predictor was trained on; positions
        past them raise nothing in the model and mean nothing. Else as ``encode`` does.
        """
        self._check(contexts, None)
        for context in contexts:
            tubelets = self._length(len(context))
            if len(context) % self.tubelet:
                raise UsageError(
                    f"a context is of whole tubelets ({self.tubelet} pictures), not of "
                    f"{len(context)} pictures"
                )
            if not 1 <= ahead <= self.reach - tubelets:
                raise UsageError(
                    f"{tubelets} tubelets and {ahead} ahead are out of the range of preset "
                    f"{self.preset}: 1 to {self.reach - 1} ahead, {self.reach} with the context"
                )

        def forward(batch: Sequence[int]) -> list[tuple[Tokens, Tokens]]:
            tokens = self._tokens([contexts[number] for number in batch])
            rows, tubelets, grid, hidden = tokens.shape
            ids = torch.arange((tubelets + ahead) * grid, device=self._device).expand(rows, -1)
            here, there = ids[:, : tubelets * grid], ids[:, tubelets * grid :]
            foretold = self._predictor(tokens.flatten(1, 2), [here], [there]).last_hidden_state
            expected = foretold.float().view(rows, ahead, grid, hidden)
            seen = functional.layer_norm(tokens.float(), (hidden,))
            return list(zip(seen.cpu().numpy(), expected.cpu().numpy(), strict=True))

        return self._by_length(contexts, forward)

    def pool(self, maps: Sequence[Tokens]) -> Rows:
        """The vectors of ``tracks`` for token maps, float32[R, D] a track, as ``encode`` gives.

        Maps are float32[tubelets, G * G, D], as ``features`` gives of what was seen and ``predict``
        of what is expected; both live in the same layer-norm space, so what reads one reads the
        other.

        Raises ``UsageError`` for a map of another shape.
        """
        for tokens in maps:
            if tokens.ndim != 3 or tokens.shape[1:] != (self._grid**2, self._hidden):
                raise UsageError(
                    f"a token map of preset {self.preset} is [tubelets, {self._grid**2}, "
                    f"{self._hidden}], not {list(tokens.shape)}"
                )
        with torch.inference_mode():
            rows = [
                self._rows(torch.from_numpy(tokens)[None].to(self._device), [(0, len(tokens))])[0]
                for tokens in maps
            ]
        return {track: np.concatenate([row[track] for row in rows]) for track in self.tracks}

    def detect(
        self, windows: Sequence[NDArray[np.uint8]], keep: Sequence[Keep] | None = None
    ) -> list[list[list[Sight]]]:
        """The things in each tubelet of each window uint8[T, crop, crop, 3].

        With ``keep`` only the tubelets of the pictures [first, last) of each window; the others
        are context.

        Raises ``UsageError`` when these weights have no object head, and as ``encode`` does.
        """
        if self._objects is None:
            raise self._lacks("object head")
        objects, kept = self._objects, self._check(windows, keep)

        def forward(batch: Sequence[int]) -> list[list[list[Sight]]]:
            return objects.sights(self._features(windows, batch))

        found = self._by_length(windows, forward)
        return [
            tubelets[first // self.tubelet : self._length(last)]
            for tubelets, (first, last) in zip(found, kept, strict=True)
        ]

    def classify(
        self, windows: Sequence[NDArray[np.uint8]], task: str | Probe
    ) -> list[dict[str, float]]:
        """For each window the probability of each class of ``task``: ``{"red": 0.97, ...}``.

        ``task`` is one of ``tasks``, or a probe of these weights: the built-in ones have
        ``motion``, ``event``, ``colour`` and ``shape``, each about the largest thing. With a probe
        that reads the future, it is about what follows ``Probe.ahead`` seconds after the window.

        Raises ``UsageError`` when these weights have no such probe, when the future of one is
        beyond ``reach``, ``WeightsMissing`` when theirs is damaged, and as ``encode`` does.
        """
        self._check(windows, None)
        probe = task if isinstance(task, Probe) else self._own_probe(task)

        def forward(batch: Sequence[int]) -> list[dict[str, float]]:
            if probe.reads == "normed":
                return probe.classify(self._features(windows, batch).flatten(1, 2))
            tokens = self._tokens([windows[number] for number in batch])
            if probe.reads == "future":
                return probe.classify(self._with_future(tokens, probe.ahead).float())
            return probe.classify(tokens.flatten(1, 2).float())

        return self._by_length(windows, forward)

    def caption(self, windows: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """For each window a sentence about it and a score; see ``Captioner.captions``.

        Raises ``UsageError`` when these weights have no captioner, ``WeightsMissing`` when it is
        damaged, and as ``encode`` does.
        """
        self._check(windows, None)
        captioner = self._captioner()
        if captioner is None:
            raise self._lacks("captioner")

        def forward(batch: Sequence[int]) -> list[tuple[str, float]]:
            return captioner.captions(self._features(windows, batch).flatten(1, 2))

        return self._by_length(windows, forward)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode N texts into float32[N, D] in ``text_space``.

        Raises ``UsageError`` when these weights have no text side.
        """
        if self._heads is None:
            raise UsageError(
                f"preset {self.preset} has no text side: search by example, or use the builtin one"
            )
        return embed_texts(texts, self._heads.text)

    def _own_probe(self, task: str) -> Probe:
        if not self.tasks:
            raise self._lacks("probes")
        if task not in self.tasks:
            raise UsageError(f"no probe is for {task!r}: there are {', '.join(self.tasks)}")
        return self._probes[task] if task in self._probes else self._published()

    def _with_future(self, tokens: Tensor, ahead: float) -> Tensor:
        """Tokens [B, tubelets, G * G, D], then the one tubelet ``ahead`` seconds after them.

        It is foretold by itself, as in the training of Meta's anticipation probes: [B, N, D].
        """
        rows, tubelets, grid, _ = tokens.shape
        skipped = int(ahead * self.fps / self.tubelet)
        if tubelets + skipped >= self.reach:
            raise UsageError(
                f"what follows {ahead:g} s after {tubelets} tubelets is out of the range of preset "
                f"{self.preset}, whose predictor was trained on {self.reach}"
            )
        ids = torch.arange((tubelets + skipped + 1) * grid, device=self._device).expand(rows, -1)
        context = tokens.flatten(1, 2)
        here, there = ids[:, : tubelets * grid], ids[:, -grid:]
        foretold = self._foreteller()(context, [here], [there]).last_hidden_state
        return torch.cat([context, foretold], dim=1)

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
        ranges = [(first // self.tubelet, self._length(last)) for first, last in kept]
        return self._rows(self._normed(windows), ranges)

    def _rows(self, tokens: Tensor, ranges: list[tuple[int, int]]) -> list[Rows]:
        """The vectors of the tubelets in ``ranges`` of ``tokens`` [B, tubelets, G * G, D]."""
        # All tubelets have as many tokens, so means of means are means.
        moments = tokens.mean(dim=2).cpu().numpy()  # [B, tubelets, D]
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

    def _features(self, windows: Sequence[NDArray[np.uint8]], batch: Sequence[int]) -> Tensor:
        """What the heads read of the windows whose numbers are in ``batch``."""
        return self._normed([windows[number] for number in batch])

    def _normed(self, windows: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Layer-normed tokens [B, tubelets, G * G, D] of windows with as many tubelets."""
        tokens = self._tokens(windows).float()
        return functional.layer_norm(tokens, (tokens.size(-1),))

    def _tokens(self, windows: Sequence[NDArray[np.uint8]]) -> Tensor:
        """The last hidden state [B, tubelets, G * G, D] of windows with as many tubelets."""
        pictures = [self._fill_tubelet(window) for window in windows]
        pixels = normalised(pictures, "vjepa2", self._device, self._dtype)
        tokens: Tensor = self._encoder(pixel_values_videos=pixels).last_hidden_state
        return tokens.view(len(windows), -1, self._grid**2, self._hidden)

    def _fill_tubelet(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        missing = -len(window) % self.tubelet
        return np.concatenate([window, *[window[-1:]] * missing]) if missing else window


def _load_captioner(folder: Path, device: torch.device) -> Captioner | None:
    if not (folder / CAPTIONER_FILE).is_file():
        return None
    return Captioner.load(folder).to(device)
