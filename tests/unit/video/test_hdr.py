"""High dynamic range: what a standard picture would show comes out as that picture shows it."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from rlm.video import Video

PQ, HLG, BT2020 = 16, 18, 9

# SDR signal of six patches, as a BT.709 display with a white of 203 cd/m2 would show it.
PATCHES = np.array(
    [[0, 0, 0], [64, 64, 64], [128, 128, 128], [150, 40, 60], [40, 140, 80], [60, 70, 160]]
)
TO_2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)  # ITU-R BT.2087-0, M2


def pq_signal(nits):
    power = (nits / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg_signal(nits):
    luma = np.maximum(nits @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None] / 1000
    scene = nits / 1000 * luma ** (1 / 1.2 - 1)
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    high = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


def film(path, signal, transfer):
    """Patches side by side, 32 x 32 each, as planes of 10-bit green, blue, red."""
    columns = np.repeat(np.round(signal * 1023).astype(np.uint16), 32, axis=0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = len(columns), 32, "gbrp10le"
        stream.codec_context.color_trc = transfer
        stream.codec_context.color_primaries = BT2020
        frame = av.VideoFrame(len(columns), 32, "gbrp10le")
        for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
            rows = np.zeros((32, plane.line_size // 2), dtype=np.uint16)
            rows[:, : len(columns)] = columns[:, channel]
            plane.update(rows.tobytes())
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        frame.color_trc, frame.color_primaries = transfer, BT2020
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Video.open(path)


def shown(video):
    return next(video.frames()).rgb[16, 16::32].astype(int)


@pytest.mark.parametrize(("transfer", "coded"), [(PQ, pq_signal), (HLG, hlg_signal)])
def test_what_a_standard_display_can_show_is_kept(tmp_path, transfer, coded):
    light = 203 * (PATCHES / 255) ** 2.4 @ TO_2020.T
    video = film(tmp_path / "patches.mkv", coded(light), transfer)
    assert np.abs(shown(video) - PATCHES).max() <= 4


@pytest.mark.parametrize(("transfer", "coded"), [(PQ, pq_signal), (HLG, hlg_signal)])
def test_brighter_light_is_never_darker_and_ends_in_white(tmp_path, transfer, coded):
    nits = np.array([0.1, 5, 50, 203, 400, 1000])[:, None] * np.ones(3)
    greys = shown(film(tmp_path / "greys.mkv", coded(nits), transfer))
    assert (np.ptp(greys, axis=1) <= 1).all()
    assert (np.diff(greys[:, 0]) > 0).all()
    assert greys[0, 0] <= 12
    assert 210 <= greys[3, 0] <= 240
    assert greys[-1, 0] == 255


def test_highlights_keep_their_hue(tmp_path):
    red = 600 * np.array([[1.0, 0.25, 0.25]]) @ TO_2020.T
    rgb = shown(film(tmp_path / "red.mkv", pq_signal(red), PQ))[0]
    light = (rgb / 255) ** 2.4
    assert light[0] > 0.75
    assert light[1] / light[0] == pytest.approx(0.25, abs=0.03)


def test_any_size_and_the_tap_take_it(tmp_path):
    light = 203 * (PATCHES / 255) ** 2.4 @ TO_2020.T
    video = film(tmp_path / "sized.mkv", pq_signal(light), PQ)
    samples = []
    frame = next(video.frames(size=(60, 10), tap=lambda _, sample: samples.append(sample)))
    assert np.abs(frame.rgb[5, 5::10].astype(int) - PATCHES).max() <= 6
    assert samples[0].shape == (32, 32, 3)
