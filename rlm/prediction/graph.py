"""The scenes of a video as a graph: which come back, and which follow which."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction.order import energies_in_turn
from rlm.prediction.reading import tubelet_seconds
from rlm.spans import Span

MOST_SCENES = 2000
_ALIKE = 0.25
"""The mean silhouette (Rousseeuw 1987) from which on groups of scenes are taken to be real."""
_MOST_GROUPS = 24
_SAME = 0.02  # cosine distance below which scenes are one, however many there are


@dataclass(frozen=True, slots=True)
class Transition:
    """That a scene of group ``before`` is followed by one of group ``after``, ``count`` times.

    ``energy`` is the mean of how far what came was from what was expected, in layer-norm space.
    """

    before: int
    after: int
    count: int
    energy: float


@dataclass(frozen=True)
class TransitionGraph:
    """Groups of scenes that look alike, in order of first appearance, and how they follow.

    ``groups`` holds for each group its scenes as (start, end) in seconds; ``transitions`` go from
    group to group, the most frequent first. ``score`` in [-1, 1] is the mean silhouette of the
    groups: how much nearer a scene is to its own than to the next.
    """

    start: float
    end: float
    groups: tuple[tuple[tuple[float, float], ...], ...]
    transitions: tuple[Transition, ...]
    score: float
    space: str = field(repr=False)
    method: str = field(repr=False)


def transition_graph(
    index: VideoIndex, level: int = 0, inside: Span | None = None
) -> TransitionGraph:
    """The scenes of a level as a graph. Scenes shorter than a tubelet are left out.

    ``inside`` cuts the scenes to a span.

    Groups by average linkage of cosine distances, as many as have the best silhouette. Where all
    are nearly the same they are one group; where no number of groups fits, each is one of its own.
    Both have the score 0.

    Raises ``UsageError`` for less than two or more than ``MOST_SCENES`` scenes.
    """
    long = tubelet_seconds(index)
    spans = [Span(s.start, s.end) for s in index.scenes(level)]
    cut = [span if inside is None else span.intersect(inside) for span in spans]
    scenes = [scene for scene in cut if scene is not None and scene.duration >= long]
    if not 2 <= len(scenes) <= MOST_SCENES:
        raise UsageError(f"a graph is of 2 to {MOST_SCENES} scenes, not {len(scenes)}")
    embeddings = [index.embed(scene) for scene in scenes]
    labels, score = grouped(np.stack([embedding.vector for embedding in embeddings]))
    energies = energies_in_turn(index, scenes)
    seen: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    for (before, after), energy in zip(pairwise(labels.tolist()), energies.tolist(), strict=True):
        seen[before, after].append(energy)
    transitions = [Transition(*pair, len(e), float(np.mean(e))) for pair, e in seen.items()]
    return TransitionGraph(
        start=scenes[0].start,
        end=scenes[-1].end,
        groups=tuple(
            tuple((scenes[i].start, scenes[i].end) for i in np.flatnonzero(labels == group))
            for group in range(labels.max() + 1)
        ),
        transitions=tuple(sorted(transitions, key=lambda t: -t.count)),
        score=score,
        space=embeddings[0].space,
        method="average linkage of scenes; V-JEPA predictor for energies",
    )


def grouped(vectors: NDArray[np.float32]) -> tuple[NDArray[np.intp], float]:
    """A label for each of the vectors [N, D], numbered by first appearance, and the silhouette."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import silhouette_score

    best, labels = _ALIKE, np.arange(len(vectors))
    score = 0.0
    distances = np.clip(1 - vectors @ vectors.T, 0, None).astype(np.float64)
    np.fill_diagonal(distances, 0)
    if distances.max() < _SAME:
        return np.zeros(len(vectors), np.intp), score  # one group has no silhouette
    for count in range(2, min(len(vectors) - 1, _MOST_GROUPS) + 1):
        clustering = AgglomerativeClustering(count, metric="precomputed", linkage="average")
        tried = clustering.fit_predict(distances)
        fit = float(silhouette_score(distances, tried, metric="precomputed"))
        if fit > best:
            best, score, labels = fit, fit, tried
    _, first = np.unique(labels, return_index=True)
    ranks = np.argsort(np.argsort(first))
    return ranks[np.unique(labels, return_inverse=True)[1]], score
