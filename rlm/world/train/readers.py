"""The last stages, each on the frozen encoder alone: probes with a captioner, and the text side."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlm.encoders.captioner import Captioner, Words
from rlm.encoders.probes import AttentiveProbe
from rlm.world.captions import Told, describe
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES
from rlm.world.train.batches import Batch
from rlm.world.train.clips import TUBELET, Mix
from rlm.world.train.loop import digest, only
from rlm.world.train.losses import SPOKEN, caption_loss, classes
from rlm.world.train.model import TASKS, Trainee, layer_norm
from rlm.world.train.recipe import Run
from rlm.world.train.stages import Features, cached

_MIX = Mix(things=(0.4, 0.25, 0.25, 0.05, 0.05), cut=0.0)
_TEXT_MIX = Mix(things=(0.5, 0.25, 0.25, 0.0, 0.0), cut=0.0)
_LENGTHS = (*[16] * 7, 8)  # now and then a clip half as long
_Certain = tuple[tuple[Told, ...], ...]
_LAYERS, _WIDTH, _INNER, _HEADS = 3, 160, 400, 4


class Readers(nn.Module):
    """Probes and a captioner for an encoder whose tokens are ``hidden`` wide."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.probes = nn.ModuleDict(
            {task: AttentiveProbe(hidden, len(names)) for task, names in TASKS.items()}
        )
        self.captioner = new_captioner(hidden)


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


def train_readers(model: Trainee, run: Run) -> Readers:
    """Stage 3: a probe for each of ``TASKS``, about the largest thing of a clip; the captioner, to
    say the plain caption of a clip."""
    torch.manual_seed(run.seed * 1000 + 7)  # the same, whether the run was stopped before or not
    readers = Readers(model.sizes.hidden).to(run.device)
    captioner = readers.captioner
    batches = run.batches(6, run.recipe.reader_batch, _MIX, _LENGTHS)

    def step(number: int, given: tuple[object, ...]) -> Mapping[str, Tensor]:
        tokens, certain = cast("tuple[Tensor, _Certain]", given)
        rows = [row for row, told in enumerate(certain) if told]
        if not rows:
            return {}
        sure = tokens[rows].float()
        wanted = torch.tensor([classes(certain[row][0]) for row in rows], device=run.device)
        found = {}
        for column, (task, probe) in enumerate(readers.probes.items()):
            found[task] = functional.cross_entropy(probe(sure).float(), wanted[:, column])
        texts = [describe(certain[row][:SPOKEN]) for row in rows]
        found["words"] = captioner(sure, captioner.targets(texts).to(run.device))
        return found

    recipe, origin = run.recipe, digest(model.vjepa.encoder)
    stage = run.stage("readers", readers, recipe.reader_steps, recipe.reader_rate, origin)
    with only(model, readers):
        stage.run(cached(run, batches, _features(model, run)), step)
    return readers


def train_text(model: Trainee, run: Run) -> None:
    """Stage 4: the text side alone, in larger batches: contrast lives on many captions at a time,
    and on frozen features they cost little.

    It begins anew: the one that taught the encoder has fitted features that were still moving, and
    from there the same steps end at a recall of 0.86 where new weights reach 0.98.

    It reads single tubelets too, encoded with their clip or foretold, told by what they show: a
    caption of a clip names the first of two directions, every token of the clip knows of it, and a
    text side that was shown clips alone says it of a moment after the bounce as well.
    """
    torch.manual_seed(run.seed * 1000 + 8)
    fresh = Trainee(model.sizes)
    model.joint.load_state_dict(fresh.joint.state_dict())
    model.scale.data.copy_(fresh.scale.data)
    recipe, origin = run.recipe, digest(model.vjepa)
    batches = run.batches(7, recipe.text_batch, _TEXT_MIX)

    def step(number: int, given: tuple[object, ...]) -> Mapping[str, Tensor]:
        tokens, certain, shown, moments = cast("tuple[Tensor, _Certain, Tensor, _Certain]", given)
        rng = run.rng(8, number)
        teach = partial(caption_loss, model.joint, model.scale, rng=rng)
        found = teach(tokens.float(), certain, wordings=True)
        of_moments = teach(shown.float(), moments)
        return found | {f"moment {name}": loss for name, loss in of_moments.items()}

    text = _Text(model)
    stage = run.stage("text", text, recipe.text_steps, recipe.text_rate, origin)
    with only(model, text):
        stage.run(cached(run, batches, _text_features(model, run)), step)


def _text_features(model: Trainee, run: Run) -> Features:
    """What the text side is shown of a batch: that of ``_features``, then a tubelet of each clip
    [B, G^2, hidden], of the first half a foretold one, and what is told of it by itself."""
    whole, grid = _features(model, run), model.sizes.grid**2

    def features(number: int, batch: Batch) -> tuple[object, ...]:
        tokens, certain = cast("tuple[Tensor, _Certain]", whole(number, batch))
        rng = run.rng(9, number)
        last, half = batch.mark.size(1), len(tokens) // 2
        kept = int(rng.integers(2, last - 1))
        context = model.encode(run.pixels(batch.rgb[:half, : TUBELET * kept]))
        foretold = model.predict(context, kept, last - kept).to(tokens.dtype)
        came = torch.cat([foretold, tokens[half:, kept * grid :]])
        came = came.view(len(came), -1, grid, came.size(-1))
        ahead = rng.integers(last - kept, size=len(tokens)).tolist()
        told = [moments[kept + at] for moments, at in zip(batch.moments, ahead, strict=True)]
        return tokens, certain, came[range(len(came)), ahead], tuple(told)

    return features


def _features(model: Trainee, run: Run) -> Features:
    """What the readers are shown of a batch: its tokens, and what is told of its clips."""

    def features(number: int, batch: Batch) -> tuple[object, ...]:
        # A batch as it comes holds shared memory and open files: only what is needed is kept.
        return layer_norm(model.encode(run.pixels(batch.rgb))).bfloat16(), batch.certain

    return features


class _Text(nn.Module):
    """The text side with its temperature, as one module."""

    def __init__(self, model: Trainee) -> None:
        super().__init__()
        self.joint, self.scale = model.joint, model.scale
