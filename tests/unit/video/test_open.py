"""What Video.open says of good files, and the one line it says of bad ones."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
import pytest

from rlm.errors import NotAVideo, VideoDamaged, VideoNotFound
from rlm.video import Video


def refuse(path, kind, *words):
    with pytest.raises(kind) as caught:
        Video.open(path)
    message = str(caught.value)
    assert caught.type is kind
    assert "\n" not in message
    assert str(path) in message
    assert ";" in message, "a remedy follows the complaint"
    for word in words:
        assert word in message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_facts_of_an_ordinary_file(studio):
    film = studio.film("facts.mp4", 50, rate=25, size=(96, 64), sound=2.0)
    video = Video.open(str(film.path))
    assert video.path == film.path
    assert video.span.end == 2.0
    assert video.frame_rate == Fraction(25)
    assert video.size == (96, 64)
    assert (video.rotation, video.origin) == (0, 0.0)
    assert [(s.index, s.kind, s.codec) for s in video.streams] == [
        (0, "video", "h264"),
        (1, "audio", "aac"),
    ]
    assert video.stream is video.streams[0]
    assert video.sha256 == hashlib.sha256(film.path.read_bytes()).hexdigest()


def test_time_starts_with_the_first_picture(films):
    assert Video.open(films["late mp4"].path).origin == 5.0
    assert Video.open(films["late mkv"].path).origin == 6.0


def test_sound_that_goes_on_does_not_lengthen_the_video(studio):
    for name in ("outlasted.mp4", "outlasted.mkv", "outlasted.ts"):
        video = Video.open(studio.film(name, 30, rate=30, sound=9.0).path)
        assert video.span.end == pytest.approx(1.0, abs=0.002), name


def test_one_picture_is_a_video(studio, number_of):
    for name in ("one.mp4", "one.mkv"):
        video = Video.open(studio.film(name, [0], rate=25).path)
        assert video.span.end == pytest.approx(0.04, abs=0.001)
        assert [number_of(frame.rgb) for frame in video.frames(4)] == [0]
        assert len(video.clip(count=3)) == 3


def test_a_wrong_duration_in_the_header_is_not_believed(studio):
    film = studio.film("liar.mp4", 60)
    data = bytearray(film.path.read_bytes())
    for box, at in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        place = data.index(box) + at
        data[place : place + 4] = (10**7).to_bytes(4, "big")
    lied = film.path.with_name("lied.mp4")
    lied.write_bytes(data)
    assert Video.open(lied).span.end == 2.0
    assert Video.open(lied).missing == 0.0

    film = studio.film("liar.mkv", 60)
    data = bytearray(film.path.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3
    data[place : place + 8] = b"\x41\x50\x00\x00\x00\x00\x00\x00"  # 4194304 ms
    lied = film.path.with_name("lied.mkv")
    lied.write_bytes(data)
    assert av.open(str(lied)).duration > 100_000_000
    video = Video.open(lied)
    assert video.span.end == pytest.approx(2.0, abs=0.002)
    assert len(list(video.frames(30))) == 60


def test_nothing_is_missing_from_a_whole_film(films, kind):
    assert Video.open(films[kind].path).missing == 0.0


@pytest.mark.parametrize("sound", [0.0, 12.0, 30.0])
@pytest.mark.parametrize(
    ("name", "muxer"),
    [("broke.mp4", {"movflags": "faststart"}), ("broke.mkv", {})],
)
def test_what_a_broken_download_lacks_is_told(studio, name, muxer, sound):
    film = studio.film(
        f"{sound}{name}",
        300,
        rate=25,
        options={"g": "15", "crf": "1"},
        muxer={**muxer, "max_interleave_delta": "0"},
        sound=sound,
    )
    assert Video.open(film.path).missing == 0.0
    data = film.path.read_bytes()
    broken = film.path.with_name(f"short{sound}{name}")
    broken.write_bytes(data[: int(len(data) * 0.6)])
    video = Video.open(broken)
    assert 2 < video.span.end < 9
    assert video.missing == pytest.approx(12.0 - video.span.end, abs=0.05)


def test_sound_that_goes_on_is_no_sign_of_missing_pictures(studio):
    for name in ("echo.mp4", "echo.mkv", "echo.ts"):
        film = studio.film(name, 30, rate=30, sound=9.0)
        assert Video.open(film.path).missing == 0.0, name


def two_streams(path, first, second):
    """Mux the video streams of two files into one; each comes with its disposition."""
    with av.open(str(path), "w") as out:
        for source, disposition in (first, second):
            with av.open(str(source)) as container:
                stream = out.add_stream_from_template(container.streams.video[0])
                stream.disposition = disposition
        for index, (source, _) in enumerate((first, second)):
            with av.open(str(source)) as container:
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.stream = out.streams[index]
                        out.mux(packet)


def test_the_default_stream_is_the_video(studio, tmp_path):
    from av.stream import Disposition

    one = studio.film("first.mkv", 30, size=(80, 48)).path
    two = studio.film("second.mkv", 60, size=(64, 64)).path
    path = tmp_path / "two.mkv"
    two_streams(path, (one, Disposition.dub), (two, Disposition.default))
    video = Video.open(path)
    assert video.stream.index == 1
    assert video.size == (64, 64)
    assert len(list(video.frames())) == 60
    two_streams(path, (one, Disposition.default), (two, Disposition.default))
    assert Video.open(path).stream.index == 0


def test_a_cover_is_not_the_video(studio, tmp_path):
    from av.stream import Disposition

    cover = studio.film("cover.mkv", 1, codec="mjpeg", pix_fmt="yuvj420p", size=(32, 32)).path
    film = studio.film("covered.mkv", 30).path
    path = tmp_path / "cover.mp4"
    two_streams(path, (cover, Disposition.attached_pic), (film, Disposition.default))
    video = Video.open(path)
    assert video.size == (80, 48)
    assert [stream.cover for stream in sorted(video.streams, key=lambda s: s.codec)] == [
        False,
        True,
    ]


def test_bad_input(tmp_path, studio):
    refuse(tmp_path / "none.mp4", VideoNotFound, "there is no file")
    refuse(tmp_path, NotAVideo, "is a folder")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    refuse(empty, NotAVideo, "0 bytes")
    for name in ("text.mp4", "text.txt", "text.srt", "text"):
        text = tmp_path / name
        text.write_text("1\n00:00:01,000 --> 00:00:02,000\nNot a film at all.\n\n" * 40)
        refuse(text, NotAVideo)
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(bytes(range(256)) * 64)
    refuse(noise, NotAVideo)
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    refuse(pipe, NotAVideo, "not a regular file")
    refuse(tmp_path / ("long" * 100), VideoNotFound)
    dangling = tmp_path / "dangling.mp4"
    dangling.symlink_to(tmp_path / "gone.mp4")
    refuse(dangling, VideoNotFound)


def test_audio_only(tmp_path, studio):
    from av.stream import Disposition

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    refuse(path, NotAVideo, "only audio")

    cover = studio.film("only_cover.mkv", 1, codec="mjpeg", pix_fmt="yuvj420p").path
    path = tmp_path / "covers.mp4"
    both = (cover, Disposition.attached_pic)
    two_streams(path, both, both)
    refuse(path, NotAVideo, "only still pictures")


def test_a_playlist_reaches_for_nothing(tmp_path):
    path = tmp_path / "list.mp4"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    refuse(path, NotAVideo)


def test_a_name_like_an_address_is_a_file(studio, tmp_path, monkeypatch):
    film = studio.film("plain.mp4", 10)
    monkeypatch.chdir(tmp_path)
    for name in ("12:30.mp4", "concat:a|b.mp4", "-i.mp4", "100%03d.mp4", "größe 映画.mp4"):
        (tmp_path / name).write_bytes(film.path.read_bytes())
        assert len(list(Video.open(name).frames())) == 10


def test_an_mp4_without_its_index_is_damaged(films, tmp_path):
    path = tmp_path / "short.mp4"
    data = films["mp4"].path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refuse(path, VideoDamaged, "moov", "download it again")


def test_no_picture_that_decodes(films, tmp_path):
    path = tmp_path / "hollow.mp4"
    data = bytearray(films["mp4"].path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = b"\x07" * (end - start)
    path.write_bytes(data)
    refuse(path, VideoDamaged, "no picture")


@contextmanager
def nobody():
    """Drop the privileges under which permissions mean nothing."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission(films, tmp_path):
    path = tmp_path / "secret.mp4"
    path.write_bytes(films["mp4"].path.read_bytes())
    path.chmod(0)
    with nobody():
        refuse(path, VideoNotFound, "may not be read")
    path.chmod(0o600)
    video = Video.open(path)
    path.write_bytes(films["mp4"].path.read_bytes()[:2000])
    with pytest.raises(VideoDamaged):
        list(video.frames(1))
    path.unlink()
    with pytest.raises(VideoNotFound):
        list(video.frames(1))
    with pytest.raises(VideoNotFound):
        _ = video.sha256


def test_importing_the_room_loads_no_decoder():
    code = "import rlm.video, sys; assert not {'av', 'PIL', 'torch'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
