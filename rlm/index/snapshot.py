"""What an index of one tier can be asked, gathered from its parts. It never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlm.index.plan import SCAN, Encoding, Plan, grid_of
from rlm.index.storage import store
from rlm.index.storage.store import Part, Track

KeptFrames = tuple[NDArray[np.float64], NDArray[np.uint8]]
"""Times float64[N], in seconds, and what an encoder was shown then, uint8[N, S, S, 3]."""
LOOK = "look"

_FINE = 1.0
_MOMENT = 4.0


@dataclass(frozen=True, eq=False)
class Field:
    """One track that can be searched: vectors [N, D] of spans float64[N, 2]."""

    name: str
    made_as: str
    """The name its encoder has for it."""
    track: Track
    spans: NDArray[np.float64]
    encoding: Encoding | None
    """What made it; ``None`` for the look, which no model makes."""

    @cached_property
    def fine(self) -> bool:
        """Whether rows are so short that they are as good as the pictures they were made of."""
        return bool(np.median(self.spans[:, 1] - self.spans[:, 0]) <= _FINE)

    @cached_property
    def reach(self) -> float:
        """Seconds within which two rows of one shot are likely to show the same moment."""
        if self.encoding is None or self.fine:
            return _MOMENT
        preset = self.encoding.spec.preset
        return preset.frames / preset.fps


@dataclass(frozen=True)
class Snapshot:
    """The parts of ``plan``, by key, all of them read."""

    plan: Plan
    parts: Mapping[str, Part]

    @property
    def pictures(self) -> Part:
        """The part with looks, thumbnails and, from tier 2 on, transitions."""
        return self.parts[(self.plan.scan if self.plan.tier == SCAN else self.plan.shots).key]

    @property
    def main(self) -> Part | None:
        """The part with the preset's vectors."""
        return None if self.plan.tier == SCAN else self.parts[self.plan.main.part.key]

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Every field by name, those that say most of an example first."""
        fields = {}
        if self.plan.deep is not None:
            part = self.parts[self.plan.deep.part.key]
            fields["deep"] = _field("deep", part, "moments", self.plan.deep)
        if (main := self.main) is not None:
            for name in main.tracks:
                fields[name] = _field(name, main, name, self.plan.main)
        if self.plan.tier != SCAN:
            for companion in self.plan.companions:
                part = self.parts[companion.part.key]
                for name in part.tracks:
                    fields[name] = _field(name, part, name, companion)
        fields[LOOK] = _field(LOOK, self.pictures, LOOK, None)
        return fields

    def kept_frames(self, root: Path, fps: float) -> KeptFrames | None:
        """See ``VideoIndex.kept_frames``; ``root`` is where all parts are."""
        main = self.plan.main
        if self.plan.tier == SCAN or main.spec.preset.fps != fps:
            return None
        if root not in self._kept:
            # Opening them reads and checks every byte, which is not to be done for each span.
            self._kept[root] = store.find(root, grid_of(main, main.part.content))
        kept = self._kept[root]
        times = self.pictures.timelines["pictures"][:, 0]
        if kept is None or len(kept.arrays["frames"]) != len(times):
            return None
        return times, kept.arrays["frames"]

    @cached_property
    def _kept(self) -> dict[Path, Part | None]:
        """The parts with kept frames that were opened."""
        return {}

    @property
    def damage(self) -> Sequence[tuple[float, float]]:
        """Starts and ends of what could not be decoded."""
        facts: Mapping[str, Any] = self.pictures.facts
        found: Sequence[tuple[float, float]] = facts.get("damage", [])
        return found

    def scenes(self, level: int) -> NDArray[np.float64]:
        """Starts and ends, float64[N, 2], of the scenes of a level."""
        return (self.main or self.pictures).timelines[f"scenes-{level}"]


def find_field(snapshots: Iterable[Snapshot], space: str) -> tuple[Snapshot, Field] | None:
    """The first field that lives in ``space``, with the snapshot it is of."""
    for snapshot in snapshots:
        for field in snapshot.fields.values():
            if field.track.space == space:
                return snapshot, field
    return None


def _field(name: str, part: Part, track: str, encoding: Encoding | None) -> Field:
    found = part.tracks[track]
    return Field(name, track, found, part.timelines[found.timeline], encoding)
