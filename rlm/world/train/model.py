"""All that is trained: a V-JEPA 2 of transformers, and the heads that teach its encoder to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.heads import JointHeads
from rlm.encoders.objects import ObjectHead
from rlm.encoders.rotary import quicken
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES
from rlm.world.train.clips import MOST, SIDE, TUBELET

PAIRS = len(COLOURS) * len(SHAPES)
TASKS: Mapping[str, tuple[str, ...]] = {
    "motion": MOTIONS,
    "colour": COLOURS,
    "shape": SHAPES,
    "event": EVENTS,
}
"""What is to be told of the largest thing of a clip, each with its classes."""
WHOLE_CLIP = (*map(len, TASKS.values()), PAIRS, MOST, len(EVENTS))
"""Columns about the whole clip: those of ``TASKS``; which pairs of colour and shape are there; how
many things; which events happen."""


@dataclass(frozen=True)
class Sizes:
    """How large the models are; the defaults are those in the wheel."""

    hidden: int = 192
    layers: int = 6
    heads: int = 4
    patch: int = 16
    pred_hidden: int = 144
    pred_layers: int = 4
    pred_heads: int = 3
    queries: int = 6
    buckets: int = 4096
    text: int = 128
    inner: int = 256
    joint: int = 128

    @property
    def grid(self) -> int:
        """Tokens a side of the picture."""
        return SIDE // self.patch


class Trainee(nn.Module):
    """Encoder, predictor and heads; those after ``scale`` only teach and are thrown away."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.vjepa = new_vjepa2(sizes)
        self.joint = JointHeads(
            sizes.hidden, sizes.queries, sizes.buckets, sizes.text, sizes.inner, sizes.joint
        )
        self.objects = ObjectHead(sizes.hidden, len(COLOURS), len(SHAPES))
        self.scale = nn.Parameter(torch.tensor(2.64))  # logarithm of 14, as 1 / temperature
        # The camera's motion, the mark, and of the largest thing place and motion.
        self.tubelet = nn.Linear(sizes.hidden, 7)
        self.trail = nn.Linear(sizes.hidden, 4)  # how far it was, and will have, moved
        self.mean = nn.Linear(sizes.hidden, sum(WHOLE_CLIP))
        self.halves = nn.Linear(2 * sizes.hidden, sum(WHOLE_CLIP))

    def encode(self, pixels: Tensor) -> Tensor:
        """Normalised pixels [B, T, 3, S, S] to tokens [B, N, hidden] as the encoder leaves them."""
        tokens: Tensor = self.vjepa.encoder(pixel_values_videos=pixels).last_hidden_state
        return tokens

    def predict(self, context: Tensor, tubelets: int, ahead: int) -> Tensor:
        """The ``ahead`` tubelets after the first ``tubelets``, in layer-norm space.

        ``context`` [B, tubelets * G^2, hidden] was encoded from those tubelets alone.
        """
        return predict(self.vjepa, context, self.sizes.grid, tubelets, ahead)


def new_vjepa2(sizes: Sizes) -> Any:
    """A randomly initialised ``VJEPA2Model``.

    Its attention is the plain one: on CPUs its backward pass is 1.4 times as fast as that of
    torch's fused kernel at this size.
    """
    from transformers import VJEPA2Config, VJEPA2Model

    config = VJEPA2Config(
        patch_size=sizes.patch,
        crop_size=SIDE,
        frames_per_clip=16,
        tubelet_size=TUBELET,
        hidden_size=sizes.hidden,
        num_attention_heads=sizes.heads,
        num_hidden_layers=sizes.layers,
        pred_hidden_size=sizes.pred_hidden,
        pred_num_attention_heads=sizes.pred_heads,
        pred_num_hidden_layers=sizes.pred_layers,
        pred_num_mask_tokens=2,
        pred_zero_init_mask_tokens=False,
        num_pooler_layers=1,
        attn_implementation="eager",
    )
    vjepa = VJEPA2Model(config)
    _initialise(vjepa)
    quicken(vjepa)  # the training foretells what follows at once
    return vjepa


def _initialise(vjepa: Any) -> None:
    """Start where a short training gets somewhere.

    Weights are scaled by their fan-in: the usual 0.02 is for models many times as wide, and leaves
    attention even over all tokens for a thousand steps. Half of the first layer's filters see the
    difference of the two pictures of a tubelet, which is motion; the other half their sum.
    """
    for module in vjepa.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
    filters = vjepa.encoder.embeddings.patch_embeddings.proj.weight  # [hidden, 3, 2, P, P]
    half = len(filters) // 2
    with torch.no_grad():
        filters.normal_(std=filters[0].numel() ** -0.5)
        filters[:half] *= 3
        filters[:half, :, 1] = -filters[:half, :, 0]
        filters[half:, :, 1] = filters[half:, :, 0]


def predict(vjepa: Any, context: Tensor, grid: int, tubelets: int, ahead: int) -> Tensor:
    """What a V-JEPA 2's predictor expects after ``tubelets``; see :meth:`Trainee.predict`."""
    here = torch.arange(tubelets * grid**2, device=context.device)
    there = torch.arange(ahead * grid**2, device=context.device) + len(here)
    rows = len(context)
    expected: Tensor = vjepa.predictor(
        context, [here.expand(rows, -1)], [there.expand(rows, -1)]
    ).last_hidden_state
    return expected


def layer_norm(tokens: Tensor) -> Tensor:
    """The space V-JEPA's targets live in: layer norm without affine terms."""
    return functional.layer_norm(tokens.float(), (tokens.size(-1),))
