"""One ranking out of several that cannot be compared by score: reciprocal rank fusion.

A moment gets the sum of ``weight / (10 + rank)`` over the fields that found it (Cormack, Clarke
and Buettcher, SIGIR 2009). Their constant is 60, for lists of a thousand documents: in lists of
fifty moments of one video it leaves the first hardly more than the tenth, so that two middling
ranks outdo the best. Cosines of different spaces are never added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rlm.index.search import Hit

_CONSTANT = 10


def fuse(
    rankings: Mapping[str, Sequence[Hit]], k: int, weights: Mapping[str, float] | None = None
) -> list[Hit]:
    """The ``k`` best moments of all ``rankings``, which are by field, each best first.

    A field that is not among ``weights`` counts once.
    Hits of different fields that share time are one moment: a hit together with the best one of
    each other field that shares time with it. It lasts from the start of the first to the end of
    the last, and what shares time with a better moment is part of it; so no two moments do. The
    order of the fields does not matter.
    """
    names = sorted(rankings)
    hits = [hit for name in names for hit in rankings[name]]
    if not hits:
        return []
    ranks = np.concatenate([np.arange(1, len(rankings[name]) + 1) for name in names])
    spans = np.array([(hit.start, hit.end) for hit in hits])
    counts = {name: (weights or {}).get(name, 1.0) for name in names}
    counted = np.concatenate([np.full(len(rankings[name]), counts[name]) for name in names])
    worth = counted / (_CONSTANT + ranks)
    ends = np.cumsum([len(rankings[name]) for name in names])
    fields = [slice(end - len(rankings[name]), end) for name, end in zip(names, ends, strict=True)]
    shares = (spans[:, None, 0] < spans[None, :, 1]) & (spans[None, :, 0] < spans[:, None, 1])
    for field in fields:  # of its own field, a hit speaks for itself alone
        shares[field, field] = False
    np.fill_diagonal(shares, True)
    space = "fusion of " + " + ".join(rankings[name][0].space for name in names if rankings[name])

    moments: list[Hit] = []
    free = np.ones(len(hits), dtype=np.bool_)
    while free.any() and len(moments) < k:
        # Each hit's best partner in each field, itself in its own: [fields, hits], -1 for none.
        partners = np.full((len(fields), len(hits)), -1)
        for number, field in enumerate(fields):
            if (there := shares[:, field] & free[field]).size:
                first = there.argmax(axis=1)
                partners[number] = np.where(there.any(axis=1), first + field.start, -1)
        scores = np.where(partners >= 0, worth[partners], 0.0).sum(axis=0)
        starts = np.where(partners >= 0, spans[partners, 0], np.inf).min(axis=0)
        stops = np.where(partners >= 0, spans[partners, 1], -np.inf).max(axis=0)
        scores[~free] = -1
        # At a tie the shorter moment, which says more, then the earlier one.
        chosen = int(np.lexsort((starts, stops - starts, -scores))[0])
        found = {
            name: int(partner)
            for name, partner in zip(names, partners[:, chosen], strict=True)
            if partner >= 0
        }
        start, end = float(starts[chosen]), float(stops[chosen])
        told = [
            f"{name} {ranks[at]}{_times(counts[name])} ({hits[at].method})"
            for name, at in found.items()
        ]
        moments.append(
            Hit(
                start=start,
                end=end,
                score=float(scores[chosen]),
                space=space,
                source=" + ".join(hits[at].source for at in found.values()),
                method="reciprocal rank fusion: " + ", ".join(told),
            )
        )
        free &= ~((spans[:, 0] < end) & (start < spans[:, 1]))
        free[list(found.values())] = False  # also those that last no time
    return moments


def _times(weight: float) -> str:
    return "" if weight == 1 else f", weighted {weight:g}"
