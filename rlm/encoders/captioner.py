"""A captioner in the LLaVA form (Liu et al. 2023): feature map, MLP projector, causal decoder.

Layer-normed V-JEPA tokens are projected to the width of the decoder's word embeddings and stand
before the words; the decoder goes on from there. It is used through ``inputs_embeds`` alone, so
that any causal language model of transformers can stand in its place. The one in the built-in
weights is a Llama of three layers with a few words of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.heads import usable
from rlm.encoders.presets import CAPTIONER_FILE, WORDS_FILE

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_WORDS = 64
"""Longer captions are cut off."""
_IGNORED = -100
_WORD = re.compile(r"\w+|[^\w\s]")


class Tokenizer(Protocol):
    """What the captioner asks of one; those of transformers are like this."""

    @property
    def eos_token_id(self) -> int:
        """The number that ends a text."""
        ...

    def encode(self, text: str) -> list[int]:
        """A text to numbers, without the one that ends it."""
        ...

    def decode(self, ids: list[int]) -> str:
        """And back."""
        ...


class Words:
    """A word-level tokenizer: number 0 ends a text, then come the words, punctuation among them."""

    eos_token_id = 0

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._numbers = {word: number for number, word in enumerate(words, 1)}

    def __len__(self) -> int:
        return len(self.words) + 1

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """The words of ``texts``, in order of the alphabet."""
        return cls(sorted({word for text in texts for word in _WORD.findall(text)}))

    def encode(self, text: str) -> list[int]:
        """``"a ring, a box"`` to the numbers of ``a``, ``ring``, ``,``, ``a``, ``box``.

        Raises ``KeyError`` for a word there is not.
        """
        return [self._numbers[word] for word in _WORD.findall(text)]

    def decode(self, ids: list[int]) -> str:
        """The text of ``ids``: spaces between words, none before punctuation."""
        text = " ".join(self.words[number - 1] for number in ids if number)
        return re.sub(r" (?=[^\w\s])", "", text)


class Captioner(nn.Module):
    """Projector and decoder: ``hidden`` is the width of tokens, ``decoder`` any causal model."""

    def __init__(self, hidden: int, decoder: PreTrainedModel, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.hidden = hidden
        self.tokenizer = tokenizer
        self.decoder: Any = decoder
        width = self._words.embedding_dim
        self.projector = nn.Sequential(nn.Linear(hidden, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, tokens: Tensor, ids: Tensor) -> Tensor:
        """The loss of captions: mean cross-entropy of a word.

        ``tokens`` [B, N, hidden] are layer-normed, ``ids`` int64[B, L] come from :meth:`targets`.
        """
        seen = [self._prefix(tokens), self._words(ids.clamp_min(0)[:, :-1])]
        logits = self.decoder(inputs_embeds=torch.cat(seen, dim=1)).logits
        # The last token of the video foretells the first word, each word the next one.
        logits = logits[:, tokens.size(1) - 1 :].float()
        return functional.cross_entropy(logits.flatten(0, 1), ids.flatten(), ignore_index=_IGNORED)

    def targets(self, texts: Sequence[str]) -> Tensor:
        """What :meth:`forward` is to say, int64[B, L]; shorter texts are filled up."""
        rows = [[*self.tokenizer.encode(text), self.tokenizer.eos_token_id] for text in texts]
        return nn.utils.rnn.pad_sequence(
            [torch.tensor(row) for row in rows], batch_first=True, padding_value=_IGNORED
        )

    @torch.no_grad()
    def captions(self, tokens: Tensor) -> list[tuple[str, float]]:
        """A caption of each of B clips, with a score: layer-normed ``tokens`` [B, N, hidden].

        Each word is the likeliest one, up to 64 of them; the score, in [0, 1], is the geometric
        mean of their probabilities.
        """
        if not len(tokens):
            return []
        end = self.tokenizer.eos_token_id
        seen, past = self._prefix(tokens), None
        going = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
        chances, words = [], []
        for _ in range(MOST_WORDS):
            out = self.decoder(inputs_embeds=seen, past_key_values=past, use_cache=True)
            past = out.past_key_values
            chance, word = out.logits[:, -1].float().log_softmax(-1).max(-1)
            chances.append(chance.masked_fill(~going, torch.nan))
            words.append(word.masked_fill(~going, end))
            going &= word != end
            if not going.any():
                break
            seen = self._words(word)[:, None]
        scores = torch.stack(chances, dim=1).nanmean(1).exp().tolist()
        rows = [[*row, end] for row in torch.stack(words, dim=1).tolist()]
        texts = [self.tokenizer.decode(row[: row.index(end)]) for row in rows]
        return list(zip(texts, scores, strict=True))

    @property
    def _words(self) -> nn.Embedding:
        words: nn.Embedding = self.decoder.get_input_embeddings()
        return words

    def _prefix(self, tokens: Tensor) -> Tensor:
        """What stands before the words, [B, N, width]."""
        projected: Tensor = self.projector(tokens.to(next(self.projector.parameters()).dtype))
        return projected.to(self._words.weight.dtype)

    def save(self, folder: Path) -> None:
        """Write ``captioner.json`` (sizes, words) and ``captioner.safetensors`` (float16).

        Raises ``TypeError`` where the tokenizer is no :class:`Words`.
        """
        if not isinstance(self.tokenizer, Words):
            raise TypeError("only a captioner that has words of its own can be saved")
        decoder = self.decoder.config.to_diff_dict()
        told = {"hidden": self.hidden, "decoder": decoder, "words": self.tokenizer.words}
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(told, indent=1) + "\n"
        (folder / WORDS_FILE).write_text(text, encoding="utf-8")
        save_model(deepcopy(self).half(), str(folder / CAPTIONER_FILE))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises ``WeightsMissing`` when either file is damaged or they do not fit each other.
        """
        from transformers import AutoConfig, AutoModelForCausalLM

        with usable("captioner", folder):
            told = json.loads((folder / WORDS_FILE).read_text(encoding="utf-8"))
            config = AutoConfig.for_model(**told["decoder"])
            decoder = AutoModelForCausalLM.from_config(config)
            captioner = cls(told["hidden"], decoder, Words(told["words"]))
            load_model(captioner, folder / CAPTIONER_FILE)
        return captioner.eval().requires_grad_(False)
