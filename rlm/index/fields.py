"""Search as a person asks for it: a text or an example, in a field or in all of them.

A field is what is compared; the query decides which track of it can be: a text lives in the spaces
that hold text, an example in those of pictures and of V-JEPA.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlm.errors import SpaceMismatch, UsageError
from rlm.index.fusion import fuse
from rlm.index.search import Hit, touching
from rlm.index.spoken.transcript import prepared
from rlm.index.video_index import VideoIndex
from rlm.spans import Span
from rlm.video import Subtitles, Video

Query = str | NDArray[np.uint8] | Span
"""A text, pictures uint8[T, H, W, 3] or [H, W, 3], or a span of the video."""

ALL, TEXT = "all", "text"
DEPTH = 50
"""Hits of each field that are fused, at least."""

_BY_TEXT = {"motion": ("joint", "videoprism"), "visual": ("siglip2",)}
_BY_EXAMPLE = {"motion": ("deep", "vjepa"), "visual": ("look",)}

_WEIGHTS = {"motion": 2.0}
"""By example V-JEPA's own features, which hold what things look like too, count twice: of another
kind of visit in front of a camera that stands still, ``look`` knows nothing (bench_tools.py)."""


def fields(index: VideoIndex) -> tuple[str, ...]:
    """The fields this index can be searched in, by some query or other."""
    there = set(index.fields)
    found = [name for name in _BY_EXAMPLE if there & {*_BY_TEXT[name], *_BY_EXAMPLE[name]}]
    return (*found, TEXT) if index.transcripts else tuple(found)


def check_field(index: VideoIndex, field: str | None) -> None:
    """Raise ``UsageError``, naming the fields there are, when ``field`` is none of them."""
    known = fields(index)
    if field not in (None, ALL, *known):
        raise UsageError(f"this index has no field {field!r}; it has: {', '.join(known)}, {ALL}")


def check_space(index: VideoIndex, field: str | None, space: str) -> None:
    """Raise ``SpaceMismatch``, naming both spaces, when ``field`` is searched in no such space.

    ``UsageError`` when it is no field of this index or one of words.
    """
    check_field(index, field)
    if field in (None, ALL):
        return
    if field == TEXT:
        raise UsageError(f"the field {TEXT!r} is searched by words, not by vectors")
    names = (*_BY_TEXT[str(field)], *_BY_EXAMPLE[str(field)])
    own = [index.spaces[name] for name in names if name in index.fields]
    if space not in own:
        raise SpaceMismatch(
            f"{space} is no space of the field {field!r}, which has {', '.join(own)}"
        )


def search(
    index: VideoIndex,
    query: Query,
    field: str = ALL,
    k: int = 5,
    span: Span | None = None,
    exclude: Span | None = None,
    diverse: bool = True,
) -> list[Hit]:
    """The ``k`` moments most like ``query``, best first; fewer where there are no more.

    In one field as ``VideoIndex.nearest`` has it, in ``"text"`` as ``Transcript.search``; in
    ``"all"`` the rankings of all fields that this query can be compared in are fused (see
    ``fuse``), or, where that is one, it alone answers. The hits say which it was.

    Raises ``UsageError`` for a field there is not, or in which this query cannot be compared,
    naming those in which it can, for an empty text and for ``k`` below 1; what ``VideoIndex.embed``
    raises.
    """
    if isinstance(query, str) and not query.strip():
        raise UsageError("an empty text cannot be searched for: say what to look for")
    if k < 1:
        raise UsageError(f"k is the number of hits wanted, at least 1, not {k}")
    by_text = isinstance(query, str)
    tracks = _first(_BY_TEXT if by_text else _BY_EXAMPLE, index.fields)
    # Where the field is one of vectors, nothing need be known of what is said.
    spoken = index.transcripts[:1] if by_text and field not in tracks else ()
    if spoken:
        tracks[TEXT] = "transcript"
    if field not in (ALL, *tracks):
        check_field(index, field)
        what = "a text" if by_text else "an example"
        able = ", ".join([*tracks, ALL]) if tracks else "no field"
        raise UsageError(f"{what} cannot be compared in the field {field!r} here, but in: {able}")
    if not tracks:
        raise UsageError(
            f"an index of tier {index.tier} with preset {index.preset} has no text side, and the "
            "video no transcript: search by a span or by pictures"
        )

    def found(name: str, most: int) -> list[Hit]:
        if isinstance(query, str) and name == TEXT:
            if field == ALL and not any(letter.isalnum() for letter in query):
                return []  # there is no word to look for
            return _said(spoken[0], index.video, query, most, span)
        embedding = index.embed(query, tracks[name])
        return index.nearest(embedding, most, span=span, exclude=exclude, diverse=diverse)

    if field != ALL:
        return found(field, k)
    if len(tracks) > 1:
        rankings = {name: found(name, max(k, DEPTH)) for name in tracks}
        return fuse(rankings, k, None if by_text else _WEIGHTS)
    (only,) = tracks
    note = f"{only} is the only field for this query"
    return [replace(hit, method=f"{hit.method}; {note}") for hit in found(only, k)]


def _first(by_field: Mapping[str, tuple[str, ...]], tracks: Collection[str]) -> dict[str, str]:
    """Of each field the first of its tracks that is there."""
    there = {name: [each for each in wanted if each in tracks] for name, wanted in by_field.items()}
    return {name: found[0] for name, found in there.items() if found}


def _said(subtitles: Subtitles, video: Video, query: str, k: int, span: Span | None) -> list[Hit]:
    """Where words of ``query`` are said."""
    transcript = prepared(subtitles)
    hits: list[Hit] = []
    for score, cue in transcript.search(query, max(k, len(transcript.cues))):
        part = Span(cue.start, cue.end).intersect(video.span)
        if part is None or (span is not None and not touching(np.array([[*part]]), span)[0]):
            continue
        source = f"words in {subtitles.source}"
        hits.append(Hit(part.start, part.end, score, source, "transcript", source))
    return hits[:k]
