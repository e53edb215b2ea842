"""What the encoder is taught, each loss with the reason it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rlm.encoders.heads import JointHeads
from rlm.world.captions import Told, describe, part
from rlm.world.scene import COLOURS, EVENTS, MOTIONS, SHAPES, held_out
from rlm.world.train.batches import Batch, dense
from rlm.world.train.clips import MOST
from rlm.world.train.model import TASKS, WHOLE_CLIP, Trainee

_LARGEST = (0.375, 0.25, 0.25, 0.25)  # weights of what is told of the largest, as in TASKS
HARD = 3  # captions a clip that are wrong in one thing
SPOKEN = 3
"""A caption speaks of so many things at most, the largest first."""
Losses = dict[str, Tensor]
_yes_or_no = partial(functional.binary_cross_entropy_with_logits, reduction="none")


def dense_losses(model: Trainee, tokens: Tensor, batch: Batch) -> Losses:
    """Each token says what lies on it: without this the latent space loses rank."""
    grid = model.sizes.grid
    target = dense(batch, grid)
    known = target.known[..., None].float()
    said = model.objects(tokens).float().view(*target.on.shape, -1)
    objectness, centerness, colour, shape, offset, motion, radius = model.objects.split(said)
    weight = target.on.float() * known
    weight = weight / weight.sum().clamp_min(1)

    def measure_trail() -> Tensor:
        """Motion is hard to see within a tubelet and easy over some: it is learned from these."""
        passed = model.trail(tokens).float().view(target.trail.shape)
        off = _off(passed, target.trail).sum(-1) * target.trailed
        return (off * weight[..., None]).sum()

    def sort(logits: Tensor, wanted: Tensor) -> Tensor:
        flat = functional.cross_entropy(logits.flatten(0, 2), wanted.flatten(), reduction="none")
        return (flat.view(weight.shape) * weight).sum()

    def measure(value: Tensor, wanted: Tensor) -> Tensor:
        return (_off(value, wanted).sum(-1) * weight).sum()

    def yes_or_no(logit: Tensor, wanted: Tensor) -> Tensor:
        off = _yes_or_no(logit.squeeze(-1), wanted.float())
        return (off * known).sum() / (known.sum() * wanted.size(-1)).clamp_min(1)

    mean = tokens.view(*target.on.shape, -1).mean(2)  # [B, D, hidden]
    told = model.tubelet(mean).float()
    seen = known.squeeze(-1)
    camera = _off(told[..., :2], batch.camera * 100).sum(-1)
    mark = _yes_or_no(told[..., 2], batch.mark)
    seen_sizes = batch.radius * batch.seen
    largest = seen_sizes.argmax(-1)[..., None, None].expand(*seen_sizes.shape[:2], 1, 2)
    place = batch.position.gather(2, largest).squeeze(2) * 2 - 1
    motion_there = batch.motion.gather(2, largest).squeeze(2) * 100
    there = seen * batch.seen.any(-1)
    first = _off(told[..., 3:5], place).sum(-1) + 0.5 * _off(told[..., 5:], motion_there).sum(-1)
    return {
        "objectness": yes_or_no(objectness, target.on),
        "centerness": yes_or_no(centerness, target.centre),
        "colour": 0.5 * sort(colour, target.colour),
        "shape": 1.5 * sort(shape, target.shape),
        "offset": 2.0 * measure(offset, target.offset),
        "trail": 2.0 * measure_trail(),
        "largest": 2.0 * (first * there).sum() / there.sum().clamp_min(1),
        "motion": measure(motion, target.motion),
        "radius": measure(radius, target.radius[..., None]),
        "camera": ((camera + 0.3 * mark) * seen).sum() / seen.sum().clamp_min(1),
    }


def _off(value: Tensor, wanted: Tensor) -> Tensor:
    return functional.smooth_l1_loss(value.float(), wanted.float(), reduction="none", beta=0.2)


def clip_losses(model: Trainee, tokens: Tensor, batch: Batch) -> Losses:
    """The mean over tokens says what the clip shows: pooled vectors live on it."""
    usable = [i for i, told in enumerate(batch.told) if told]
    if not usable:
        return {}
    half = tokens.size(1) // 2
    chosen = tokens[usable]
    told = [batch.told[i] for i in usable]
    device, never = tokens.device, -100
    sure = torch.tensor([batch.sure[i] for i in usable], device=device)
    single = torch.tensor([classes(things[0]) for things in told], device=device)
    single[:, list(TASKS).index("event")].masked_fill_(~sure, never)
    pairs = torch.zeros(len(told), WHOLE_CLIP[4])
    events = torch.zeros(len(told), WHOLE_CLIP[6])
    for row, things in enumerate(told):
        for thing in things:
            colour, shape = COLOURS.index(str(thing.colour)), SHAPES.index(str(thing.shape))
            pairs[row, colour * len(SHAPES) + shape] = 1
            for kind, _ in thing.events:
                events[row, EVENTS.index(kind)] = 1
    pairs, events = pairs.to(device), events.to(device)
    count = torch.tensor([min(len(things), MOST) - 1 for things in told], device=device)
    # Few of the 40 pairs are there: those that are weigh more.
    rare = torch.tensor(5.0, device=device)
    total = tokens.new_zeros(())
    mean = chosen.mean(1)
    halves = torch.cat([chosen[:, :half].mean(1), chosen[:, half:].mean(1)], -1)
    for said in (model.mean(mean), model.halves(halves)):
        *of_largest, there, number, happens = said.float().split(WHOLE_CLIP, -1)
        for logits, wanted, weight in zip(of_largest, single.T, _LARGEST, strict=True):
            if (wanted != never).any():
                total = total + weight * functional.cross_entropy(
                    logits, wanted, ignore_index=never
                )
        total = total + _yes_or_no(there, pairs, pos_weight=rare).mean()
        total = total + 0.1 * functional.cross_entropy(number, count)
        total = total + 0.25 * (_yes_or_no(happens, events).mean(1) * sure).mean()
    return {"clip": total}


def classes(told: Told) -> list[int]:
    """Of one thing the numbers of its classes, in the order of ``TASKS``."""
    event = told.events[0][0] if told.events else "none"
    said = (told.motion, told.colour, told.shape, event)
    return [names.index(str(one)) for names, one in zip(TASKS.values(), said, strict=True)]


def caption_loss(
    joint: JointHeads,
    scale: Tensor,
    tokens: Tensor,
    certain: Sequence[tuple[Told, ...]],
    rng: np.random.Generator,
    *,
    wordings: bool = False,
) -> Losses:
    """Video and text meet: contrast (InfoNCE) with captions that are wrong in one thing.

    The target of a clip is the text itself, as in VL-JEPA: its vector is predicted from the video.
    ``scale`` is the logarithm of 1 / temperature, ``certain`` as of :class:`Batch`. With
    ``wordings`` another wording of each caption is to find it among all the others, too.
    """
    usable = [i for i, told in enumerate(certain) if told]
    if len(usable) < 2:
        return {}
    clips = [certain[i] for i in usable]
    specs = [_spoken(told, rng) for told in clips]
    for _ in range(HARD):
        specs += [wrong(spec, rng) for spec in specs[: len(clips)]]
    matches = torch.tensor(
        [[fits(spec, told) for spec in specs] for told in clips], device=tokens.device
    )
    texts = joint.text([describe(spec, rng) for spec in specs])
    videos = joint.pool(tokens[usable])
    sharp = scale.clamp(max=4.6).exp()
    logits = sharp * videos @ texts.T  # [clips, specs]
    by_clip = _info_nce(logits, matches)
    by_text = _info_nce(logits[:, : len(clips)].T, matches[:, : len(clips)].T)
    found = {"caption": 0.25 * (by_clip + by_text)}
    if wordings:
        again = joint.text([describe(spec, rng) for spec in specs[: len(clips)]])
        meant = [frozenset(spec) for spec in specs]
        same = torch.tensor([[one == other for other in meant] for one in meant[: len(clips)]])
        same = same.to(tokens.device)
        found["wording"] = 0.25 * _info_nce(sharp * again @ texts.T, same)
    return found


def _info_nce(logits: Tensor, matches: Tensor) -> Tensor:
    right = matches.float()
    told = (logits.float().log_softmax(1) * right).sum(1) / right.sum(1).clamp_min(1)
    return -told[right.any(1)].mean()


def _spoken(told: Sequence[Told], rng: np.random.Generator) -> tuple[Told, ...]:
    """What a caption says of a clip: all of up to three things, at times less."""
    count = min(len(told), SPOKEN)
    if rng.random() < 0.25:
        count = int(rng.integers(1, count + 1))
    order = rng.permutation(min(len(told), SPOKEN))[:count]
    spoken = [told[int(i)] for i in order]
    if rng.random() < 0.25:
        spoken = [part(thing, rng) for thing in spoken]
    return tuple(spoken)


def wrong(spec: Sequence[Told], rng: np.random.Generator) -> tuple[Told, ...]:
    """``spec`` with one thing changed, or one of its facts swapped between two things.

    No combination that is held out is named: the text side would learn to refuse what it never
    sees. Of things that are held out there may be few such changes, or none.
    """
    while True:
        changed = _changed(spec, rng)
        if not any(is_held_out(told) for told in changed):
            return changed


def is_held_out(told: Told) -> bool:
    """Whether it names a combination that no training names."""
    if told.colour is None or told.shape is None or told.motion is None:
        return False
    colours = [told.colour, *(new for _, new in told.events if new)]
    return any(held_out(colour, told.shape, told.motion) for colour in colours)


def _changed(spec: Sequence[Told], rng: np.random.Generator) -> tuple[Told, ...]:
    things = list(spec)
    if len(things) > 1 and rng.random() < 0.4:
        i, j = rng.permutation(len(things))[:2]
        field = str(rng.choice(["colour", "shape", "motion"]))
        first, second = getattr(things[i], field), getattr(things[j], field)
        if first != second and None not in (first, second):
            things[i] = _with(things[i], field, second)
            things[j] = _with(things[j], field, first)
            return tuple(things)
    place = int(rng.integers(len(things)))
    told = things[place]
    # How something moves is the hardest to see, and so is asked for as often as the rest together.
    names = ("colour", "shape", "motion", "motion", "events")
    field = str(rng.choice([n for n in names if n == "events" or getattr(told, n) is not None]))
    known: dict[str, Sequence[str]] = {"colour": COLOURS, "shape": SHAPES, "motion": MOTIONS}
    if field == "events":
        things[place] = replace(told, events=(_other_event(told, rng),))
    else:
        things[place] = _with(told, field, _other(known[field], getattr(told, field), rng))
    return tuple(things)


def _other_event(told: Told, rng: np.random.Generator) -> tuple[str, str | None]:
    """Another event than the first of ``told``, if any, or a recolouring to another colour."""
    kind, new = told.events[0] if told.events else ("none", None)
    if kind != "recolour" or rng.random() < 0.5:
        kind = str(rng.choice([k for k in EVENTS[1:] if k != kind]))
    if kind != "recolour":
        return kind, None
    return kind, _other([c for c in COLOURS if c != told.colour], new, rng)


def _with(told: Told, field: str, value: str) -> Told:
    if field == "colour":
        return replace(told, colour=value)
    return replace(told, shape=value) if field == "shape" else replace(told, motion=value)


def _other(known: Sequence[str], taken: str | None, rng: np.random.Generator) -> str:
    return str(rng.choice([word for word in known if word != taken]))


def fits(spec: Sequence[Told], told: Sequence[Told]) -> bool:
    """Whether all that ``spec`` says is so in a clip; what it leaves out may be anything."""
    return all(any(_same(said, thing) for thing in told) for said in spec)


def _same(said: Told, thing: Told) -> bool:
    return (
        said.colour in (None, thing.colour)
        and said.shape in (None, thing.shape)
        and said.motion in (None, thing.motion)
        and said.events in ((), thing.events)
    )


def spread_losses(tokens: Tensor) -> Losses:
    """Variance and covariance (Bardes et al. 2022): dimensions stay alive and differ."""
    flat = tokens.reshape(-1, tokens.size(-1))
    flat = flat - flat.mean(0)
    covariance = flat.T @ flat / (len(flat) - 1)
    variance = covariance.diagonal()
    aside = (covariance.square().sum() - variance.square().sum()) / len(covariance)
    alive = functional.relu(0.7 - variance.clamp_min(1e-6).sqrt()).mean()
    return {"variance": 0.5 * alive, "covariance": 0.01 * aside}
