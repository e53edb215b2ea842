"""Labelled spans: what may stand in the file, and what of it a probe reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.index.reading import read_span
from rlm.prediction import labelled
from rlm.prediction.classify import windows_of
from rlm.prediction.labelled import LabelledSpan, overlapping, read_labels, read_tokens
from rlm.spans import Span

HEADER = "video,start,end,label\n"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "labels.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_rows_as_spreadsheets_and_people_write_them(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        b"\xef\xbb\xbfstart, end,who,video,label\r\n"
        b"1.5,4,me,a.mp4,red\r\n\r\n"
        b'1:07.5,1:10,you,"sub/b, c.mp4"," two words "\r\n',
    )
    one, two = read_labels(file)
    assert one == LabelledSpan(tmp_path / "a.mp4", Span(1.5, 4.0), "red", f"{file}:2")
    assert two == LabelledSpan(
        tmp_path / "sub" / "b, c.mp4", Span(67.5, 70.0), "two words", f"{file}:4"
    )


def test_a_file_whose_name_begins_like_a_home(tmp_path: Path) -> None:
    (one,) = read_labels(written(tmp_path, HEADER + "~backup.mp4,1,2,x\n"))
    assert one.video == tmp_path / "~backup.mp4"


def test_spans_that_overlap_belong_together() -> None:
    spans = [("a", 0, 2), ("b", 1, 3), ("a", 1.5, 4), ("a", 3, 5), ("a", 5, 6)]
    names = overlapping([(content, Span(start, end)) for content, start, end in spans])
    assert names[0] == names[2] == names[3] and len(set(names)) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "csv:1: the first line names the columns video, start, end, label; there is no video"),
        ("video,start,end\na,1,2\n", "csv:1: the first line names the columns .* no label"),
        (HEADER, "csv holds no labelled span"),
        (HEADER + "a.mp4,1,2,x\na.mp4,1,2\n", "csv:3: there is no label"),
        (HEADER + "a.mp4,1,,x\n", "csv:2: there is no end"),
        (HEADER + "a.mp4,soon,2,x\n", "csv:2: a time is written 67.5, 1:07.5 or 1:02:03"),
        (HEADER + "a.mp4,nan,2,x\n", "csv:2: a time is written"),
        (HEADER + "a.mp4,3,2,x\n", "csv:2: a span ends before it starts"),
        (HEADER + "a.mp4,2,2,x\n", "csv:2: the span from 2 to 2 is empty"),
        (HEADER + "a\0b.mp4,1,2,x\n", "csv:2: (no file is called|line contains NUL)"),
        (HEADER + 'a.mp4,1,2,"x\n', "csv:2: unexpected end of data"),
        (b"\xff\xfe\x00v", "csv cannot be read: it is not in UTF-8"),
    ],
)
def test_bad_rows_are_named_by_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_labels(written(tmp_path, text))
    with pytest.raises(UsageError, match=r"none.csv cannot be read: No such file"):
        read_labels(tmp_path / "none.csv")


def row(index: VideoIndex, start: float, end: float) -> LabelledSpan:
    return LabelledSpan(index.video.path, Span(start, end), "x", "labels.csv:2")


def test_tokens_are_of_the_windows_that_are_classified(index: VideoIndex) -> None:
    cut = index.scenes()[1].start
    rows = [row(index, cut - 1.5, cut + 1.0), row(index, 3.1, 3.2)]
    crossing, short = read_tokens(index, rows)
    assert crossing.seconds.tolist() == pytest.approx([1.5, 1.0], abs=0.05)
    assert len(short.windows) == 1 and short.seconds.tolist() == pytest.approx([0.1])
    encoder = index.encoder()
    kept = index.kept_frames(encoder.fps)
    assert kept is not None
    first = next(windows_of(index, rows[0].span, encoder, kept))
    wanted = encoder.features([first.pictures])[0].reshape(-1, 48)
    assert np.allclose(crossing.windows[0], wanted, atol=2e-2)
    pooled = [tokens.astype(float).mean(0) for tokens in crossing.windows]
    mean = np.average(pooled, axis=0, weights=crossing.seconds)
    assert np.allclose(crossing.pooled, mean, atol=1e-3)


def test_kept_frames_show_what_decoding_shows(index: VideoIndex) -> None:
    encoder = index.encoder()
    span = Span(2.0, 9.0)
    kept = list(windows_of(index, span, encoder, index.kept_frames(encoder.fps)))
    decoded = list(windows_of(index, span, encoder, None))
    for one, other in zip(kept, decoded, strict=True):
        assert one.span.start == pytest.approx(other.span.start, abs=0.05)
        assert one.pictures.shape == other.pictures.shape
        assert np.abs(one.pictures.astype(int) - other.pictures).mean() < 2


@pytest.mark.parametrize("length", [4.0, 0.1, 7.3])
def test_a_span_off_the_grid_of_kept_frames_is_cut_alike(index: VideoIndex, length: float) -> None:
    encoder = index.encoder()
    kept = index.kept_frames(encoder.fps)
    assert kept is not None
    boundaries = np.array([])
    for start in (10.1, 10.2, 0.3):
        span = Span(start, start + length)
        ours = list(read_span(index.video, encoder, span, boundaries, kept))
        theirs = list(read_span(index.video, encoder, span, boundaries))
        assert [one.pictures.shape for one in ours] == [one.pictures.shape for one in theirs]
        assert [one.span for one in ours] == [one.span for one in theirs]
        # What is on display at 10.35 s was kept as what is at 10.25 s.
        shown = np.concatenate([one.pictures for one in ours])
        first = int(np.searchsorted(kept[0], start, side="right")) - 1
        assert np.array_equal(shown, kept[1][first : first + len(shown)])


def test_a_cut_between_two_kept_frames(index: VideoIndex) -> None:
    """Of a shot the kept frames show none but its own."""
    encoder = index.encoder()
    kept = index.kept_frames(encoder.fps)
    assert kept is not None
    span, boundaries = Span(10.0, 12.0), np.array([10.9])
    ours = list(read_span(index.video, encoder, span, boundaries, kept))
    theirs = list(read_span(index.video, encoder, span, boundaries))
    assert [one.span for one in ours] == [one.span for one in theirs]
    assert [len(one.pictures) for one in ours] == [len(one.pictures) for one in theirs]
    assert np.array_equal(ours[1].pictures[0], kept[1][44])  # at 11 s


def test_the_limit_is_one_for_all_videos(
    index: VideoIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = read_tokens(index, [row(index, 1, 2)])
    assert one.nbytes == sum(tokens.nbytes for tokens in one.windows) > 0
    monkeypatch.setattr(labelled, "MOST_BYTES", 2 * one.nbytes)
    (other,) = read_tokens(index, [row(index, 1, 2)], one.nbytes)
    assert other.nbytes == one.nbytes
    with pytest.raises(UsageError, match="the tokens of the spans up to here take more"):
        list(read_tokens(index, [row(index, 1, 2)], one.nbytes + 1))


def test_what_cannot_be_read(index: VideoIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"^labels.csv:2: 1:00.0-1:01.0 holds nothing of film.mp4"):
        list(read_tokens(index, [row(index, 60, 61)]))
    monkeypatch.setattr(labelled, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match=r"^labels.csv:2: the tokens of the spans .* take more"):
        list(read_tokens(index, [replace(row(index, 1, 2))]))
