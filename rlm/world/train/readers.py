"""The last stage: what reads the frozen encoder, a captioner and attentive probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.captioner import Captioner, Words
from rlm.encoders.probes import AttentiveProbe
from rlm.world.captions import Told, describe
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES
from rlm.world.train.batches import Batch, Batches
from rlm.world.train.clips import Mix
from rlm.world.train.model import Trainee, layer_norm
from rlm.world.train.run import Stage
from rlm.world.train.stages import Recipe, cached, pixels

SPOKEN = 3
"""A caption speaks of so many things at most, the largest first."""
TASKS: Mapping[str, tuple[str, ...]] = {
    "motion": MOTIONS,
    "event": EVENTS,
    "colour": COLOURS,
    "shape": SHAPES,
}
"""What the probes tell of the largest thing."""

_MIX = Mix(things=(0.4, 0.25, 0.25, 0.05, 0.05), cut=0.0)
_LENGTHS = (*[16] * 7, 8)  # now and then a clip half as long
_LAYERS, _WIDTH, _INNER, _HEADS = 3, 160, 400, 4


def vocabulary() -> Words:
    """Every word of the plain captions."""
    texts = [
        describe([Told(colour, shape, "still")] * SPOKEN)
        for colour, shape in product(COLOURS, SHAPES)
    ]
    for motion, kind in product(MOTIONS, EVENTS):
        new = COLOURS[0] if kind == "recolour" else None
        texts.append(describe([Told(COLOURS[0], SHAPES[0], motion, ((kind, new),) * 2)]))
    return Words.of(texts)


def new_captioner(hidden: int) -> Captioner:
    """A randomly initialised captioner: about a million numbers."""
    from transformers import LlamaConfig, LlamaForCausalLM

    words = vocabulary()
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=_WIDTH,
        intermediate_size=_INNER,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
    )
    return Captioner(hidden, LlamaForCausalLM(config), words)


def train_probes(
    model: Trainee,
    recipe: Recipe,
    seed: int,
    folder: Path,
    device: torch.device,
    tell: Callable[[str], None],
) -> dict[str, tuple[AttentiveProbe, tuple[str, ...]]]:
    """Stage 3: an attentive probe for each of ``TASKS`` on the frozen encoder, about the largest
    thing of a clip; with each the names of its classes."""
    torch.manual_seed(seed * 1000 + 7)
    probes = nn.ModuleDict(
        {task: AttentiveProbe(model.sizes.hidden, len(classes)) for task, classes in TASKS.items()}
    ).to(device)

    def features(number: int, batch: Batch) -> tuple[Tensor, ...]:
        rows = _sure(batch)
        wanted = torch.tensor([_classes(batch.told[row][0]) for row in rows], device=device)
        return _frozen(model, batch, rows, device), wanted

    def step(number: int, given: tuple[object, ...]) -> Mapping[str, Tensor]:
        tokens, wanted = cast("tuple[Tensor, Tensor]", given)
        tokens = tokens.float()
        return {
            task: functional.cross_entropy(probes[task](tokens).float(), wanted[:, column])
            for column, task in enumerate(TASKS)
        }

    stage = Stage(
        "probes",
        folder,
        probes,
        recipe.reader_steps,
        recipe.reader_rate,
        clip=1.0,
        tell=tell,
        device=device,
    )
    model.eval()
    stage.run(cached(_batches(seed * 1000 + 7, recipe), recipe, seed, features, device), step)
    return {
        task: (cast("AttentiveProbe", probes[task]), classes) for task, classes in TASKS.items()
    }


def train_captioner(
    model: Trainee,
    recipe: Recipe,
    seed: int,
    folder: Path,
    device: torch.device,
    tell: Callable[[str], None],
) -> Captioner:
    """Stage 4: the captioner on the frozen encoder, to say the plain caption of a clip."""
    torch.manual_seed(seed * 1000 + 6)  # the same, whether the run was stopped before or not
    captioner = new_captioner(model.sizes.hidden).to(device)

    def features(number: int, batch: Batch) -> tuple[Tensor, ...]:
        rows = _sure(batch)
        texts = [describe(batch.told[row][:SPOKEN]) for row in rows]
        return _frozen(model, batch, rows, device), captioner.targets(texts).to(device)

    def step(number: int, given: tuple[object, ...]) -> Mapping[str, Tensor]:
        tokens, ids = cast("tuple[Tensor, Tensor]", given)
        return {"words": captioner(tokens, ids)}

    stage = Stage(
        "captioner",
        folder,
        captioner,
        recipe.reader_steps,
        recipe.reader_rate,
        clip=1.0,
        tell=tell,
        device=device,
    )
    model.eval()
    stage.run(cached(_batches(seed * 1000 + 6, recipe), recipe, seed, features, device), step)
    return captioner


def _batches(seed: int, recipe: Recipe) -> Batches:
    return Batches(seed, recipe.reader_batch, _MIX, _LENGTHS)


def _sure(batch: Batch) -> list[int]:
    """The clips of which all is known that a caption can say."""
    pairs = zip(batch.told, batch.sure, strict=True)
    return [row for row, (told, sure) in enumerate(pairs) if told and sure]


def _frozen(model: Trainee, batch: Batch, rows: Sequence[int], device: torch.device) -> Tensor:
    """What the encoder sees in some clips of a batch, as everybody reads it."""
    return layer_norm(model.encode(pixels(batch.rgb[list(rows)], device))).bfloat16()


def _classes(told: Told) -> list[int]:
    """Of one thing the numbers of its classes, in the order of ``TASKS``."""
    event = told.events[0][0] if told.events else "none"
    said = (told.motion, event, told.colour, told.shape)
    return [names.index(str(one)) for names, one in zip(TASKS.values(), said, strict=True)]
