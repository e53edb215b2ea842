"""Spans that somebody labelled, from a CSV file to what a probe is fitted on."""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction.classify import windows_of
from rlm.spans import Span, parse_time
from rlm.video import Video

COLUMNS = ("video", "start", "end", "label")
MOST_BYTES = 8 * 2**30
"""What the tokens of all spans, of all videos, may take in memory: 2000 windows of preset fast."""


@dataclass(frozen=True)
class LabelledSpan:
    """One row: what ``video`` shows in ``span``, and where that is written."""

    video: Path
    span: Span
    label: str
    where: str


@dataclass(frozen=True, eq=False)
class SpanTokens:
    """A labelled span as a probe reads it.

    ``windows`` are float16[N, hidden], layer-normed tokens of each window; ``seconds`` float64[W]
    is how long each lasts. ``content`` is the SHA-256 of the video.
    """

    row: LabelledSpan
    content: str
    windows: tuple[NDArray[np.float16], ...]
    seconds: NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        """What its tokens take in memory, in bytes."""
        return sum(tokens.nbytes for tokens in self.windows)

    @property
    def pooled(self) -> NDArray[np.float32]:
        """The mean over its tokens, float32[hidden], each window weighted by its length."""
        means = np.stack([tokens.mean(axis=0, dtype=np.float32) for tokens in self.windows])
        return np.average(means, axis=0, weights=self.seconds).astype(np.float32)


def read_labels(file: Path) -> list[LabelledSpan]:
    """The rows of a CSV file with the columns video, start, end and label.

    Paths are relative to the file; times are seconds or ``1:07.5``. Further columns and empty
    lines mean nothing.

    Raises ``UsageError``, with the file and the line, for what cannot be read.
    """
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True, strict=True)
            names = [(name or "").strip() for name in reader.fieldnames or ()]
            if missing := [name for name in COLUMNS if name not in names]:
                raise UsageError(
                    f"{file}:1: the first line names the columns {', '.join(COLUMNS)}; there is no "
                    f"{missing[0]}"
                )
            reader.fieldnames = names
            rows = [_row(file, reader.line_num, values) for values in reader]
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} cannot be read: it is not in UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"{file}:{reader.reader.line_num}: {error}") from error
    if not rows:
        raise UsageError(f"{file} holds no labelled span: write one a line below the header")
    return rows


def _row(file: Path, line: int, values: Mapping[str | None, str | None]) -> LabelledSpan:
    where = f"{file}:{line}"
    video, start, end, label = ((values.get(name) or "").strip() for name in COLUMNS)
    for name, value in zip(COLUMNS, (video, start, end, label), strict=True):
        if not value:
            raise UsageError(f"{where}: there is no {name}")
    try:
        span = Span(parse_time(start), parse_time(end))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    if not span.duration:
        raise UsageError(f"{where}: the span from {start} to {end} is empty")
    if "\0" in video:
        raise UsageError(f"{where}: no file is called {video!r:.200}")
    path = Path(video)
    with contextlib.suppress(RuntimeError):  # nobody's home: it is a file whose name begins with ~
        path = path.expanduser()
    return LabelledSpan(file.parent / path, span, label, where)


def part_of(row: LabelledSpan, video: Video) -> Span:
    """What of the span of ``row`` lies in its video; ``UsageError`` when nothing does."""
    part = row.span.intersect(video.span)
    if part is None:
        raise UsageError(
            f"{row.where}: {row.span} holds nothing of {row.video.name}, which lasts "
            f"{video.span.end:.2f} s"
        )
    return part


def overlapping(places: Sequence[tuple[str, Span]]) -> list[str]:
    """For each span of a content a name that it shares with those it overlaps, and those they do.

    How many there are is how many of the spans say something of their own.
    """
    names, group, content, end = [""] * len(places), 0, "", 0.0
    for number in sorted(range(len(places)), key=lambda number: places[number]):
        other, span = places[number]
        if other != content or span.start >= end:
            group, content, end = group + 1, other, 0.0
        end = max(end, span.end)
        names[number] = str(group)
    return names


def read_tokens(
    index: VideoIndex, rows: Sequence[LabelledSpan], taken: int = 0
) -> Iterator[SpanTokens]:
    """The tokens of spans of one video, cut into windows as ``classify`` cuts them.

    ``taken`` is how many bytes those of other videos take that are kept beside them.

    Raises ``UsageError`` for a span outside the video, a model that is no V-JEPA 2, and tokens of
    more than ``MOST_BYTES`` in all.
    """
    encoder = index.encoder()
    kept = index.kept_frames(encoder.fps)
    for row in rows:
        windows = windows_of(index, part_of(row, index.video), encoder, kept)
        tokens: list[NDArray[np.float16]] = []
        seconds: list[float] = []
        while batch := list(itertools.islice(windows, encoder.batch)):
            seconds += [window.span.duration for window in batch]
            tokens += [
                seen.reshape(-1, seen.shape[-1]).astype(np.float16)
                for seen in encoder.features([window.pictures for window in batch])
            ]
            taken += sum(each.nbytes for each in tokens[-len(batch) :])
            if taken > MOST_BYTES:
                raise UsageError(
                    f"{row.where}: the tokens of the spans up to here take more than "
                    f"{MOST_BYTES / 2**30:.0f} GiB: label fewer spans, or shorter ones"
                )
        if not tokens:
            raise UsageError(f"{row.where}: no picture in {row.span} can be decoded")
        yield SpanTokens(row, index.video.sha256, tuple(tokens), np.array(seconds))
