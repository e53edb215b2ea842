"""Clips that nobody made for these tests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rlm.spans import Span
from rlm.video import Video, contact_sheet

VIDEOS = Path(__file__).resolve().parents[4] / "shared" / "videos"

pytestmark = pytest.mark.skipif(not VIDEOS.is_dir(), reason="../shared/videos is not here")

# Name, size, pictures, seconds.
CLIPS = [
    ("bbb_0_30/big_buck_bunny_0_30.webm", (1280, 720), 720, 30.0),
    ("chaplin/chaplin.mp4", (640, 360), 241, 9.64),
    ("intel_bottles/bottle-detection.mp4", (640, 360), 1189, 39.855),
    ("intel_cars/car-detection.mp4", (768, 432), 377, 30.16),
    ("nasa_jwst/nasa_13013.mp4", (320, 180), 325, 13.0),
    ("psd_testvideo/testvideo.mp4", (1280, 720), 720, 24.024),
    ("sam2_coffee/04_coffee.mp4", (1280, 720), 287, 9.576),
    ("sam2_cups/02_cups.mp4", (1280, 720), 300, 10.01),
]


@pytest.mark.parametrize(("name", "size", "count", "seconds"), CLIPS)
def test_every_picture_of_a_real_clip(name, size, count, seconds):
    video = Video.open(VIDEOS / name)
    assert video.size == size
    assert video.span.end == pytest.approx(seconds, abs=0.05)
    seen = []
    sampled = list(video.frames(2, size=90, tap=lambda time, _: seen.append(time)))
    assert len(seen) == count
    assert all(a < b for a, b in pairwise(seen))
    assert [frame.time for frame in sampled] == [k / 2 for k in range(len(sampled))]
    assert len(sampled) == np.ceil(video.span.end * 2)
    # A pass from the middle, which seeks, gives the very same pixels.
    middle = len(sampled) // 2
    again = list(video.frames(2, Span(middle / 2, video.span.end), size=90))
    assert len(again) == len(sampled) - middle
    for one, other in zip(sampled[middle:], again, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)


def test_streams_of_the_broadcast_file():
    video = Video.open(VIDEOS / "nasa_jwst/nasa_13013.mp4")
    kinds = [stream.kind for stream in video.streams]
    assert kinds == ["video", "audio", "subtitle", "video", "audio", "subtitle"]
    assert video.stream.index == 0


def test_a_sheet_of_a_real_clip():
    sheet = contact_sheet(Video.open(VIDEOS / "sam2_cups/02_cups.mp4").clip(count=9, size=200))
    assert sheet.shape[1] == 1024
