"""The text side of SigLIP 2 and VideoPrism: tokenizers from the folder of the weights."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlm.encoders.embedding import normalise
from rlm.encoders.presets import EncoderSpec
from rlm.errors import UsageError, WeightsMissing

MAX_TOKENS = 64
"""What both were trained with; shorter texts are padded to it, longer ones cut."""
_AT_A_TIME = 64
_TO_SPACES = str.maketrans(string.punctuation, " " * len(string.punctuation))


def lower_case(text: str) -> str:
    """``text`` as SigLIP 2 was trained to read it: lower case, one space between words."""
    return " ".join(text.lower().split())


def caption(text: str) -> str:
    """``text`` as VideoPrism was trained to read it.

    Lower-case words without punctuation, and a full stop at the end: ``"A dog, running!"`` is
    ``"a dog running."``.
    """
    return " ".join(text.translate(_TO_SPACES).lower().split()) + "."


def load_tokenizer(spec: EncoderSpec) -> Any:
    """The tokenizer that lies beside the weights.

    Raises ``WeightsMissing`` when it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            spec.folder,
            local_files_only=True,
            trust_remote_code=False,  # or it would ask on the terminal whether to run code
        )
    except Exception as error:
        reason = " ".join(str(error).split())
        raise WeightsMissing(
            f"the tokenizer in {spec.folder} cannot be loaded: {reason}"
        ) from error
    if tokenizer.pad_token_id is None:
        raise WeightsMissing(f"the tokenizer in {spec.folder} has no padding token: fetch it again")
    # Both were trained with padding at the end; the tokenizer classes differ in their default.
    tokenizer.padding_side = "right"
    return tokenizer


def tokenise(tokenizer: Any, texts: Sequence[str]) -> Any:
    """N texts to ``input_ids`` and ``attention_mask``, int64[N, 64] each."""
    return tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=MAX_TOKENS,
        return_attention_mask=True,
        return_tensors="pt",
    )


def embed_texts(
    texts: Sequence[str], features: Callable[[Sequence[str]], Tensor]
) -> NDArray[np.float32]:
    """``features`` [n, D] of all ``texts``, some at a time, as L2-normalised float32[N, D].

    Raises ``UsageError`` when there is no text.
    """
    if not texts:
        raise UsageError("no text to encode: give at least one")
    with torch.inference_mode():
        starts = range(0, len(texts), _AT_A_TIME)
        parts = [features(texts[start : start + _AT_A_TIME]).float().cpu() for start in starts]
    return normalise(torch.cat(parts).numpy())
