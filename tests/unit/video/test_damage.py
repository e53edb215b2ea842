"""What is lost is named, to the picture; what is only unusual is not."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import VideoError
from rlm.spans import Span
from rlm.video import Video

SIZE = (320, 192)
GOP = {"g": "24", "bf": "2", "sc_threshold": "0"}
# Pictures that are coded, referred to and never shown.
HIDDEN = {"g": "60", "auto-alt-ref": "1", "lag-in-frames": "16", "cpu-used": "5"}
CODECS = {
    "mp4": ("libx264", GOP),
    "mkv": ("libx264", GOP),
    "ts": ("libx264", GOP),
    "hevc.mp4": ("libx265", {"x265-params": "log-level=none:keyint=24:scenecut=0"}),
    "webm": ("libvpx-vp9", {"g": "24", "deadline": "realtime", "cpu-used": "8"}),
    "mpeg4.mp4": ("mpeg4", {"g": "24", "bf": "2"}),
}


def waves(number, size):
    """Moving texture, so that packets are large enough to be hit."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    phase = (columns + 3 * number) / 9
    return np.stack([127 + 100 * np.sin(phase + rows / 13 * k) for k in (1, 2, 3)], -1).astype(
        np.uint8
    )


@pytest.fixture(scope="module")
def wavy(studio):
    """Films of four seconds at 30 a second, by suffix, each made when first asked for."""
    made = {}

    def film(suffix):
        if suffix not in made:
            codec, options = CODECS[suffix]
            made[suffix] = studio.film(
                f"waves.{suffix}", 120, codec=codec, options=options, size=SIZE, picture=waves
            )
        return made[suffix]

    return film


def packets_of(path):
    """Place, size and tick of each packet, in the order of the file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (p.pos, p.size, round(p.pts * p.time_base * 30))
            for p in container.demux(stream)
            if p.size
        ]


def spoilt(film, name, numbers, how):
    """A copy in which packets, by their place in the file, are noise or start with nonsense."""
    data = bytearray(film.path.read_bytes())
    packets = packets_of(film.path)
    rng = np.random.default_rng(3)
    for number in numbers:
        place, size, _ = packets[number]
        if how == "noise":
            data[place + size // 3 : place + size] = rng.bytes(size - size // 3)
        else:
            data[place : place + min(size, 40)] = b"\xff" * min(size, 40)
    path = film.path.with_name(name)
    path.write_bytes(data)
    return Video.open(path), {packets[number][2] for number in numbers}


def read(video, **how):
    """The times of all pictures, and the damage."""
    with video.read(**how) as reading:
        times = [view.time for view in reading]
    return times, reading.damage


def covered(damage, number):
    return any(number / 30 + 0.005 in span for span in damage)


# Packets of a transport stream do not lie in one piece; VP9 decodes noise without complaint.
@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        (suffix, how)
        for suffix in CODECS
        for how in ("noise", "nonsense")
        if suffix != "ts" and (suffix, how) != ("webm", "noise")
    ],
)
def test_spoilt_pictures_are_named(wavy, suffix, how, capfd):
    video, hit = spoilt(wavy(suffix), f"{how}.{suffix}", [50, 51], how)
    times, damage = read(video)
    missing = set(range(120)) - {round(time * 30) for time in times}
    # A demuxer that loses its place goes on with the next cluster; B pictures before it may stay.
    first = min(hit | missing)
    for number in (hit | missing) - ({first} if len(missing) > 15 else set()):
        assert covered(damage, number), number
    # No more than what refers to it, up to the key frame after it.
    assert min(span.start for span in damage) >= (first - 0.1) / 30
    assert max(span.end for span in damage) <= 72.1 / 30
    assert all(a.end < b.start for a, b in pairwise(damage))
    assert read(Video.open(wavy(suffix).path))[1] == ()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how", ["noise", "nonsense"])
def test_after_a_lost_key_frame_damage_lasts_to_the_next(wavy, how):
    video, _ = spoilt(wavy("mp4"), f"key_{how}.mp4", [24], how)
    _, damage = read(video)
    assert len(damage) == 1
    assert damage[0].start == pytest.approx(24 / 30, abs=0.1)
    assert damage[0].end == pytest.approx(48 / 30, abs=0.1)


@pytest.mark.parametrize("how", ["cut out", "noise", "flagged"])
def test_lost_packets_of_a_transport_stream(wavy, how):
    film = wavy("ts")
    data = bytearray(film.path.read_bytes())
    count = len(data) // 188
    first, last = (int(count * share) * 188 for share in (0.35, 0.6))
    if how == "cut out":
        del data[first:last]
    elif how == "noise":
        data[first:last] = np.random.default_rng(0).bytes(last - first)
    else:
        for place in range(first, last, 188):
            data[place + 1] |= 0x80  # transport_error_indicator
    path = film.path.with_name(f"lost_{how}.ts")
    path.write_bytes(data)
    video = Video.open(path)
    times, damage = read(video)
    assert video.span.end == pytest.approx(4.0, abs=0.05)
    if how == "flagged" and len(times) == 120:
        assert damage == ()
        return
    for number in set(range(120)) - {round(time * 30) for time in times}:
        assert covered(damage, number), number
    assert sum(span.duration for span in damage) == pytest.approx(1.0, abs=0.9)


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_a_lost_cluster_leaves_a_gap_that_is_named(wavy, suffix):
    film = wavy(suffix)
    data = bytearray(film.path.read_bytes())
    packets = packets_of(film.path)
    # From within one group of pictures to within the next but one.
    start, end = packets[30][0], packets[80][0]
    data[start:end] = b"\x00" * (end - start)
    path = film.path.with_name(f"gap.{suffix}")
    path.write_bytes(data)
    times, damage = read(Video.open(path))
    gap, at = max((b - a, a) for a, b in pairwise(times))
    assert gap > 1.0
    assert sum(span.overlap(Span(at, at + gap)) for span in damage) >= gap - 0.1
    assert sum(span.duration for span in damage) <= gap + 0.9


def test_a_lost_fragment_leaves_a_gap_that_is_named(studio):
    film = studio.film(
        "fragments_lost.mp4",
        120,
        options=GOP,
        size=SIZE,
        picture=waves,
        muxer={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    )
    data = film.path.read_bytes()
    third = [k for k in range(len(data)) if data[k : k + 4] == b"moof"][2] - 4
    fourth = data.index(b"moof", third + 8) - 4
    path = film.path.with_name("fragment_gone.mp4")
    path.write_bytes(data[:third] + data[fourth:])
    times, damage = read(Video.open(path))
    assert len(times) == 96
    assert len(damage) == 1
    assert tuple(damage[0]) == pytest.approx((48 / 30, 72 / 30), abs=0.07)


def test_damage_is_known_as_far_as_one_has_read(wavy):
    video, _ = spoilt(wavy("mp4"), "so_far.mp4", [50, 51], "nonsense")
    with video.read() as reading:
        for view in reading:
            if view.time < 1.3:
                assert reading.damage == ()
            elif view.time > 2.0:
                break
        assert reading.damage
        assert all(span.start < 2.0 for span in reading.damage)
    assert read(video, span=Span(2.5, 4.0))[1] == ()
    assert read(video, fps=2.0, tap=lambda time, sample: None)[1] == read(video)[1]


def slides(studio, name, sound):
    """A picture a minute on a clock of 25 a second, then a while of motion."""
    ticks = [*(1500 * k for k in range(5)), *range(7500, 7560)]
    return studio.film(name, ticks, rate=25, options={"g": "12", "bf": "2"}, sound=sound)


@pytest.mark.parametrize("sound", [0.0, 300.0])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv"])
def test_slides_are_whole(studio, suffix, sound):
    video = Video.open(slides(studio, f"slides{sound}.{suffix}", sound).path)
    times, damage = read(video)
    assert damage == ()
    assert len(times) == 65


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_still_moment_is_whole(studio, suffix):
    ticks = [*range(60), *range(150, 210)]
    film = studio.film(f"still.{suffix}", ticks, options={"g": "12", "bf": "2"}, sound=7.0)
    times, damage = read(Video.open(film.path))
    assert len(times) == 120
    assert damage == ()


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("closed.ts", "libx264", GOP),
        ("open.ts", "libx264", {**GOP, "x264-params": "open-gop=1"}),
        ("open.mkv", "libx264", {**GOP, "x264-params": "open-gop=1"}),
        ("hevc.ts", "libx265", {"x265-params": "log-level=none:keyint=24:open-gop=1"}),
        ("mpeg2.ts", "mpeg2video", {"g": "12", "bf": "2"}),
        ("fields.ts", "libx264", {**GOP, "flags": "+ildct+ilme"}),
        ("refresh.ts", "libx264", {"g": "30", "bf": "0", "intra-refresh": "1"}),
        (
            "hidden.webm",
            "libvpx",
            HIDDEN,
        ),
        ("hidden9.webm", "libvpx-vp9", HIDDEN),
        ("packed.avi", "mpeg4", {"g": "24", "bf": "2"}),
        ("motion.avi", "mjpeg", {}),
    ],
)
def test_unusual_streams_joined_or_cut_short_are_not_damaged(studio, name, codec, options):
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    film = studio.film(
        f"odd_{name}", 90, codec=codec, options=options, pix_fmt=pix_fmt, size=SIZE, picture=waves
    )
    assert read(Video.open(film.path)) == (pytest.approx(film.times, abs=2e-3), ())
    data = film.path.read_bytes()
    if name.endswith("ts"):
        joined = film.path.with_name(f"joined_{name}")
        joined.write_bytes(data + data)
        times, damage = read(Video.open(joined))
        assert len(times) == 180
        assert damage == ()
    short = film.path.with_name(f"short_{name}")
    for share in (0.5, 0.7, 0.83):
        short.write_bytes(data[: int(len(data) * share)])
        assert read(Video.open(short))[1] == (), share


@settings(deadline=None, max_examples=30)
@given(
    suffix=st.sampled_from(sorted(CODECS)),
    edits=st.lists(st.tuples(st.floats(0.1, 1), st.binary(max_size=400)), max_size=3),
    fps=st.sampled_from([None, 3.0]),
)
def test_damage_lies_in_the_video_in_order(wavy, tmp_path_factory, suffix, edits, fps):
    film = wavy(suffix)
    data = bytearray(film.path.read_bytes())
    for place, noise in edits:
        at = int(place * len(data))
        data[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / f"edited.{suffix}"
    path.write_bytes(data)
    try:
        video = Video.open(path)
    except VideoError:
        return
    times, damage = read(video, fps=fps)
    assert all(0 <= span.start < span.end <= video.span.end for span in damage)
    assert all(a.end < b.start for a, b in pairwise(damage))
    if data == film.path.read_bytes():
        assert damage == ()
    elif fps is None and video.missing == 0 and not damage:
        # Nothing was told: then no picture went lost but, at most, the last.
        assert max((b - a for a, b in pairwise(times)), default=0) < 0.2


def test_one_tick_too_many_is_no_damage(studio):
    # Stamps rounded to milliseconds, with a clock that drifts.
    ticks = [round(k * 1001 / 30) + (k % 3 == 0) for k in range(120)]
    film = studio.film("drift.mkv", ticks, base=Fraction(1, 1000), options=GOP)
    assert read(Video.open(film.path))[1] == ()
