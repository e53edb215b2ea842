"""Probes from few examples, multiple choice by the text side, and calls across spaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
from broken import moving_film
from films import SEED, indexed, made

from rlm.encoders import Embedding
from rlm.errors import SpaceMismatch
from rlm.index import VideoIndex, fields
from rlm.prediction import predict
from rlm.prediction.fewshot import Split, fit
from rlm.prediction.labelled import LabelledSpan, SpanTokens, read_tokens
from rlm.prediction.matching import match
from rlm.spans import Span
from rlm.world.captions import Told, describe
from rlm.world.train.losses import fits, is_held_out, wrong

PER_CLASS = (1, 5, 20)
TESTED = 8  # spans of each class
_VALIDATION = 0.25


def few_shot(folder: Path, repeats: int) -> Iterator[tuple[str, int, float, float]]:
    """Accuracy of probes on the frozen encoder, by examples of each of 8 classes."""
    film = moving_film(3, 320, 4.0)
    index = indexed(folder, film, "few")
    rows = [
        LabelledSpan(
            index.video.path, Span(shot.span.start + 0.2, shot.span.end - 0.2), str(place), ""
        )
        for place, shot in enumerate(film.shots)
    ]
    read = list(read_tokens(index, rows))  # which takes longer than all fits
    for task in ("motion", "colour"):
        labels = [str(getattr(shot.things[0], task)) for shot in film.shots]
        spans = [replace(s, row=replace(s.row, label=labels[int(s.row.label)])) for s in read]
        for count in PER_CLASS:
            told = [_accuracy(spans, count, repeat) for repeat in range(repeats)]
            yield task, count, *(float(mean) for mean in np.mean(told, axis=0))


def _accuracy(spans: list[SpanTokens], count: int, seed: int) -> tuple[float, float]:
    """Of a probe from ``count`` examples a class, and of always saying the commonest class."""
    rng = np.random.default_rng((SEED, seed))
    labels = np.array([span.row.label for span in spans])
    fitted: list[int] = []
    stopped: list[int] = []
    tested: list[int] = []
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label)).tolist()
        tested += own[:TESTED]
        known = own[TESTED : TESTED + count]
        stops = round(_VALIDATION * len(known))
        stopped += known[:stops] or known  # one example has to do for both
        fitted += known[stops:]
    done = fit(
        spans,
        Split(tuple(fitted), tuple(stopped), tuple(tested), "span", tuple(map(str, tested))),
        seed,
    )
    return done.confusion.accuracy.share, done.majority.share


def choices(folder: Path, count: int) -> tuple[float, float]:
    """How often the true one of 4 statements about a shot is first; the others are wrong in one
    thing."""
    film, index = made(folder, 600.0)
    rng = np.random.default_rng(SEED)
    right = []
    for shot in film.shots[:count]:
        told = [Told.of(thing, shot.events_of(i)) for i, thing in enumerate(shot.things)]
        # No wrong statement names what is held out: a true one that did would stand out.
        if shot.warp is not None or len(told) > 3 or any(map(is_held_out, told)):
            continue
        texts = [describe(told)]
        while len(texts) < 4:
            other = wrong(told, rng)
            if not fits(other, told) and describe(other) not in texts:
                texts.append(describe(other))
        right.append(match(index, "What is shown?", texts, shot.span)[0].candidate == texts[0])
    return float(np.mean(right)), 0.25


def wrong_spaces(folder: Path) -> tuple[float, int]:
    """The share of calls across spaces that is refused, and how many there are."""
    _, index = made(folder, 600.0)
    vectors = [
        index.embed("a red circle"),
        index.embed(Span(10, 14), "vjepa"),
        index.embed(Span(10, 14), "look"),
        predict(index, Span(10, 12))[0].embedding,
    ]
    calls: list[Callable[[], object]] = [
        lambda a=a, b=b: a.similarity(b) for a, b in permutations(vectors, 2)
    ]
    for vector in vectors:
        foreign = Embedding("other/space", vector.vector)
        calls.append(lambda foreign=foreign: index.nearest(foreign))
        calls += [
            lambda field=field, vector=vector: fields.check_space(index, field, vector.space)
            for field in fields.fields(index)
            if field != "text" and vector.space not in _spaces(index, field)
        ]
    refused = 0
    for call in calls:
        try:
            call()
        except SpaceMismatch:
            refused += 1
    return refused / len(calls), len(calls)


def _spaces(index: VideoIndex, field: str) -> set[str]:
    """The spaces in which a field can be searched, by its own account."""
    found = set()
    for space in index.spaces.values():
        try:
            fields.check_space(index, field, space)
        except SpaceMismatch:
            continue
        found.add(space)
    return found
