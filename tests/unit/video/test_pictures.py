"""JPEG bytes and contact sheets."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.video import Clip, contact_sheet, encode_jpeg

# Neither the ground nor the ink has this colour, nor any shade between them.
COLOUR = (90, 0, 0)


def clip_of(count, height=36, width=64, step=10.0):
    rgb = np.full((count, height, width, 3), COLOUR, dtype=np.uint8)
    return Clip(Span(0, count * step), np.arange(count) * step, rgb)


def test_jpeg_round_trip():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    rgb = np.stack([np.tile(ramp, (48, 1))] * 3, axis=-1)
    data = encode_jpeg(rgb)
    assert data == encode_jpeg(rgb)
    back = np.asarray(Image.open(io.BytesIO(data)))
    assert back.shape == rgb.shape
    assert np.abs(back.astype(int) - rgb).max() < 12
    assert len(encode_jpeg(rgb, quality=30)) < len(data)


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_jpeg_wants_a_picture(rgb):
    with pytest.raises(UsageError, match=r"a picture is uint8 \[H, W, 3\]"):
        encode_jpeg(rgb)


def test_jpeg_quality():
    with pytest.raises(UsageError, match="1 to 95"):
        encode_jpeg(np.zeros((4, 4, 3), np.uint8), quality=0)


@settings(deadline=None, max_examples=12)
@given(
    count=st.integers(1, 30),
    height=st.integers(20, 80),
    width=st.integers(20, 80),
)
def test_a_sheet_holds_every_picture_and_time(count, height, width):
    sheet = contact_sheet(clip_of(count, height, width), width=600)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] <= 600
    pictures = (sheet == COLOUR).all(axis=-1)
    row = pictures[np.flatnonzero(pictures.any(axis=1))[0]].astype(int)
    columns = int((np.diff(row, prepend=0) == 1).sum())
    cell = (sheet.shape[1] - 4) // columns - 4
    assert cell <= 96  # where there is room for the time, nothing is enlarged
    assert pictures.sum() == count * cell * round(cell * height / width)
    assert (sheet > 128).all(axis=-1).sum() >= 20 * count


@settings(deadline=None, max_examples=12)
@given(count=st.integers(6, 60), width=st.integers(20, 80))
def test_a_sheet_is_about_as_high_as_wide(count, width):
    high, wide, _ = contact_sheet(clip_of(count, 36, width), width=800).shape
    assert 1 / 2 <= high / wide <= 5 / 3  # 0.546 and 1.588 over all of these


@pytest.mark.parametrize(
    ("count", "width", "columns"),
    [(8, 36, 4), (12, 64, 3), (15, 36, 5), (16, 36, 4), (24, 36, 6), (1, 36, 1)],
)
def test_a_sheet_has_few_empty_cells(count, width, columns):
    from rlm.video.pictures import _columns

    assert _columns(count, width / 36) == columns
    assert count % columns == 0


def test_pictures_are_not_enlarged():
    assert contact_sheet(clip_of(4, 240, 320), width=1024).shape[1] == 2 * 324 + 4
    assert contact_sheet(clip_of(16, 240, 320), width=1024).shape[1] == 1024


def test_times_are_drawn_apart():
    """Two sheets differ exactly in the strips above the pictures when only the times differ."""
    early, late = clip_of(6), clip_of(6)
    late = Clip(late.span, late.times + 67.5, late.rgb)
    a, b = contact_sheet(early, width=600), contact_sheet(late, width=600)
    changed = (a != b).any(axis=-1)
    picture = (a == COLOUR).all(axis=-1)
    assert changed.sum() > 100
    assert not (changed & picture).any()


def test_close_times_get_more_decimals():
    from rlm.video.pictures import _labels

    assert _labels(np.array([67.46, 70.0])) == ["67.5 s", "70.0 s"]
    assert _labels(np.array([0.0, 0.04, 0.08])) == ["0.00 s", "0.04 s", "0.08 s"]
    assert _labels(np.array([0.0, 0.004])) == ["0.000 s", "0.004 s"]
    assert _labels(np.array([1.0, 1.0])) == ["1.00 s", "1.00 s"]
    assert _labels(np.array([26.75, 27.25])) == ["26.75 s", "27.25 s"]
    assert _labels(np.array([3723.4])) == ["3723.4 s"]


def test_a_sheet_that_could_not_be_read_is_refused():
    with pytest.raises(UsageError, match="too small at a width of 100"):
        contact_sheet(clip_of(30), width=100)
    empty = Clip(Span(0, 1), np.zeros(0), np.zeros((0, 4, 4, 3), np.uint8))
    with pytest.raises(UsageError, match="at least 1 picture"):
        contact_sheet(empty)


def test_a_clip_checks_its_arrays():
    rgb = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(UsageError, match="uint8"):
        Clip(Span(0, 1), np.zeros(2), rgb.astype(np.float32))
    with pytest.raises(UsageError, match="as many"):
        Clip(Span(0, 1), np.zeros(3), rgb)
    assert len(Clip(Span(0, 1), np.zeros(2), rgb)) == 2
