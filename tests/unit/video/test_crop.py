"""A part of the picture, cut out at full size and then scaled."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.video import Video
from rlm.video.convert import resolve_crop


@pytest.mark.parametrize(
    ("rotation", "aspect"), [((0, False), None), ((90, True), None), ((0, False), Fraction(2, 1))]
)
def test_a_crop_is_that_part_of_the_picture_as_displayed(studio, rotation, aspect):
    name = f"crop-{rotation[0]}-{aspect is None}.mp4"
    video = Video.open(studio.film(name, 12, rotation=rotation, aspect=aspect).path)
    whole = video.clip(fps=10).rgb
    width, height = video.size
    part = video.clip(fps=10, crop=(0.25, 0.5, 0.75, 1.0)).rgb
    left, right, top = round(width * 0.25), round(width * 0.75), round(height * 0.5)
    assert np.array_equal(part, whole[:, top:, left:right])
    assert np.array_equal(video.clip(fps=10, crop=(0, 0, 1, 1)).rgb, whole)


def test_the_size_is_that_of_the_crop(films):
    video = Video.open(films["mp4"].path)
    width, height = video.size
    crop = (0.5, 0.0, 1.0, 1.0)
    shape = video.clip(count=1, crop=crop, size=20).rgb.shape
    assert min(shape[1:3]) == 20
    assert shape[2] / shape[1] == pytest.approx(width / 2 / height, rel=0.1)
    assert video.clip(count=1, crop=crop, size=(30, 10)).rgb.shape == (1, 10, 30, 3)
    big = video.clip(count=1, crop=(0, 0, 0.01, 0.01), size=64).rgb
    assert min(big.shape[1:3]) == 64
    with pytest.raises(UsageError, match="GiB"):
        video.clip(count=1000, crop=crop, size=(1000, 1000))


@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted),
    st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted),
)
def test_a_crop_lies_in_the_picture_and_is_never_empty(shown, across, down):
    left, top, right, bottom = resolve_crop(shown, (across[0], down[0], across[1], down[1]))
    assert 0 <= left < right <= shown[0] and 0 <= top < bottom <= shown[1]
    assert abs(right - left - (across[1] - across[0]) * shown[0]) <= 1
    assert abs(bottom - top - (down[1] - down[0]) * shown[1]) <= 1


@pytest.mark.parametrize(
    ("crop", "says"),
    [
        ((0.5, 0, 0.5, 1), r"not \(0.5, 0, 0.5, 1\)$"),
        ((-0.1, 0, 1, 1), "0 <= x0 < x1 <= 1"),
        ((0, 0.6, 1, 0.4), "0 <= y0 < y1 <= 1"),
        ((float("nan"), 0, 1, 1), "fractions of the picture"),
        ((10, 10, 200, 100), r"pixels are divided by the size, 320x240$"),
    ],
)
def test_a_crop_that_cannot_be(crop, says):
    with pytest.raises(UsageError, match=says):
        resolve_crop((320, 240), crop)
