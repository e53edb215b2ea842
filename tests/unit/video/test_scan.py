"""Key frames only: what is decoded, what is shown, and that there is always something."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.video import Video, scan

PLAIN = {"bf": "0", "sc_threshold": "0"}


def test_key_frames_of_every_kind_of_clock(films, number_of, kind):
    film = films[kind]
    video = Video.open(film.path)
    views = [(view.time, number_of(view.rgb())) for view in video.key_frames(0.0)]
    assert views[0] == (0.0, 0)
    assert all(a[0] < b[0] for a, b in pairwise(views))
    # Where only decoding times are stored, those of a key frame alone are off by the reordering.
    slack = 0.15 if not video.timing.stamped else 2e-3
    for time, number in views:
        assert time == pytest.approx(film.times[number], abs=slack)
    with av.open(str(film.path)) as container:
        keys = sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size)
    assert len(views) == keys


@settings(deadline=None, max_examples=15)
@given(spacing=st.floats(0, 100))
def test_none_are_closer_than_the_spacing(films, spacing):
    for kind in ("long", "ts"):
        times = [view.time for view in Video.open(films[kind].path).key_frames(spacing)]
        assert times[0] == 0.0
        assert all(b - a >= spacing - 2e-3 for a, b in pairwise(times))


class Watched:
    """A stream that keeps what it was given to decode."""

    def __init__(self, stream, fed):
        self.stream, self.fed = stream, fed

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def decode(self, packet):
        if packet is not None:
            self.fed.append(packet)
        return self.stream.decode(packet)


@pytest.mark.parametrize("kind", ["long", "long mkv", "long ts"])
def test_other_pictures_are_never_decoded(films, monkeypatch, kind):
    fed = []
    pick, read = scan.pick_stream, scan.read_packets
    monkeypatch.setattr(scan, "pick_stream", lambda *args: Watched(pick(*args), fed))
    monkeypatch.setattr(scan, "read_packets", lambda file, watched: read(file, watched.stream))
    views = list(Video.open(films[kind].path).key_frames(5.0))
    assert len(views) == len(fed) == 15
    assert all(packet.is_keyframe for packet in fed)


@pytest.mark.parametrize("spacing", [0.1, 0.5, 2.0])
def test_of_pictures_that_are_all_keys_few_are_taken(studio, spacing):
    film = studio.film("motion.avi", 60, codec="mjpeg", pix_fmt="yuvj420p")
    views = list(Video.open(film.path).key_frames(spacing))
    assert len(views) == np.ceil(2.0 / spacing)


@pytest.mark.parametrize("name", ["refresh.mp4", "refresh.mkv", "refresh.ts"])
def test_pictures_that_are_built_up_slowly_are_no_key_frames(studio, number_of, name):
    film = studio.film(name, 90, options={"g": "30", "intra-refresh": "1", **PLAIN})
    views = list(Video.open(film.path).key_frames())
    assert [(view.time, number_of(view.rgb())) for view in views] == [(0.0, 0)]


def test_without_any_sound_key_frame_there_is_the_first_picture(studio):
    film = studio.film("one_picture.mp4", 1)
    assert [view.time for view in Video.open(film.path).key_frames()] == [0.0]
    one_key = {"g": "600", "sc_threshold": "1000000000"}
    film = studio.film("lone.mp4", 60, codec="mpeg4", options=one_key, size=(320, 192))
    with av.open(str(film.path)) as container:
        first = next(container.demux(video=0))
        place, size = first.pos, first.size
    data = bytearray(film.path.read_bytes())
    tail = place + size // 2
    data[tail : place + size] = np.random.default_rng(1).bytes(place + size - tail)
    path = film.path.with_name("lone_damaged.mp4")
    path.write_bytes(data)
    video = Video.open(path)
    assert [view.time for view in video.key_frames(0.0)] == [0.0]
    with video.read() as reading:
        list(reading)
    assert reading.damage[0].start == 0.0


def test_a_damaged_key_frame_is_passed_over(studio, number_of):
    film = studio.film("keys.mp4", 60, options={"g": "10", **PLAIN})
    with av.open(str(film.path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(film.path.read_bytes())
    start, size = packets[20]
    data[start : start + size] = b"\xff" * size
    path = film.path.with_name("keys_damaged.mp4")
    path.write_bytes(data)
    numbers = [number_of(view.rgb()) for view in Video.open(path).key_frames(0.0)]
    assert numbers == [0, 10, 30, 40, 50]


def test_a_spacing_is_a_positive_number(films):
    video = Video.open(films["mp4"].path)
    for spacing in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="spacing"):
            video.key_frames(spacing)
