"""One pass: views that cost nothing until looked at, and the subtitles met on the way."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from rlm.errors import UsageError, VideoDamaged, VideoNotFound
from rlm.spans import Span
from rlm.video import Video
from rlm.video.convert import Converter

HEADER = b"""[Script Info]
ScriptType: v4.00+

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
CUES = [(0.5, 1.2, "Bonjour"), (1.5, 2.5, "le monde"), (2.9, 3.4, "fin")]


@pytest.fixture
def conversions(monkeypatch):
    made = []
    convert = Converter.__call__
    monkeypatch.setattr(Converter, "__call__", lambda *args: made.append(1) or convert(*args))
    return made


def test_frames_are_the_views_of_a_reading(films, kind):
    video = Video.open(films[kind].path)
    for fps in (None, 7.0):
        with video.read(fps) as reading:
            views = [(view.time, view.rgb(20).copy()) for view in reading]
        frames = list(video.frames(fps, size=20))
        assert [time for time, _ in views] == [frame.time for frame in frames]
        for (_, rgb), frame in zip(views, frames, strict=True):
            np.testing.assert_array_equal(rgb, frame.rgb)
        assert reading.damage == ()
        assert reading.subtitles == ()


def test_only_what_is_looked_at_is_converted(films, conversions):
    video = Video.open(films["mp4"].path)
    with video.read() as reading:
        for number, view in enumerate(reading):
            if number % 30 == 0:
                small, large = view.rgb(24), view.rgb((160, 96))
                assert (small.shape, large.shape) == ((24, 40, 3), (96, 160, 3))
                assert view.rgb((40, 24)) is small
                with pytest.raises(UsageError, match="1 to 16384"):
                    view.rgb(0)
    assert reading.pictures == 90
    assert len(conversions) == 6


def test_a_picture_shown_twice_is_converted_once(films, conversions):
    video = Video.open(films["mp4"].path)
    with video.read(120, Span(0, 0.1)) as reading:
        arrays = [view.rgb(24) for view in reading]
    assert len(arrays) == 12
    assert len(conversions) == len({id(array) for array in arrays}) == 3


def test_a_reading_can_be_left_early(films):
    video = Video.open(films["long"].path)
    with video.read() as reading:
        next(reading)
    assert reading.pictures < 100
    with pytest.raises(StopIteration):
        next(reading)
    reading.close()
    with video.read() as unread:
        assert (unread.pictures, unread.damage, unread.subtitles) == (0, (), ())
    for wrong in ({"fps": 0.0}, {"span": Span(100, 101)}):
        with pytest.raises(UsageError):
            video.read(**wrong)


def with_text(film, path, codec, cues, later=0.0):
    """The film with a subtitle stream; its times are the film's own, moved by ``later``."""
    with av.open(str(film.path)) as source, av.open(str(path), "w") as out:
        pictures = out.add_stream_from_template(source.streams.video[0])
        text = out.add_stream(codec)
        text.time_base = Fraction(1, 1000)
        text.codec_context.subtitle_header = HEADER
        text.metadata["language"] = "fre"
        packets = []
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                packets.append((float((packet.dts or 0) * packet.time_base), packet))
        for number, (start, end, line) in enumerate(cues):
            payload = line.encode()
            if codec == "mov_text":
                payload = len(payload).to_bytes(2, "big") + payload
            if codec == "ass":
                payload = f"{number},0,Default,,0,0,0,,".encode() + payload
            packet = av.Packet(payload)
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = round((start + later) * 1000)
            packet.duration = round((end - start) * 1000)
            packets.append((start + later, packet))
        for _, packet in sorted(packets, key=lambda each: each[0]):
            out.mux(packet)
    return Video.open(path)


@pytest.mark.parametrize(
    ("codec", "kind", "later"),
    [
        ("subrip", "late mkv", 6.0),
        ("ass", "late mkv", 6.0),
        ("webvtt", "vp9", 0.0),
        ("mov_text", "late mp4", 5.0),
        ("mov_text", "mp4", 0.0),
    ],
)
def test_embedded_subtitles_are_on_the_clock_of_the_pictures(films, tmp_path, codec, kind, later):
    film = films[kind]
    video = with_text(film, tmp_path / f"told{film.path.suffix}", codec, CUES, later)
    for fps, tap in ((None, None), (0.5, None), (2.0, lambda time, sample: None)):
        with video.read(fps, tap=tap, subtitles=True) as reading:
            assert sum(1 for _ in reading) >= 2
        (subtitles,) = reading.subtitles
        assert subtitles.language == "fre"
        assert subtitles.source == "stream 1"
        assert [cue.text for cue in subtitles.cues] == [text for _, _, text in CUES]
        for cue, (start, end, _) in zip(subtitles.cues, CUES, strict=True):
            assert (cue.start, cue.end) == pytest.approx((start, end), abs=1e-3)
        assert reading.damage == ()
    with video.read() as reading:
        assert sum(1 for _ in reading) == len(film.times)
        assert reading.subtitles == ()


def test_text_from_before_the_first_picture_is_left_out(films, tmp_path):
    cues = [(-3.0, -1.0, "early"), (-0.5, 1.0, "half"), (1.0, 2.0, "whole")]
    video = with_text(films["late mkv"], tmp_path / "early.mkv", "subrip", cues, 6.0)
    with video.read(1.0, subtitles=True) as reading:
        list(reading)
    found = [(cue.start, cue.end, cue.text) for cue in reading.subtitles[0].cues]
    assert found == [(0.0, 1.0, "half"), (1.0, 2.0, "whole")]


def test_subtitles_of_the_broadcast_file(shared_videos):
    video = Video.open(shared_videos / "nasa_jwst" / "nasa_13013.mp4")
    with video.read(1.0, subtitles=True) as reading:
        list(reading)
    assert [each.source for each in reading.subtitles] == ["stream 2", "stream 5"]
    assert "one of the largest cleanrooms" in reading.subtitles[0].cues[1].text


def test_a_file_that_changes_is_noticed(films, tmp_path):
    path = tmp_path / "growing.ts"
    data = films["ts"].path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    video, other = Video.open(path), Video.open(path)
    video.check_unchanged()
    digest = other.sha256
    with path.open("ab") as file:
        file.write(data[len(data) // 2 :])
    for check in (video.check_unchanged, lambda: video.sha256):
        with pytest.raises(VideoDamaged, match=r"has changed .* to \d+ bytes\); wait until"):
            check()
    assert other.sha256 == digest
    # What was there when it was opened can still be read.
    assert all(frame.time in video.span for frame in video.frames())
    whole = Video.open(path)
    path.with_suffix(".new").write_bytes(data)
    path.with_suffix(".new").replace(path)
    with pytest.raises(VideoDamaged, match="in place"):
        whole.check_unchanged()
    path.unlink()
    with pytest.raises(VideoNotFound, match="any more"):
        whole.check_unchanged()
