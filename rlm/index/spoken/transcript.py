"""What is said or shown as text in a video: by time, and searched by words."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.video.subtitles import Cue, Subtitles

_WORD = re.compile(r"\w+")
# Accents of the Latin, Greek and Cyrillic scripts; marks of other scripts are letters.
_ACCENTS = re.compile("[\u0300-\u036f]")
# Scripts written without spaces: Thai to Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)

# Words less alike than this (cosine of their character n-grams) are other words.
_ALIKE = 0.5
# Short words have others one letter away: "cat", "car".
_SHORT = 3
# Sentences go on over such a pause, in seconds.
_PAUSE = 3.0
# Two cues joined hold more words by chance.
_JOINED = 0.9
# The share of the score that is for words that follow each other as in the query.
_ORDER = 0.25

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class TextHit:
    """Where something is said: ``score`` as ``Transcript.search`` gives it, times in seconds."""

    start: float
    end: float
    score: float
    text: str


class Transcript:
    """The cues of one source of subtitles; ``search`` prepares its index when first called."""

    def __init__(self, subtitles: Subtitles) -> None:
        self.subtitles = subtitles

    @property
    def cues(self) -> tuple[Cue, ...]:
        """All of them, by start."""
        return self.subtitles.cues

    def between(self, start: float, end: float) -> tuple[Cue, ...]:
        """The cues that are on at some time of ``[start, end)``, or at the moment ``start == end``.

        Raises ``UsageError`` when ``end`` lies before ``start``.
        """
        if not start <= end:
            raise UsageError(f"a span ends before it starts: ({start}, {end})")
        return tuple(
            cue
            for cue in self.cues
            if cue.end > start and (cue.start < end or cue.start == start == end)
        )

    def search(self, query: str, k: int = 5) -> list[tuple[float, Cue]]:
        """The ``k`` places that say most of ``query``, best first, then by time.

        The score, in ``(0, 1]``, is the share of the query's words that are said, rare words
        weighing more (inverse document frequency) and words of similar spelling counting in part
        (cosine of character n-grams), so that inflected and mistyped words are found in any
        language. A quarter of it is for words in the order of the query. Two cues that follow each
        other make one hit where a phrase runs across them; its cue is both joined. What shares no
        word with the query is no hit.

        Raises ``UsageError`` for a query without words and for ``k`` below 1.
        """
        if k < 1:
            raise UsageError(f"k is at least 1, not {k}")
        words = _words(query)
        if not words:
            raise UsageError(f"a search needs a word to look for, not {query!r}")
        if self._index is None:
            return []
        scores: list[float] = self._index.scores(words).tolist()
        found: list[tuple[float, Cue]] = []
        taken: set[int] = set()
        ranked = sorted(
            (n for n, score in enumerate(scores) if score > 0),
            key=lambda n: (-round(scores[n], 9), len(self._passages[n]), self._passages[n]),
        )
        for number in ranked:
            passage = self._passages[number]
            if taken.isdisjoint(passage):
                taken.update(passage)
                found.append((scores[number], self._joined(passage)))
                if len(found) == k:
                    break
        return found

    @cached_property
    def _passages(self) -> list[tuple[int, ...]]:
        """What a hit may be: each cue, and each two that follow each other; numbers of cues."""
        passages: list[tuple[int, ...]] = [(n,) for n in range(len(self.cues))]
        passages += [
            (n, n + 1)
            for n, (cue, after) in enumerate(pairwise(self.cues))
            if after.start - cue.end <= _PAUSE
        ]
        return passages

    def _joined(self, passage: Sequence[int]) -> Cue:
        cues = [self.cues[n] for n in passage]
        end = max(cue.end for cue in cues)
        return Cue(cues[0].start, end, "\n".join(cue.text for cue in cues))

    @cached_property
    def _index(self) -> _Index | None:
        spoken = [_words(cue.text) for cue in self.cues]
        passages = [[word for n in passage for word in spoken[n]] for passage in self._passages]
        if not any(passages):
            return None
        weights = np.array([1.0 if len(p) == 1 else _JOINED for p in self._passages])
        return _Index.of(passages, weights, len(self.cues))


@lru_cache(maxsize=4)
def prepared(subtitles: Subtitles) -> Transcript:
    """The transcript of ``subtitles``, kept, since searching one indexes its words first."""
    return Transcript(subtitles)


@dataclass(frozen=True)
class _Index:
    """Passages as sets of words, and words as sets of character n-grams."""

    passages: list[list[str]]
    weights: Scores
    vocabulary: dict[str, int]
    holds: Any
    """Sparse bool [passages, words]."""
    rarity: Scores
    spelling: Any
    """A fitted CountVectorizer of character n-grams."""
    spelled: Any
    """Sparse bool [words, n-grams]."""
    lengths: NDArray[np.int64]
    """N-grams of each word."""

    @classmethod
    def of(cls, passages: list[list[str]], weights: Scores, cues: int) -> _Index:
        from sklearn.feature_extraction.text import CountVectorizer

        counter = CountVectorizer(analyzer=_as_it_is, binary=True)
        holds = counter.fit_transform(passages)
        words = counter.get_feature_names_out().tolist()
        among = np.asarray(holds[:cues].sum(axis=0)).ravel()
        rarity = np.log((1 + cues) / (1 + among)) + 1
        spelling = CountVectorizer(analyzer=_ngrams, binary=True)
        spelled = spelling.fit_transform(words)
        return cls(
            passages,
            weights,
            counter.vocabulary_,
            holds.tocsc(),
            rarity,
            spelling,
            spelled,
            np.diff(spelled.indptr).astype(np.int64),
        )

    def scores(self, query: list[str]) -> Scores:
        """How much of the query each passage says, ``[passages]``, 0 to 1."""
        likeness = {word: self._likeness(word) for word in dict.fromkeys(query)}
        total, said = 0.0, np.zeros(len(self.passages))
        for word, alike in likeness.items():
            # A word that nobody says is as rare as can be.
            own = self.rarity[self.vocabulary[word]] if word in self.vocabulary else None
            rarity = float(self.rarity.max() if own is None else own)
            total += rarity
            best = np.zeros(len(self.passages))
            for number, value in alike.items():
                rows = self.holds.indices[self.holds.indptr[number] : self.holds.indptr[number + 1]]
                np.maximum.at(best, rows, value)
            said += rarity * best
        said /= total
        steps = list(pairwise(query))
        if steps:
            for number in np.flatnonzero(said).tolist():
                order = self._order(steps, likeness, self.passages[number])
                said[number] *= 1 - _ORDER + _ORDER * order
        scores: Scores = said * self.weights
        return scores

    def _likeness(self, word: str) -> dict[int, float]:
        """The words of the transcript that are spelled as ``word`` is, and how much, up to 1."""
        known = self.vocabulary.get(word)
        if len(word) <= _SHORT or not word.isalpha() or _UNSPACED.search(word):
            return {} if known is None else {known: 1.0}
        shared = (self.spelled @ self.spelling.transform([word]).T).tocoo()
        length = len(_ngrams(word))
        alike = {}
        for number, common in zip(shared.row.tolist(), shared.data.tolist(), strict=True):
            cosine = common / math.sqrt(length * int(self.lengths[number]))
            if cosine >= _ALIKE:
                alike[number] = cosine
        return alike if known is None else alike | {known: 1.0}

    def _order(
        self,
        steps: list[tuple[str, str]],
        likeness: dict[str, dict[int, float]],
        passage: list[str],
    ) -> float:
        """The share of the query's steps from word to word that the passage takes as well."""
        said = list(pairwise(self.vocabulary[word] for word in passage))
        taken = 0.0
        for first, second in steps:
            one, two = likeness[first], likeness[second]
            taken += max((one.get(a, 0.0) * two.get(b, 0.0) for a, b in said), default=0.0)
        return taken / len(steps)


def _words(text: str) -> list[str]:
    """Words as they are compared; where none are spaced, each letter and each two neighbours."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    words: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFC", plain)):
        if _UNSPACED.search(word):
            words += [part for a, b in pairwise(word) for part in (a, a + b)] + [word[-1]]
        else:
            words.append(word)
    return words


def _as_it_is(words: list[str]) -> list[str]:
    return words


def _ngrams(word: str) -> set[str]:
    """Runs of 2 to 4 characters, and the beginnings, which inflected words have in common."""
    marked = f" {word} "
    runs = {
        marked[start : start + length]
        for length in (2, 3, 4)
        for start in range(len(marked) - length + 1)
    }
    return runs | {f"^{word[:length]}" for length in range(1, min(len(word), 6) + 1)}
