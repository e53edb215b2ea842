"""What the writers of questions share: the draft of one, fair choices of options, small words.

A choice of options is fair when four subjects are drawn first, each of which could have been asked
about, and then one of them is: then nothing in the options says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rlm.spans import Span
from rlm.world.questions.cast import Cast, Fact

OPTIONS = 4

Item = TypeVar("Item")

_ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
)
_INFINITIVES = {
    "recolour": "change colour",
    "appear": "appear out of nowhere",
    "vanish": "disappear",
    "stop": "stop",
    "bounce": "bounce off the edge",
    "turn": "turn around",
    "grow": "grow",
    "shrink": "shrink",
    "enter": "enter the picture",
    "leave": "leave the picture",
    "hide": "go behind a bar",
    "start": "start to move",
}
DOINGS = tuple(_INFINITIVES)
"""Kinds of events that one thing does by itself."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, its answer and the wrong ones; ``evidence`` is all that must be looked at.

    ``asks`` are the facts that its answer gives, ``offers`` others that would rule out a wrong one
    or give the answer away: no other question may tell of them. ``tells`` are those its words give.
    """

    text: str
    answer: str
    wrong: tuple[str, ...]
    evidence: tuple[Span, ...]
    asks: frozenset[Fact] = frozenset()
    tells: frozenset[Fact] = frozenset()
    offers: frozenset[Fact] = frozenset()


Writer = Callable[[Cast, np.random.Generator], Draft | None]


def shuffled(items: Sequence[Item], rng: np.random.Generator) -> list[Item]:
    """The items in random order."""
    return [items[i] for i in rng.permutation(len(items))]


def four(
    items: Sequence[Item],
    rng: np.random.Generator,
    clash: Callable[[Item, Item], bool],
    fit: Callable[[Item], bool] = lambda item: True,
) -> list[Item] | None:
    """Four items that are ``fit`` and do not ``clash``, in random order, or ``None``."""
    chosen: list[Item] = []
    for item in shuffled(items, rng):
        if not any(clash(item, other) for other in chosen) and fit(item):
            chosen.append(item)
            if len(chosen) == OPTIONS:
                return shuffled(chosen, rng)
    return None


def halves(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Each span as two: one picture shows no motion."""
    parts = ((Span(s.start, s.middle), Span(s.middle, s.end)) for s in spans)
    return tuple(part for pair in parts for part in pair)


def capital(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def capitals(texts: Iterable[str]) -> tuple[str, ...]:
    """Each with a capital letter."""
    return tuple(map(capital, texts))


def ordinal(number: int) -> str:
    """``1`` as ``"first"``, ``11`` as ``"11th"``, ``22`` as ``"22nd"``."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    teen = number // 10 % 10 == 1
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def infinitive(kind: str) -> str:
    """``"disappear"``."""
    return _INFINITIVES[kind]


def does(kind: str) -> str:
    """``"disappears"``."""
    verb, _, rest = _INFINITIVES[kind].partition(" ")
    return f"{verb}{'es' if verb == 'go' else 's'} {rest}".strip()


def base(words: str) -> str:
    """``"bounces off the edge"`` as ``"bounce off the edge"``."""
    verb, _, rest = words.partition(" ")
    return f"{'go' if verb == 'goes' else verb[:-1]} {rest}".strip()
