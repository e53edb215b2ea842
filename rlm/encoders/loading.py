"""From a folder of safetensors files to a transformers model, with every tensor accounted for."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from rlm.encoders.presets import EncoderSpec
from rlm.errors import WeightsMissing

if TYPE_CHECKING:
    from transformers import VJEPA2Model

MASK_TOKEN_KEY = "mask_token"
"""The entry of ``config.json`` that says which mask token was trained, 0 or 1."""
AS_RELEASED = "mask_token_as_released"
"""The attribute of a predictor with the mask token as the file has it where transformers looks."""
_USED = 1  # the index at which transformers reads the mask token


def load_model(spec: EncoderSpec, model_class: Any, dtype: torch.dtype, attention: str) -> Any:
    """Load ``spec`` into ``model_class``, ready to run and frozen.

    Raises ``WeightsMissing``, one line, when the files are damaged, lack a tensor or hold one of
    another shape. transformers fills such gaps with random numbers and goes on.
    """
    with quiet():
        try:
            model, report = model_class.from_pretrained(
                spec.folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=dtype,
                attn_implementation=attention,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # so that they are in the report, and refused below
            )
        except Exception as error:
            reason = " ".join(str(error).split())
            raise WeightsMissing(
                f"the weights in {spec.folder} cannot be loaded: {reason}"
            ) from error
    wrong = {
        "lack": sorted(report["missing_keys"]),
        "have another shape of": sorted(name for name, *_ in report["mismatched_keys"]),
    }
    for how, names in wrong.items():
        if names:
            raise WeightsMissing(
                f"the weights in {spec.folder} {how} {len(names)} tensors ({names[0]}, ...): "
                "fetch them again"
            )
    return model.eval().requires_grad_(False)


def load_vjepa2(spec: EncoderSpec, dtype: torch.dtype) -> VJEPA2Model:
    """Load encoder and predictor of a V-JEPA 2, with the mask token that was trained in use.

    ``transformers`` always predicts with ``mask_tokens[1]``. The released checkpoints trained
    ``mask_tokens[0]``: there it is copied over. Which one was trained is told, in this order,

    1. for the presets on the hub: 0;
    2. by the entry ``"mask_token": 0`` or ``1`` in the folder's ``config.json``;
    3. by the tensor itself: tokens that start at zero move away from it only when trained, so 0
       where it alone is not zero; else 1, as transformers trains it (so were the built-in weights).

    What stood there before is kept in the attribute ``AS_RELEASED`` of the predictor: see
    ``predictor_as_released``.

    Raises ``WeightsMissing`` when the weights cannot be loaded, ``mask_token`` is neither 0 nor 1,
    or the model has no token at the index that transformers uses.
    """
    from transformers import VJEPA2Model

    model: VJEPA2Model = load_model(spec, VJEPA2Model, dtype, "sdpa")
    tokens = model.predictor.embeddings.mask_tokens  # [tokens, 1, 1, predictor width]
    if len(tokens) <= _USED:
        raise WeightsMissing(
            f"the predictor in {spec.folder} has {len(tokens)} mask token, transformers uses "
            f"number {_USED}: save it with pred_num_mask_tokens of 2 or more"
        )
    model.predictor.register_buffer(AS_RELEASED, tokens[_USED].clone(), persistent=False)
    trained = _trained_mask_token(spec, tokens)
    if trained != _USED:
        with torch.no_grad():
            tokens[_USED].copy_(tokens[trained])
    if not torch.equal(tokens[_USED], tokens[trained]):
        raise WeightsMissing(f"the mask token in {spec.folder} is not a number: fetch them again")
    return model


def predictor_as_released(predictor: Any) -> Any:
    """A copy of a predictor of ``load_vjepa2`` that predicts with the mask token it came with.

    Meta's anticipation probes were trained on its predictions, though that token never was.
    """
    other = copy.deepcopy(predictor)
    with torch.no_grad():
        other.embeddings.mask_tokens[_USED].copy_(getattr(other, AS_RELEASED))
    return other


def _trained_mask_token(spec: EncoderSpec, tokens: torch.Tensor) -> int:
    if spec.preset.hub_id is not None:
        return 0
    said = json.loads((spec.folder / "config.json").read_text()).get(MASK_TOKEN_KEY)
    if said is not None:
        if said not in (0, _USED) or isinstance(said, bool):
            raise WeightsMissing(
                f"{spec.folder}/config.json: {MASK_TOKEN_KEY} is 0 or 1, not {said!r}"
            )
        return int(said)
    first, used = (bool(tokens[index].any()) for index in (0, _USED))
    return 0 if first and not used else _USED


@contextmanager
def quiet() -> Iterator[None]:
    """transformers without its bar and its remarks: what matters of them is in the report."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
