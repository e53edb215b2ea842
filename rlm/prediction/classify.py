"""What a span shows, as one of the classes of a probe or one of the labels of the asker."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlm.encoders import Encoder
from rlm.encoders.probe_files import (
    ProbeCard,
    default_root,
    read_probe,
    registered,
)
from rlm.errors import UsageError, VideoDamaged, WeightsMissing
from rlm.index import VideoIndex
from rlm.index.reading import read_span
from rlm.index.snapshot import KeptFrames
from rlm.index.windows import Window
from rlm.prediction.matching import check_candidates
from rlm.spans import Span

if TYPE_CHECKING:
    from rlm.encoders.probes import Probe


@dataclass(frozen=True, slots=True)
class Classification:
    """One class and how well ``[start, end)`` seconds fit it.

    ``probability`` is its share among the classes of the task: they alone are compared, so that
    something is likely even where nothing fits. It is ``None`` for labels of the asker: no
    temperature was fitted for the similarity of a text to a whole span. ``score`` is what they are
    ranked by: the probability, or the cosine similarity of the label to the span.
    """

    start: float
    end: float
    label: str
    score: float
    probability: float | None
    space: str = field(repr=False)
    method: str = field(repr=False)


def classify(
    index: VideoIndex,
    span: Span,
    task: str = "action",
    labels: Sequence[str] | None = None,
    k: int = 5,
    root: Path | None = None,
) -> list[Classification]:
    """The ``k`` likeliest classes of ``span``, best first.

    With ``labels`` the classes are those words, compared with the span in the best space that
    holds video and text; else those of the probe for ``task``, which
    the weights bring or the user registered under ``root`` (default: the user's data folder). A
    probe sees the span window by window, none across a cut; its probabilities are averaged,
    weighted by length. One that foretells sees the last window alone, and is about what follows.

    Raises ``UsageError`` for labels that ``check_candidates`` refuses or a ``k`` that makes no
    sense and where there is no text side, ``WeightsMissing`` when there is no probe for the task,
    or one for other weights or damaged, ``VideoDamaged`` when nothing of the span can be decoded.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise UsageError(f"k is a whole number from 1 on, not {k!r}")
    found = (
        _by_text(index, span, labels)
        if labels is not None
        else _by_probe(index, span, task, root or default_root())
    )
    return sorted(found, key=lambda each: -each.score)[:k]


def tasks(index: VideoIndex, root: Path | None = None) -> tuple[str, ...]:
    """The tasks that there are probes for on this index, of its weights and of the user."""
    encoder = index.encoder()
    own = {
        card.task
        for _, card in registered(root or default_root())
        if isinstance(card, ProbeCard) and card.revision == encoder.revision
    }
    return (*encoder.tasks, *sorted(own - set(encoder.tasks)))


def anticipating(index: VideoIndex, root: Path | None = None) -> list[tuple[str, float]]:
    """The user's tasks that are about what follows a span, each with how many seconds ahead."""
    revision = index.encoder().revision
    return [
        (card.task, card.ahead)
        for _, card in registered(root or default_root())
        if isinstance(card, ProbeCard) and card.revision == revision and card.ahead
    ]


def windows_of(
    index: VideoIndex, span: Span, encoder: Encoder, kept: KeptFrames | None
) -> Iterator[Window]:
    """``span`` as ``encoder`` samples it: windows side by side, none across a cut.

    ``kept`` is ``index.kept_frames(encoder.fps)``, to be had once for many spans: where there are
    some, nothing is decoded.
    """
    boundaries = np.array([scene.start for scene in index.scenes()[1:]])
    yield from read_span(index.video, encoder, span, boundaries, kept)
    if kept is None:
        index.video.check_unchanged()


def _by_probe(index: VideoIndex, span: Span, task: str, root: Path) -> list[Classification]:
    encoder = index.encoder()
    probe: str | Probe
    if task in encoder.tasks:
        probe, ahead, method = task, 0.0, "attentive probe of the weights on V-JEPA tokens"
    elif (found := read_probe(root, task, encoder.spec)) is not None:
        probe, card = found
        ahead = card.ahead
        method = f"attentive probe on V-JEPA tokens, {card.source}"
        encoder = _sampling(encoder, card.frames, card.fps)
    else:
        raise WeightsMissing(_no_probe(index, task, root))
    kept = index.kept_frames(encoder.fps)
    windows = windows_of(index, span, encoder, kept)
    if ahead:
        # What follows is told from the last moments before it, as such a probe was trained.
        begin = max((s.start for s in index.scenes() if s.start < span.end), default=0.0)
        seen = Span(max(span.start, begin, span.end - encoder.frames / encoder.fps), span.end)
        windows = iter(list(windows_of(index, seen, encoder, kept))[-1:])
        method = f"{method}, {ahead:g} s ahead"
    total: dict[str, float] = {}
    while batch := list(itertools.islice(windows, encoder.batch)):
        shares = encoder.classify([window.pictures for window in batch], probe)
        for window, row in zip(batch, shares, strict=True):
            for label, share in row.items():
                total[label] = total.get(label, 0.0) + share * window.span.duration
    if not total:
        raise VideoDamaged(f"no picture in {span} of {index.video.path} can be decoded")
    weight = sum(total.values())
    space = f"{encoder.spec.model}@{encoder.revision}/probes/{task}"
    return [
        Classification(span.start, span.end, label, share / weight, share / weight, space, method)
        for label, share in total.items()
    ]


def _by_text(index: VideoIndex, span: Span, labels: Sequence[str]) -> list[Classification]:
    told = check_candidates(labels, "labels")
    spaces = index.text_spaces
    if not spaces:
        raise UsageError(
            f"preset {index.preset} at tier {index.tier} has no text side, so labels cannot be "
            "compared with a span: build an index of tier 2 with a preset that has one (builtin, "
            "or the companions siglip2 and videoprism: `videorlm models pull`), or train a probe "
            "on examples of them (`videorlm probe train`)"
        )
    name = next(iter(spaces))
    seen = index.embed(span, name)
    scores = index.encoder(name).encode_text(told) @ seen.vector
    method = f"similarity to the labels in the field {name}"
    return [
        Classification(span.start, span.end, label, score, None, seen.space, method)
        for label, score in zip(told, scores.tolist(), strict=True)
    ]


def _sampling(encoder: Encoder, frames: int, fps: float) -> Encoder:
    """``encoder``, cutting windows of ``frames`` pictures at ``fps``."""
    if (encoder.frames, encoder.fps) == (frames, fps):
        return encoder
    preset = replace(encoder.spec.preset, frames=frames, stride=frames, fps=fps)
    return encoder.as_used_by(replace(encoder.spec, preset=preset))


def _no_probe(index: VideoIndex, task: str, root: Path) -> str:
    there = tasks(index, root)
    others = f"there are {', '.join(there)}" if there else "nor for anything else"
    return (
        f"there is no probe for {task!r} with preset {index.preset} ({others}): train one on "
        f"labelled spans (`videorlm probe train LABELS.csv --task {task}`), import one that Meta "
        f"publishes (`videorlm probe import FILE.pt --task {task}`), take weights that bring one "
        "(facebook/vjepa2-vitl-fpc16-256-ssv2 in a folder, as the preset, has the task action), or "
        "give labels to compare with"
    )
