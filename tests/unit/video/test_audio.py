"""Sound on the clock of the pictures: clicks and tones made where the test says."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.video import Video
from rlm.video.audio import read_audio

RATE = 16000


def make(
    path: Path,
    sound: np.ndarray,
    *,
    rate: int = 44100,
    layout: str = "mono",
    codec: str = "pcm_s16le",
    pictures: range = range(100),
    lost: Span | None = None,
) -> Video:
    """A film of 25 pictures a second; ``sound`` is float32 [channels, n]."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"g": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 25)
        audio = container.add_stream(codec, rate=rate, layout=layout)
        packets = []
        for number in pictures:
            grey = np.full((48, 64, 3), number % 256, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            packets += video.encode(frame)
        packets += video.encode(None)
        block = audio.codec_context.frame_size or 1024
        form = audio.codec_context.format.name
        for start in range(0, sound.shape[1], block):
            time = start / rate
            if lost is not None and time in lost:
                continue
            part = sound[:, start : start + block]
            if form == "s16":
                data = np.ascontiguousarray((part * 32767).astype(np.int16).T.reshape(1, -1))
            elif form == "s32p":
                data = np.ascontiguousarray((part * (2**31 - 1)).astype(np.int32))
            else:
                data = np.ascontiguousarray(part)
            frame = av.AudioFrame.from_ndarray(data, format=form, layout=layout)
            frame.rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(time * rate)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            container.mux(packet)
    return Video.open(path)


def clicks(times: list[float], seconds: float, rate: int = 44100, channels: int = 1) -> np.ndarray:
    """Short bursts of a 1 kHz tone that begin at ``times``."""
    sound = np.zeros((channels, int(seconds * rate)), dtype=np.float32)
    burst = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(int(0.02 * rate)) / rate)
    for time in times:
        at = round(time * rate)
        sound[:, at : at + len(burst)] = burst
    return sound


def onsets(chunks: list[tuple[float, np.ndarray]]) -> list[float]:
    """When the sound becomes loud, in seconds."""
    found: list[float] = []
    for start, samples in chunks:
        for at in np.flatnonzero(np.abs(samples) > 0.2):
            time = start + at / RATE
            if not found or time - found[-1] > 0.1:
                found.append(time)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Video:
    return make(folder / "plain.mkv", clicks([0.5, 1.7, 3.25], 4))


@pytest.mark.parametrize(
    ("name", "codec", "layout", "rate"),
    [
        ("a.mkv", "pcm_s16le", "mono", 44100),
        ("b.mp4", "aac", "stereo", 48000),
        ("c.mkv", "libopus", "stereo", 48000),
        ("d.ts", "aac", "5.1", 48000),
        ("e.mkv", "pcm_f32le", "mono", 16000),
        ("f.avi", "pcm_s16le", "stereo", 22050),
        ("g.mp4", "libmp3lame", "mono", 24000),
    ],
)
def test_a_click_is_heard_when_it_is_seen(
    folder: Path, name: str, codec: str, layout: str, rate: int
) -> None:
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    times = [0.5, 1.7, 3.25]
    sound = clicks(times, 4, rate, channels)
    video = make(folder / name, sound, rate=rate, layout=layout, codec=codec)
    chunks = list(read_audio(video))
    assert all(samples.dtype == np.float32 and samples.ndim == 1 for _, samples in chunks)
    assert onsets(chunks) == pytest.approx(times, abs=0.012)
    assert sum(len(samples) for _, samples in chunks) / RATE == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.ts"])
def test_time_counts_from_the_first_picture(folder: Path, name: str) -> None:
    """The pictures start 1 s after the sound."""
    codec = "pcm_s16le" if name.endswith("mkv") else "aac"
    sound = clicks([0.5, 1.7, 3.25], 4)
    video = make(folder / name, sound, codec=codec, pictures=range(25, 100))
    chunks = list(read_audio(video))
    assert chunks[0][0] == pytest.approx(0.0, abs=1 / RATE)
    assert onsets(chunks) == pytest.approx([0.7, 2.25], abs=0.012)


def test_sound_longer_than_the_video_is_cut(folder: Path) -> None:
    video = make(folder / "longer.mkv", clicks([0.5, 3.0, 7.0], 8), pictures=range(100))
    chunks = list(read_audio(video))
    assert onsets(chunks) == pytest.approx([0.5, 3.0], abs=0.005)
    assert chunks[-1][0] + len(chunks[-1][1]) / RATE == pytest.approx(4.0, abs=1e-4)


def test_missing_sound_moves_nothing_after_it(folder: Path) -> None:
    sound = clicks([0.5, 1.7, 3.25], 4)
    video = make(folder / "gap.mkv", sound, lost=Span(1.0, 2.5))
    chunks = list(read_audio(video))
    assert onsets(chunks) == pytest.approx([0.5, 3.25], abs=0.005)
    ends = [
        (start + len(samples) / RATE, after) for (start, samples), (after, _) in pairwise(chunks)
    ]
    holes = [after - end for end, after in ends if after - end > 0.05]
    assert holes == pytest.approx([1.5], abs=0.05)


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 3.9), st.floats(0.01, 4))
def test_a_span_is_what_the_whole_has_there(plain: Video, start: float, length: float) -> None:
    whole = np.concatenate([samples for _, samples in read_audio(plain)])
    span = Span(start, min(4.0, start + length))
    chunks = list(read_audio(plain, span=span))
    assert chunks[0][0] == pytest.approx(span.start, abs=1 / RATE)
    part = np.concatenate([samples for _, samples in chunks])
    assert len(part) == pytest.approx(span.duration * RATE, abs=18)
    at = round(chunks[0][0] * RATE)
    # Matroska's stamps are whole milliseconds, so a run from the middle may be half of one off.
    same = whole[at : at + len(part)]
    assert float(same @ same) == pytest.approx(float(part @ part), rel=0.01, abs=20.0)


def test_chunks_are_small_and_follow_each_other(plain: Video) -> None:
    chunks = list(read_audio(plain, rate=8000))
    assert all(len(samples) <= 2 * 8000 for _, samples in chunks)
    for (start, samples), (after, _) in pairwise(chunks):
        assert after == pytest.approx(start + len(samples) / 8000, abs=1e-9)


def test_bytes_that_are_no_sound_are_passed_over(plain: Video, folder: Path) -> None:
    """Sound that cannot be decoded is missing, and nothing after it moves."""
    video = make(folder / "aac.mkv", clicks([0.5, 3.25], 4), codec="aac")
    data = bytearray(video.path.read_bytes())
    at = len(data) // 2
    data[at : at + 800] = bytes(range(256)) * 3 + bytes(32)
    damaged = folder / "damaged.mkv"
    damaged.write_bytes(data)
    chunks = list(read_audio(Video.open(damaged)))
    heard = onsets(chunks)
    assert heard[0] == pytest.approx(0.5, abs=0.012)
    assert any(time == pytest.approx(3.25, abs=0.012) for time in heard)


def test_a_film_without_sound_is_refused_at_once(films) -> None:
    with pytest.raises(UsageError, match=r"^.*constant.mp4 has no sound; [^\n]*$"):
        read_audio(Video.open(films["mp4"].path))


def test_impossible_wishes_are_refused_at_once(plain: Video) -> None:
    with pytest.raises(UsageError, match="rate is a positive number"):
        read_audio(plain, rate=0)
    with pytest.raises(UsageError, match="holds nothing of the video"):
        read_audio(plain, span=Span(10, 12))


def test_the_stream_that_belongs_to_the_video_is_read(shared_videos: Path) -> None:
    video = Video.open(shared_videos / "nasa_jwst" / "nasa_13013.mp4")
    samples = np.concatenate([samples for _, samples in read_audio(video)])
    assert len(samples) / RATE == pytest.approx(video.span.end, abs=0.1)
    assert np.sqrt(np.mean(samples**2)) > 0.01
