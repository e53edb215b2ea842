"""Odd files: turned, squeezed, deep, grey, odd-sized, edited, cut short, damaged, changing."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError, VideoError
from rlm.spans import Span
from rlm.video import Video

COLOURS = np.array(
    [[[220, 40, 40], [40, 200, 40]], [[40, 40, 220], [210, 210, 210]]], dtype=np.uint8
)


def quadrants(_number, size):
    width, height = size
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 2 // width
    return np.ascontiguousarray(COLOURS[rows][:, columns])


def corners(rgb):
    height, width = rgb.shape[:2]
    return rgb[[height // 4, height * 3 // 4]][:, [width // 4, width * 3 // 4]].astype(int)


def close(rgb, wanted, within=12):
    return np.abs(corners(rgb) - wanted.astype(int)).max() <= within


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, 84])
@pytest.mark.parametrize("mirror", [False, True])
def test_all_eight_ways_up(studio, degrees, mirror):
    # The writer turns counter-clockwise, then mirrors.
    film = studio.film(
        f"turned{degrees}{mirror}.mp4",
        3,
        size=(96, 64),
        rotation=(degrees, mirror),
        picture=quadrants,
    )
    wanted = np.rot90(COLOURS, round(degrees / 90))
    if mirror:
        wanted = wanted[:, ::-1]
    video = Video.open(film.path)
    assert video.rotation in (0, 90, 180, 270)
    if not mirror:
        assert video.rotation == -round(degrees / 90) % 4 * 90
    assert video.size == ((64, 96) if round(degrees / 90) % 2 else (96, 64))
    for size in (None, 32, (40, 50)):
        for frame in video.frames(size=size):
            assert close(frame.rgb, wanted)
            assert frame.rgb.flags.c_contiguous


@pytest.mark.parametrize(
    ("suffix", "aspect", "turned", "shown"),
    [
        ("mp4", Fraction(2), 0, (160, 48)),
        ("mp4", Fraction(1, 2), 0, (40, 48)),
        ("mp4", Fraction(16, 15), 0, (85, 48)),
        ("mp4", Fraction(2), 90, (48, 160)),
        ("mkv", Fraction(2), 0, (160, 48)),
        ("mkv", Fraction(16, 15), 0, (85, 48)),
    ],
)
def test_pictures_come_with_square_pixels(studio, suffix, aspect, turned, shown):
    name = f"squeezed{aspect.numerator}_{aspect.denominator}_{turned}.{suffix}"
    film = studio.film(name, 3, aspect=aspect, rotation=(turned, False))
    video = Video.open(film.path)
    assert video.size == shown
    assert next(video.frames()).rgb.shape == (shown[1], shown[0], 3)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "size"),
    [
        ("libx264", "yuv420p", (64, 48)),
        ("libx264", "yuv422p", (64, 48)),
        ("libx264", "yuv444p", (65, 49)),
        ("libx264", "yuv420p10le", (64, 48)),
        ("libx264", "yuvj420p", (64, 48)),
        ("libx265", "yuv420p10le", (64, 64)),
        ("libvpx-vp9", "yuv420p", (65, 49)),
        ("libvpx-vp9", "yuv444p", (33, 17)),
        ("mpeg4", "yuv420p", (66, 50)),
        ("ffv1", "yuv444p16le", (65, 49)),
        ("ffv1", "gbrp10le", (33, 49)),
        ("ffv1", "bgra", (33, 49)),
        ("mjpeg", "yuvj444p", (65, 49)),
        ("rawvideo", "nv12", (64, 48)),
        ("rawvideo", "bgr24", (33, 17)),
        ("rawvideo", "yuyv422", (64, 48)),
    ],
)
def test_pixel_formats(studio, codec, pix_fmt, size):
    film = studio.film(
        f"{codec}_{pix_fmt}.{'avi' if codec == 'rawvideo' else 'mkv'}",
        3,
        codec=codec,
        pix_fmt=pix_fmt,
        size=size,
        picture=quadrants,
    )
    video = Video.open(film.path)
    assert video.size == size
    samples = []
    frames = list(video.frames(tap=lambda _, sample: samples.append(sample)))
    assert len(frames) == 3
    for frame in frames:
        assert frame.rgb.shape == (size[1], size[0], 3)
        assert close(frame.rgb, COLOURS, within=30)
    for sample in samples:
        red, _, blue, white = corners(sample).reshape(4, 3)
        assert red[2] > 160 > blue[2]
        assert blue[1] > 160 > red[1]
        assert white[0] > 180
        assert abs(white[1:] - 128).max() < 12


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("libx264", "gray"), ("ffv1", "gray"), ("libx264", "gray10le")]
)
def test_grey(studio, codec, pix_fmt):
    film = studio.film(f"grey_{codec}_{pix_fmt}.mkv", 3, codec=codec, pix_fmt=pix_fmt)
    samples = []
    for frame in Video.open(film.path).frames(tap=lambda _, sample: samples.append(sample)):
        assert (frame.rgb[..., 0] == frame.rgb[..., 2]).all()
    assert frame.rgb.min() < 25
    assert frame.rgb.max() > 225
    assert (samples[0][..., 1:] == 128).all()


@pytest.mark.parametrize("height", [480, 720])
def test_the_matrix_of_untagged_colours_follows_the_size(studio, height):
    # BT.601 red is (81, 90, 240), BT.709 red (63, 102, 240).
    def planes(_number, size):
        return np.zeros((size[1], size[0], 3), dtype=np.uint8)

    path = studio.folder / f"red{height}.mkv"
    y, u, v = (81, 90, 240) if height == 480 else (63, 102, 240)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, height, "yuv444p"
        frame = av.VideoFrame(320, height, "yuv444p")
        for plane, value in zip(frame.planes, (y, u, v), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    rgb = next(Video.open(path).frames()).rgb
    assert np.abs(rgb.reshape(-1, 3).mean(axis=0) - [255, 0, 0]).max() < 4


def test_sizes(films):
    video = Video.open(films["mp4"].path)
    assert next(video.frames(size=24)).rgb.shape == (24, 40, 3)
    assert next(video.frames(size=(13, 7))).rgb.shape == (7, 13, 3)
    assert next(video.frames(size=96)).rgb.shape == (96, 160, 3)
    for size in (0, -3, (0, 5), (5, 20000), 10**6):
        with pytest.raises(UsageError, match="a picture is 1 to 16384 pixels a side"):
            video.frames(size=size)
    for fps in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="rate"):
            video.frames(fps)
    with pytest.raises(UsageError, match="one of them"):
        video.clip(fps=1, count=1)
    with pytest.raises(UsageError, match="at least 1"):
        video.clip(count=0)
    with pytest.raises(UsageError, match=r"GiB .* smaller size"):
        video.clip(fps=1000, size=(4000, 4000))


def test_an_edit_list_moves_the_start(studio, number_of):
    film = studio.film("edited.mp4", 60, options={"g": "12", "bf": "2"})
    data = bytearray(film.path.read_bytes())
    entry = data.index(b"elst") + 12
    media_time = int.from_bytes(data[entry + 4 : entry + 8], "big")
    with av.open(str(film.path)) as container:
        tick = int(1 / container.streams.video[0].time_base / 30)
    data[entry + 4 : entry + 8] = (media_time + 17 * tick).to_bytes(4, "big")
    path = film.path.with_name("edited2.mp4")
    path.write_bytes(data)
    video = Video.open(path)
    frames = list(video.frames())
    assert [number_of(frame.rgb) for frame in frames] == list(range(17, 60))
    assert frames[0].time == 0.0
    assert video.span.end == pytest.approx(43 / 30, abs=1e-6)
    with video.read() as reading:
        assert len(list(reading)) == 43
    assert reading.damage == ()
    keys = [(view.time, number_of(view.rgb())) for view in video.key_frames(0.0)]
    assert keys[0][0] >= 0.0
    assert all(time == pytest.approx((number - 17) / 30, abs=1e-6) for time, number in keys)
    late = list(video.frames(10, Span(0.95, 1.2)))
    assert [number_of(frame.rgb) for frame in late] == [17 + 28, 17 + 31, 17 + 34]


def damaged(film, name, start, end):
    """Overwrite a part of the coded pictures, given as fractions of the whole, with noise."""
    data = bytearray(film.path.read_bytes())
    first, last = data.index(b"mdat") + 4, data.rindex(b"moov")
    a, b = (first + int((last - first) * part) for part in (start, end))
    data[a:b] = np.random.default_rng(1).bytes(b - a)
    path = film.path.with_name(name)
    path.write_bytes(data)
    return path


def test_damage_in_the_middle_loses_only_the_middle(studio, number_of, capfd):
    film = studio.film("sound.mp4", 300, options={"g": "15", "bf": "2"})
    path = damaged(film, "damaged.mp4", 0.4, 0.5)
    video = Video.open(path)
    assert video.span.end == 10.0
    frames = list(video.frames())
    assert len(frames) >= 240
    for frame in frames:
        if frame.time < 3.0 or frame.time > 6.5:
            assert number_of(frame.rgb) == round(frame.time * 30)
    sampled = list(video.frames(4))
    assert len(sampled) == 40
    assert capfd.readouterr() == ("", "")


@settings(deadline=None, max_examples=25)
@given(
    kind=st.sampled_from(["mp4", "varying mkv", "ts", "flv", "avi", "raw", "fragmented"]),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=300)), min_size=1, max_size=4),
    cut=st.floats(0.3, 1.0),
)
def test_no_damage_breaks_the_laws(films, tmp_path_factory, kind, edits, cut):
    film = films[kind]
    data = bytearray(film.path.read_bytes())
    for place, noise in edits:
        at = int(place * len(data))
        data[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / f"broken{film.path.suffix}"
    path.write_bytes(data[: int(cut * len(data))])
    try:
        video = Video.open(path)
    except VideoError as error:
        assert "\n" not in str(error)
        return
    frames = list(video.frames(size=(20, 20)))
    assert all(a.time < b.time for a, b in pairwise(frames))
    assert all(frame.time in video.span for frame in frames)
    assert len(list(video.frames(4, size=(20, 20)))) <= np.ceil(video.span.end * 4)


def test_damage_at_the_end_keeps_the_last_good_picture(studio):
    path = damaged(studio.film("whole.mp4", 120, options={"g": "15"}), "ragged.mp4", 0.8, 1.0)
    video = Video.open(path)
    assert video.span.end == 4.0
    assert len(list(video.frames(4))) == 16
    assert len(video.clip(count=8)) == 8


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4", "cut.ts", "cut.flv"])
def test_a_file_cut_short_is_used_as_far_as_it_goes(studio, number_of, name, capfd):
    muxer = {"movflags": "faststart"} if name.endswith("mp4") else {}
    film = studio.film(
        "un" + name, 300, rate=25, options={"g": "15", "bf": "2", "crf": "1"}, muxer=muxer
    )
    data = film.path.read_bytes()
    path = film.path.with_name(name)
    path.write_bytes(data[: int(len(data) * 0.6)])
    video = Video.open(path)
    assert 4 < video.span.end < 9
    frames = list(video.frames())
    # The last packet is cut in two, and lost or half a picture; with it may go those it carries.
    assert [number_of(frame.rgb) for frame in frames][:-4] == list(range(len(frames)))[:-4]
    assert frames[-1].time == pytest.approx(video.span.end, abs=0.2)
    assert len(list(video.frames(2))) == pytest.approx(video.span.end * 2, abs=1)
    assert len(video.clip(count=7)) == 7
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("second", [900, 0, 90000])
def test_joined_recordings_run_on(studio, number_of, second):
    one = studio.film("one.ts", range(900, 990), options={"g": "12"})
    two = studio.film("two.ts", range(second, second + 90), options={"g": "12"})
    path = one.path.with_name("joined.ts")
    path.write_bytes(one.path.read_bytes() + two.path.read_bytes())
    video = Video.open(path)
    assert video.span.end == pytest.approx(6.0, abs=0.1)
    frames = list(video.frames())
    assert len(frames) >= 178
    assert all(a.time < b.time for a, b in pairwise(frames))
    assert number_of(video.clip(Span(4.9, 5.1), count=1).rgb[0]) == pytest.approx(60, abs=2)


def test_a_stream_that_changes_its_size_keeps_one_shape(studio, tmp_path, number_of):
    parts = [
        studio.film(f"part{k}.mkv", 20, rate=25, codec="libvpx-vp9", size=size)
        for k, size in enumerate([(80, 48), (120, 72), (60, 60)])
    ]
    path = tmp_path / "changing.mkv"
    with av.open(str(path), "w") as out:
        for k, part in enumerate(parts):
            with av.open(str(part.path)) as container:
                if k == 0:
                    stream = out.add_stream_from_template(container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.pts += 800 * k
                        packet.dts = packet.pts
                        packet.stream = stream
                        out.mux(packet)
    frames = list(Video.open(path).frames())
    assert {frame.rgb.shape for frame in frames} == {(48, 80, 3)}
    assert [number_of(frame.rgb) for frame in frames] == [*range(20), *range(20), *range(20)]


@pytest.mark.parametrize("entry", [0, 34, 67])
@pytest.mark.parametrize("delta", [2**32 - 5, 2**31 - 1, 10**8, 10**7, 10**6])
def test_an_absurd_length_of_one_picture_does_not_make_the_video_long(films, entry, delta):
    film = films["varying"]
    data = bytearray(film.path.read_bytes())
    table = data.index(b"stts") + 12
    data[table + 8 * entry + 4 : table + 8 * entry + 8] = delta.to_bytes(4, "big")
    path = film.path.with_name("absurd.mp4")
    path.write_bytes(data)
    video = Video.open(path)
    true = film.times[-1] + 0.5
    assert video.span.end <= true
    assert 1 <= video.frame_rate <= 30
    frames = list(video.frames())
    assert all(frame.time in video.span for frame in frames)
    if entry == 67:
        assert len(frames) == 90
    assert len(list(video.frames(2))) <= 2 * true


def test_a_cluster_that_claims_to_be_hours_away(studio, number_of):
    film = studio.film(
        "clusters.mkv", 300, options={"g": "30"}, muxer={"cluster_time_limit": "900"}
    )
    data = bytearray(film.path.read_bytes())
    clusters = [k for k in range(len(data)) if data[k : k + 4] == b"\x1f\x43\xb6\x75"]
    assert len(clusters) > 4
    stamp = data.index(b"\xe7", clusters[3]) + 1
    size = data[stamp] & 0x7F
    data[stamp + 1] |= 0x80 if size > 2 else 0
    before = int.from_bytes(data[stamp + 1 : stamp + 1 + size], "big")
    data[stamp + 1 : stamp + 1 + size] = (2 ** (8 * size) - 1).to_bytes(size, "big")
    assert before < 2 ** (8 * size) - 1
    path = film.path.with_name("far_cluster.mkv")
    path.write_bytes(data)
    video = Video.open(path)
    assert video.span.end == pytest.approx(10.0, abs=0.1)
    frames = list(video.frames())
    assert len(frames) >= 230
    assert number_of(frames[-1].rgb) == 299


@pytest.mark.parametrize(
    ("name", "codec"),
    [("tenth.mp4", "libx264"), ("tenth.mkv", "libx264"), ("tenth.ts", "libx264"),
     ("tenth.webm", "libvpx-vp9"), ("tenth.avi", "mpeg4"), ("tenth.mov", "libx265")],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 3])
def test_a_tenth_of_a_second_is_a_video(studio, number_of, name, codec, count):
    film = studio.film(f"{count}{name}", count, codec=codec, options={"bf": "0"})
    video = Video.open(film.path)
    assert video.span.end == pytest.approx(count / 30, abs=0.034)
    with video.read() as reading:
        assert [number_of(view.rgb()) for view in reading] == list(range(count))
    assert reading.damage == ()
    assert [view.time for view in video.key_frames()] == [0.0]
    assert len(video.clip(count=8)) == 8
    assert len(list(video.frames(4))) == 1


def test_every_view_of_a_stream_that_changes_its_size_has_one_shape(studio, tmp_path):
    path = tmp_path / "resized.h264"
    sizes = [(80, 48), (160, 96), (64, 64)]
    parts = [studio.film(f"size{w}.h264", 25, size=(w, h), form="h264") for w, h in sizes]
    path.write_bytes(b"".join(part.path.read_bytes() for part in parts))
    video = Video.open(path)
    with video.read() as reading:
        shapes = [(view.rgb().shape, view.rgb(24).shape) for view in reading]
    assert len(shapes) == 75
    assert set(shapes) == {((48, 80, 3), (24, 40, 3))}
    assert reading.damage == ()
    assert {view.rgb().shape for view in video.key_frames(0.0)} == {(48, 80, 3)}
