"""A probe from a few labelled spans: frozen features, early stopping, held-out accuracy.

The spans are split in three. The first two parts fit the probe, the second says when to stop, and
the third, of which neither knows, measures it; what is measured is the probe that is kept.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.prediction.labelled import SpanTokens, overlapping
from rlm.prediction.scores import Accuracy, Confusion

if TYPE_CHECKING:
    from torch import Tensor

    from rlm.encoders.probes import AttentiveProbe

LEAST = 3
"""Spans a class needs: one to fit on, one to stop by, one to measure on."""
_VALIDATION = 0.25  # of what is not held out
_MOST_HELD = 0.5  # a split by video that takes more is no better than one by span
_BATCH, _RATE, _DECAY = 16, 2e-3, 0.05
_EPOCHS, _PATIENCE = 100, 15
_ATTEMPTS = 20
_SHARPNESS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Split:
    """Numbers of the spans in each part; ``by`` is ``"video"`` or ``"span"``.

    ``groups`` names for each span that is held out what it is independent of the others with: its
    video, or the stretch of overlapping spans that it is in.
    """

    fit: tuple[int, ...]
    validation: tuple[int, ...]
    held_out: tuple[int, ...]
    by: str
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A probe and how it did.

    ``majority`` is the accuracy of always saying the commonest class of those fitted on,
    ``centroid`` that of the nearest class mean of pooled features; both on what was held out, as
    ``confusion``. ``epochs`` is how many the first fit ran, ``best`` how many the
    kept one did; 0 of them are a classifier by the nearest class mean.
    """

    state: dict[str, Tensor]
    classes: tuple[str, ...]
    split: Split
    confusion: Confusion
    majority: Accuracy
    centroid: Accuracy
    epochs: int
    best: int


def split_spans(spans: Sequence[SpanTokens], share: float, seed: int) -> Split:
    """Hold ``share`` of the spans out, of each class as much, whole videos where that is possible.

    Possible means that every class is then in every part, and not too much is held out. Else spans
    of one video come into different parts, but never two that overlap.

    Raises ``UsageError`` as ``check_classes`` does, and when overlaps leave no way to split.
    """
    labels = [span.row.label for span in spans]
    check_classes(labels)
    everything = range(len(spans))
    apart = overlapping([(span.content, span.row.span) for span in spans])
    for by, groups in (("video", [span.content for span in spans]), ("span", apart)):
        for attempt in range(_ATTEMPTS):  # what is held out may leave no way to split the rest
            rng = np.random.default_rng([seed, attempt])
            held = _take(everything, labels, groups, apart, share, rng, leave=2)
            if held is None or (by == "video" and len(held) > _MOST_HELD * len(spans)):
                continue
            rest = [number for number in everything if number not in held]
            stop = _take(rest, labels, apart, apart, _VALIDATION, rng, leave=1)
            if stop is not None:
                fit = tuple(number for number in rest if number not in stop)
                out = tuple(sorted(held))
                return Split(fit, tuple(sorted(stop)), out, by, tuple(groups[n] for n in out))
    raise UsageError(
        "the spans overlap so much that no part of each class can be held out: label spans apart "
        "from each other"
    )


def check_classes(labels: Sequence[str]) -> None:
    """See that what spans are labelled is enough to split them.

    Raises ``UsageError`` when a class has less than ``LEAST`` spans, or there is one class alone.
    """
    counts = Counter(labels)
    if len(counts) < 2:
        raise UsageError(f"all {len(labels)} spans are labelled {labels[0]!r}: give two classes")
    for label, count in counts.items():
        if count < LEAST:
            raise UsageError(
                f"the class {label!r} has {count} span{'' if count == 1 else 's'}, and needs "
                f"{LEAST}: one to fit on, one to stop by, one to measure on"
            )


def fit(
    spans: Sequence[SpanTokens],
    split: Split,
    seed: int,
    progress: Callable[[int, float], None] | None = None,
) -> Fitted:
    """Fit an ``AttentiveProbe``: how long, ``split.validation`` says, then on it too.

    The first fit, on ``split.fit``, ends when the validation spans get no better; the second, on
    both, runs as long as the first was at its best, since a few spans are a third of all there is.
    Every span counts as much as any other of its class, every class as much as any other.
    ``progress`` is called with each epoch of the first and its loss on the validation spans.
    """
    classes = tuple(sorted({span.row.label for span in spans}))
    validation = split.validation

    def lost(probe: AttentiveProbe) -> float:
        return _loss(_shares(probe, spans, validation), spans, validation, classes)

    starts = [_started(spans, split.fit, classes, sharpness) for sharpness in _SHARPNESS]
    losses = [lost(probe) for probe in starts]
    sharpness = _SHARPNESS[int(np.argmin(losses))]
    best, epoch = (min(losses), 0), 0
    for epoch, probe in enumerate(_epochs(spans, split.fit, classes, sharpness, seed), 1):
        loss = lost(probe)
        if progress is not None:
            progress(epoch, loss)
        if loss < best[0]:
            best = loss, epoch
        if epoch == _EPOCHS or epoch - best[1] >= _PATIENCE:
            break
    known = (*split.fit, *validation)
    run = itertools.islice(_epochs(spans, known, classes, sharpness, seed), best[1])
    kept = [_started(spans, known, classes, sharpness), *run][-1]
    truth = [spans[number].row.label for number in split.held_out]
    told = [classes[row.argmax()] for row in _shares(kept, spans, split.held_out)]
    return Fitted(
        state={name: each.detach().cpu() for name, each in kept.state_dict().items()},
        classes=classes,
        split=split,
        confusion=Confusion.of(classes, truth, told, split.groups),
        majority=_majority(spans, split),
        centroid=_centroid(spans, split),
        epochs=epoch,
        best=best[1],
    )


def _started(
    spans: Sequence[SpanTokens],
    numbers: Sequence[int],
    classes: Sequence[str],
    sharpness: float,
) -> AttentiveProbe:
    """A probe that tells classes by the nearest class mean of pooled features.

    A few spans give that better than they mend a random start; more of them lead away from it. The
    query is zero, so that it looks everywhere alike, and the value matrix the identity.
    """
    import torch

    from rlm.encoders.machine import pick_device
    from rlm.encoders.probes import AttentiveProbe

    pooled = torch.from_numpy(np.stack([spans[number].pooled for number in numbers]))
    labels = np.array([spans[number].row.label for number in numbers])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)  # of the key matrix: nothing else of it is random
        probe = AttentiveProbe(pooled.shape[1], len(classes))
        probe.query.zero_()
        torch.nn.init.eye_(probe.value.weight)
        probe.value.bias.zero_()
        normed = probe.norm(pooled)
        means = torch.stack([normed[labels == label].mean(0) for label in classes])
        # Of squared distances to the means, what differs between the classes.
        probe.classify.weight.copy_(sharpness * means)
        probe.classify.bias.copy_(-sharpness / 2 * means.square().sum(1))
    return probe.to(pick_device())


def _epochs(
    spans: Sequence[SpanTokens],
    numbers: Sequence[int],
    classes: Sequence[str],
    sharpness: float,
    seed: int,
) -> Iterator[AttentiveProbe]:
    """The probe after each epoch, without end."""
    import torch

    probe = _started(spans, numbers, classes, sharpness)
    shown, rng = _Windows(spans, numbers, classes), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=_RATE, weight_decay=_DECAY)
    device = probe.query.device
    while True:
        for tokens, wanted, weights in shown.batches(rng):
            losses = torch.nn.functional.cross_entropy(
                probe(tokens.to(device)), wanted.to(device), reduction="none"
            )
            loss = (losses * weights.to(device)).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        yield probe


class _Windows:
    """All windows of some spans, in batches of one length, with class and weight."""

    def __init__(
        self, spans: Sequence[SpanTokens], numbers: Sequence[int], classes: Sequence[str]
    ) -> None:
        counts = Counter(spans[number].row.label for number in numbers)
        self._rows: list[tuple[NDArray[np.float16], int, float]] = []
        for number in numbers:
            span = spans[number]
            of_span = 1 / counts[span.row.label]
            for tokens, share in zip(span.windows, span.seconds / span.seconds.sum(), strict=True):
                self._rows.append((tokens, classes.index(span.row.label), of_span * share))
        mean = sum(weight for _, _, weight in self._rows) / len(self._rows)
        self._rows = [(tokens, wanted, weight / mean) for tokens, wanted, weight in self._rows]

    def batches(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Tokens [B, N, hidden], classes [B] and weights [B], in random order."""
        import torch

        lengths: dict[int, list[int]] = {}
        for number in rng.permutation(len(self._rows)).tolist():
            lengths.setdefault(len(self._rows[number][0]), []).append(number)
        cut = [
            numbers[start : start + _BATCH]
            for numbers in lengths.values()
            for start in range(0, len(numbers), _BATCH)
        ]
        for place in rng.permutation(len(cut)).tolist():
            rows = [self._rows[number] for number in cut[place]]
            tokens = torch.from_numpy(np.stack([row[0] for row in rows])).float()
            wanted = torch.tensor([row[1] for row in rows])
            yield tokens, wanted, torch.tensor([row[2] for row in rows])


def _shares(
    probe: Callable[[Tensor], Tensor], spans: Sequence[SpanTokens], numbers: Sequence[int]
) -> list[NDArray[np.float64]]:
    """For each span the mean probability of each class, weighted by the length of windows."""
    import torch

    from rlm.encoders.machine import pick_device

    shares = []
    with torch.no_grad():
        for number in numbers:
            rows = [
                probe(torch.from_numpy(tokens)[None].float().to(pick_device())).softmax(-1)[0]
                for tokens in spans[number].windows
            ]
            told = torch.stack(rows).double().cpu().numpy()
            shares.append(np.average(told, axis=0, weights=spans[number].seconds))
    return shares


def _loss(
    shares: Sequence[NDArray[np.float64]],
    spans: Sequence[SpanTokens],
    numbers: Sequence[int],
    classes: Sequence[str],
) -> float:
    """Mean negative log-likelihood, every class as much as any other."""
    counts = Counter(spans[number].row.label for number in numbers)
    total = 0.0
    for row, number in zip(shares, numbers, strict=True):
        label = spans[number].row.label
        total -= np.log(max(row[classes.index(label)], 1e-12)) / counts[label]
    return total / len(counts)


def _majority(spans: Sequence[SpanTokens], split: Split) -> Accuracy:
    known = Counter(spans[number].row.label for number in (*split.fit, *split.validation))
    ((common, _),) = known.most_common(1)
    right = sum(spans[number].row.label == common for number in split.held_out)
    return Accuracy(right, len(split.held_out), len(set(split.groups)))


def _centroid(spans: Sequence[SpanTokens], split: Split) -> Accuracy:
    by_label: dict[str, list[NDArray[np.float32]]] = {}
    for number in (*split.fit, *split.validation):
        by_label.setdefault(spans[number].row.label, []).append(spans[number].pooled)
    means = {label: np.mean(rows, axis=0) for label, rows in by_label.items()}
    right = 0
    for number in split.held_out:
        pooled = spans[number].pooled
        nearest = min(means, key=lambda label: float(np.linalg.norm(means[label] - pooled)))
        right += nearest == spans[number].row.label
    return Accuracy(right, len(split.held_out), len(set(split.groups)))


def _take(
    numbers: Sequence[int],
    labels: Sequence[str],
    groups: Sequence[str],
    apart: Sequence[str],
    share: float,
    rng: np.random.Generator,
    leave: int,
) -> set[int] | None:
    """Whole ``groups`` of about ``share`` of each class, at least one span of each.

    Of each class spans in ``leave`` groups of ``apart`` stay. ``None`` when that cannot be. The
    rarest class chooses first. scikit-learn's stratified group split has folds of one size: a class
    of three spans would decide how much of all is held out.
    """
    counts = Counter(labels[number] for number in numbers)
    members: dict[str, list[int]] = {}
    for number in numbers:
        members.setdefault(groups[number], []).append(number)
    taken: set[int] = set()
    enough = round(share * len(numbers))

    def stays(without: set[int]) -> bool:
        left = {(labels[n], apart[n]) for n in numbers if n not in without}
        each = Counter(label for label, _ in left)
        return all(each[label] >= leave for label in counts)

    for label, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        wanted = max(1, round(share * count))
        own = sorted({groups[number] for number in numbers if labels[number] == label})
        for name in (own[i] for i in rng.permutation(len(own))):
            now = sum(labels[number] == label for number in taken)
            if now >= wanted or (now and len(taken) >= enough):
                break
            if stays(taken | set(members[name])):
                taken |= set(members[name])
    held = {labels[number] for number in taken}
    return taken if len(held) == len(counts) else None
