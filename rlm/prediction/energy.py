"""How far a continuation is from what was expected: the energies that all judgements share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rlm.encoders import Encoder

Tokens = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Foreseen:
    """One context and what came of it, in layer-norm space: all float32[D, G * G, hidden].

    ``expected`` are the D tubelets that were foretold, ``real`` those that came (as many as
    there were), ``last`` float32[G * G, hidden] is the last tubelet of the context.
    """

    expected: Tokens
    real: Tokens
    last: Tokens

    @property
    def energy(self) -> NDArray[np.float64]:
        """Mean absolute difference of what was expected to what came, for each tubelet."""
        return _distance(self.expected[: len(self.real)], self.real)

    @property
    def copy_energy(self) -> NDArray[np.float64]:
        """The same for a copy of the last tubelet: what a still world would have."""
        return _distance(self.last[None], self.real)


def foresee(
    encoder: Encoder,
    contexts: Sequence[NDArray[np.uint8]],
    continuations: Sequence[NDArray[np.uint8]],
    ahead: int,
) -> list[Foreseen]:
    """Foretell ``ahead`` tubelets of each context, and encode what came.

    Contexts and continuations are uint8[T, crop, crop, 3], T even; a continuation may be empty.
    What came is encoded together with its context, as the targets were in training (encoded by
    itself it would lie elsewhere); what is expected is foretold from the context alone.

    Raises ``UsageError`` as ``Encoder.predict`` does.
    """
    foretold = encoder.predict(contexts, ahead)
    whole = encoder.features(
        [
            np.concatenate([context, came]) if len(came) else context
            for context, came in zip(contexts, continuations, strict=True)
        ]
    )
    return [
        Foreseen(expected, tokens[len(seen) :], seen[-1])
        for (seen, expected), tokens in zip(foretold, whole, strict=True)
    ]


def foresee_each(
    encoder: Encoder, pairs: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]], ahead: int
) -> Iterator[Foreseen]:
    """``foresee`` for many pairs of a context and its continuation, a batch in memory at a time."""
    left = iter(pairs)
    while batch := list(islice(left, encoder.batch)):
        contexts, continuations = zip(*batch, strict=True)
        yield from foresee(encoder, contexts, continuations, ahead)


def _distance(one: Tokens, other: Tokens) -> NDArray[np.float64]:
    means: NDArray[np.float64] = np.abs(one - other).mean(axis=(1, 2), dtype=np.float64)
    return means
