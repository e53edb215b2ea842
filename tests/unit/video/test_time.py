"""Which picture is on display when: the sampling laws, over every kind of clock."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.errors import UsageError
from rlm.spans import Span
from rlm.video import Video

MILLISECOND = 1.001e-3


def tolerance(video):
    return min(max(float(video.timing.time_base) / 2, 1e-6), 5e-4)


def test_every_picture_comes_once_with_its_true_time(films, number_of, kind):
    film = films[kind]
    video = Video.open(film.path)
    frames = list(video.frames())
    assert [number_of(frame.rgb) for frame in frames] == list(range(len(film.times)))
    assert [frame.time for frame in frames] == pytest.approx(film.times, abs=MILLISECOND)
    assert all(a.time < b.time for a, b in pairwise(frames))
    assert frames[0].time == 0.0


def test_the_span_ends_with_the_last_picture(films, kind):
    film = films[kind]
    video = Video.open(film.path)
    assert video.span.start == 0.0
    # How long the last picture stays is not stored everywhere: up to one usual period is open.
    gaps = [b - a for a, b in pairwise(film.times)]
    low, high = film.times[-1] + min(gaps) / 2, film.times[-1] + max(gaps) + MILLISECOND
    assert low <= video.span.end <= high


@settings(deadline=None, max_examples=5)
@given(
    fps=st.floats(0.2, 40),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda e: e[0] < e[1]),
)
def test_samples_lie_on_the_grid_and_show_what_is_on_display(films, number_of, kind, fps, ends):
    film = films[kind]
    video = Video.open(film.path)
    span = Span(*(end * video.span.end for end in ends))
    frames = list(video.frames(fps, span))
    assert len(frames) == max(1, math.ceil((span.duration - 1e-6) * fps))
    own = [frame.time for frame in video.frames()]
    slack = tolerance(video)
    for k, frame in enumerate(frames):
        assert frame.time == span.start + k / fps
        shown = max((n for n, t in enumerate(own) if t <= frame.time + slack), default=0)
        assert number_of(frame.rgb) == shown


def test_a_span_that_ends_just_after_a_picture_shows_it(films, number_of):
    for kind in ("mp4", "avi", "long mkv"):
        video = Video.open(films[kind].path)
        own = [frame.time for frame in video.frames()]
        for slack in (1e-5, 1e-4, 1e-3):
            span = Span(0.0, own[30] + slack)
            last = list(video.frames(1 / (span.end - slack / 2), span))[-1]
            assert number_of(last.rgb) == 30, kind


@pytest.mark.parametrize("kind", ["mp4", "varying mkv", "open gop", "ts", "avi", "long"])
@settings(deadline=None, max_examples=5)
@given(cut=st.floats(0.01, 0.99))
def test_a_cut_span_loses_and_doubles_no_picture(films, number_of, kind, cut):
    film = films[kind]
    video = Video.open(film.path)
    middle = cut * video.span.end
    parts = (Span(0, middle), Span(middle, video.span.end))
    numbers = [number_of(f.rgb) for part in parts for f in video.frames(span=part)]
    assert numbers == list(range(len(film.times)))


@settings(deadline=None, max_examples=5)
@given(count=st.integers(1, 12), start=st.floats(0, 0.9), size=st.integers(10, 100))
def test_counted_clips_are_taken_at_the_centres_of_equal_parts(
    films, number_of, kind, count, start, size
):
    film = films[kind]
    video = Video.open(film.path)
    span = Span(start * video.span.end, video.span.end)
    clip = video.clip(span, count=count, size=(size, 20))
    assert clip.span == span
    assert clip.rgb.shape == (count, 20, size, 3)
    assert clip.times.shape == (count,)
    centres = span.start + (np.arange(count) + 0.5) * span.duration / count
    np.testing.assert_allclose(clip.times, centres)
    own = [frame.time for frame in video.frames(size=(size, 20))]
    for time, rgb in zip(clip.times, clip.rgb, strict=True):
        shown = max(n for n, t in enumerate(own) if t <= time + tolerance(video))
        assert number_of(rgb) == shown


def test_sampling_at_the_native_rate_takes_every_picture_once(films, number_of):
    for kind in ("mp4", "ts", "late mp4", "late mkv"):
        video = Video.open(films[kind].path)
        numbers = [number_of(frame.rgb) for frame in video.frames(float(video.frame_rate))]
        assert numbers == list(range(90)), kind


def test_a_millisecond_clock_rounds_but_loses_nothing(studio, number_of):
    # Matroska stores 0.0333 s as 33 ms and 0.0667 s as 67 ms.
    film = studio.film("thirty.mkv", 90, rate=30)
    video = Video.open(film.path)
    assert [number_of(frame.rgb) for frame in video.frames(30)] == list(range(90))


def test_a_clip_without_rate_or_count_holds_every_picture(films, number_of):
    video = Video.open(films["mp4"].path)
    clip = video.clip(Span(1.0, 2.0))
    assert [number_of(rgb) for rgb in clip.rgb] == list(range(30, 60))
    between = video.clip(Span(1.01, 1.02))
    assert number_of(between.rgb[0]) == 30
    assert between.times.tolist() == [1.01]


def test_a_clip_of_chosen_moments(films, number_of):
    video = Video.open(films["mp4"].path)
    clip = video.clip(times=[0.0, 0.51, 2.0, 2.0])
    assert [number_of(rgb) for rgb in clip.rgb] == [0, 15, 60, 60]
    assert clip.times.tolist() == [0.0, 0.51, 2.0, 2.0]
    for wrong in ([2.0, 1.0], [-1.0], [video.span.end]):
        with pytest.raises(UsageError, match="in order and within"):
            video.clip(times=wrong)
    with pytest.raises(UsageError, match="one of them"):
        video.clip(count=2, times=[1.0])


def test_a_span_is_cut_to_the_video_and_refused_outside(films):
    video = Video.open(films["mp4"].path)
    clip = video.clip(Span(-5, 100), count=3)
    assert clip.span == video.span
    with pytest.raises(UsageError, match=r"outside the video; the video runs 0:00\.0-0:03\.0"):
        video.frames(span=Span(3.5, 4))
    with pytest.raises(UsageError, match="is empty"):
        video.clip(Span(1, 1), count=2)


def test_the_tap_sees_every_picture_of_the_span(films):
    video = Video.open(films["varying"].path)
    span = Span(2.0, 6.0)
    seen = []
    kept = list(video.frames(1, span, tap=lambda time, sample: seen.append((time, sample))))
    assert len(kept) == 4
    assert [time for time, _ in seen] == [frame.time for frame in video.frames(span=span)]
    for _, sample in seen:
        assert sample.shape == (32, 32, 3)
        assert sample.dtype == np.float32


def test_repeated_pictures_do_not_share_memory(films):
    video = Video.open(films["mp4"].path)
    first, second = video.frames(60, Span(0, 1 / 30))
    assert not np.shares_memory(first.rgb, second.rgb)


def test_sparse_samples_jump_over_what_nobody_asked_for(films, monkeypatch):
    from rlm.video.decode import Decoder

    decoded = []
    decode = Decoder._decode
    monkeypatch.setattr(Decoder, "_decode", lambda self: decoded.append(1) or decode(self))
    for kind in ("long", "long mkv"):
        video = Video.open(films[kind].path)
        decoded.clear()
        assert len(video.clip(count=6)) == 6
        assert len(decoded) < 400, kind
