"""What a pass learns without a model: boundaries, looks, thumbnails, damage, subtitles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from rlm.index import look
from rlm.index.storage.rows import RowWriter, read_rows
from rlm.index.storage.store import Part, PartId, Track
from rlm.index.transitions import TransitionDetector
from rlm.spans import Span
from rlm.video import Cue, Reading, Subtitles, View, encode_jpeg

LOOK_SIDE = 64
"""Pixels of the square picture that a look is taken of."""
THUMBNAIL_SIDE = 144
"""Short side of a thumbnail, in pixels; those of small pictures are no larger than these."""
_LONGEST_SIDE = 4 * THUMBNAIL_SIDE
_THUMBNAIL_STEP = 1.0
_THUMBNAIL_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, ``jpeg``, of what is on display at ``time``."""

    time: float
    jpeg: bytes


class Pictures:
    """Looks and thumbnails of pictures as they go by, written to files in ``folder``."""

    def __init__(self, folder: Path, thumbnail_step: float = _THUMBNAIL_STEP) -> None:
        self.times: list[float] = []
        self._folder = folder
        self._raw = RowWriter(folder / "raw-looks.npy", (look.SIZE,), np.float32)
        self._sum = np.zeros(look.SIZE)
        self._step = thumbnail_step
        self._thumbnails = RowWriter(folder / "thumbnails.npy", (), np.uint8)
        self._thumbnail_times: list[float] = []
        self._thumbnail_ends: list[int] = []

    def add(self, view: View) -> None:
        """Take in the next picture."""
        self.times.append(view.time)
        raw = look.describe(view.rgb((LOOK_SIDE, LOOK_SIDE))[None])[0]
        self._raw.add(raw)
        self._sum += raw
        last = self._thumbnail_times[-1] if self._thumbnail_times else -self._step
        if view.time - last >= self._step:
            jpeg = encode_jpeg(_thumbnail(view), _THUMBNAIL_QUALITY)
            self._thumbnails.extend(np.frombuffer(jpeg, np.uint8))
            self._thumbnail_times.append(view.time)
            self._thumbnail_ends.append(self._thumbnails.count)

    def spans(self, duration: float) -> NDArray[np.float64]:
        """How long each was on display, float64[N, 2], tiling ``[0, duration]``."""
        edges = np.array([0.0, *self.times[1:], duration])
        return np.stack([edges[:-1], edges[1:]], axis=1)

    def looks(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The mean float32[D] of all looks, and the looks float32[N, D] centred on it."""
        mean = look.mean_of(self._sum, len(self.times))
        with closing(RowWriter(self._folder / "looks.npy", (look.SIZE,), np.float32)) as centred:
            for rows in read_rows(self._raw.array(), at_a_time=1024):
                centred.extend(look.place(rows, mean))
            return mean, centred.array()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The thumbnails, JPEG files end to end, with their times and where each ends."""
        return {
            "thumbnails": self._thumbnails.array(),
            "thumbnail-times": np.array(self._thumbnail_times),
            "thumbnail-ends": np.array(self._thumbnail_ends, dtype=np.int64),
        }

    def close(self) -> None:
        """Let go of the files."""
        self._raw.close()
        self._thumbnails.close()


def _thumbnail(view: View) -> NDArray[np.uint8]:
    width, height = view.size
    scale = min(1.0, THUMBNAIL_SIDE / min(width, height), _LONGEST_SIDE / max(width, height))
    return view.rgb((max(1, round(width * scale)), max(1, round(height * scale))))


def look_part(
    part: PartId,
    source: str,
    duration: float,
    pictures: Pictures,
    facts: Mapping[str, Any],
    timelines: Mapping[str, NDArray[np.float64]] | None = None,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> Part:
    """A part with the track ``"look"`` on the time line ``"pictures"``, and thumbnails."""
    mean, looks = pictures.looks()
    # Centred on this video's mean: the numbers mean nothing beside those of another.
    space = f"{look.SPACE}@{part.key[:12]}/centred"
    return Part(
        part,
        source,
        duration,
        timelines={"pictures": pictures.spans(duration), **(timelines or {})},
        tracks={"look": Track(space, "pictures", looks)},
        arrays={"look-mean": mean, **pictures.arrays(), **(arrays or {})},
        facts=facts,
    )


class Shots:
    """Gathers a linear pass into the part ``"shots"``. ``detector`` is fed by the pass."""

    def __init__(self, folder: Path, duration: float, min_shot: float) -> None:
        self.detector = TransitionDetector(min_shot)
        self._duration = duration
        self._pictures = Pictures(folder)
        self._facts: dict[str, Any] = {}
        self._times: list[float] = []

    @property
    def times(self) -> Sequence[float]:
        """Where shots begin, so far."""
        found = self.detector.transitions
        self._times += [each.time for each in found[len(self._times) :]]
        return self._times

    @property
    def settled(self) -> float:
        """Up to where ``times`` is complete."""
        return self.detector.settled

    @property
    def samples(self) -> int:
        """How many pictures were sampled."""
        return len(self._pictures.times)

    def add(self, view: View) -> None:
        """Take in the sample on display at ``view.time``, every picture before it being known."""
        self.detector.advance(view.time)
        self._pictures.add(view)

    def finish(self, reading: Reading) -> None:
        """Take in what is known once everything was read."""
        self.detector.finish(self._duration)
        self._facts = {
            "pictures": reading.pictures,
            "damage": [[span.start, span.end] for span in reading.damage],
            "subtitles": subtitles_fact(reading.subtitles),
            "kinds": [each.kind for each in self.detector.transitions],
        }

    def close(self) -> None:
        """Let go of the files."""
        self._pictures.close()

    def part(self, part: PartId, source: str) -> Part:
        """All of it as a part."""
        found = [(each.time, each.start, each.end) for each in self.detector.transitions]
        transitions = np.array(found, dtype=np.float64).reshape(-1, 3)
        return look_part(
            part,
            source,
            self._duration,
            self._pictures,
            self._facts,
            arrays={"transitions": transitions},
        )


def subtitles_fact(all_subtitles: Iterable[Subtitles]) -> list[JsonValue]:
    """Subtitles as JSON."""
    return [
        {
            "source": each.source,
            "language": each.language,
            "cues": [[cue.start, cue.end, cue.text] for cue in each.cues],
        }
        for each in all_subtitles
    ]


def subtitles_of(fact: Any) -> tuple[Subtitles, ...]:
    """What ``subtitles_fact`` was given."""
    return tuple(
        Subtitles(each["source"], each["language"], tuple(Cue(*cue) for cue in each["cues"]))
        for each in fact
    )


def thumbnails_of(part: Part, span: Span | None) -> Iterator[Thumbnail]:
    """The thumbnails of a part that ``look_part`` made, in order; those in ``span``, if given."""
    arrays = part.arrays
    start = 0
    for time, end in zip(
        arrays["thumbnail-times"].tolist(), arrays["thumbnail-ends"].tolist(), strict=True
    ):
        if span is None or time in span:
            yield Thumbnail(time, arrays["thumbnails"][start:end].tobytes())
        start = end
