"""Windows tile the time line, never mix two shots, and speak for what they see best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.index.windows import Window, Windower

PIXEL = np.zeros((1, 1, 3), np.uint8)


def _cut(lengths: list[int], size: int, stride: int, fps: float = 4.0) -> list[Window]:
    """Windows of shots with so many samples each; sample n is a picture of the number n."""
    windower, windows, number = Windower(size, stride), [], 0
    for length in lengths:
        for place in range(length):
            boundary = (number - 0.5) / fps if place == 0 and number else None
            picture = np.full((1, 1, 3), number % 256, np.uint8)
            windows += windower.add(number / fps, picture, boundary)
            number += 1
    windows += windower.flush(number / fps)
    assert windower.flush(number / fps) == []
    return windows


@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    plan=st.sampled_from(
        [(16, 16), (16, 8), (16, 12), (16, 2), (64, 48), (64, 64), (1, 1), (2, 2)]
    ),
)
def test_every_sample_is_spoken_for_once(lengths: list[int], plan: tuple[int, int]) -> None:
    size, stride = plan
    windows = _cut(lengths, size, stride)
    edges = [0.0, *(window.span.end for window in windows)]
    assert [window.span.start for window in windows] == edges[:-1]
    assert edges[-1] == sum(lengths) / 4
    kept = [window.pictures[slice(*window.keep), 0, 0, 0] for window in windows]
    expected = np.arange(sum(lengths)) % 256
    assert np.array_equal(np.concatenate(kept), expected)
    for window in windows:
        first, last = window.keep
        assert 1 <= len(window.pictures) <= size and 0 <= first < last <= len(window.pictures)
        assert len(window.moments) == -(-(last - first) // 2)
        flat = window.moments.ravel()
        assert flat[0] == window.span.start and flat[-1] == window.span.end
        assert np.all(window.moments[:, 0] < window.moments[:, 1])
        assert np.array_equal(window.moments[1:, 0], window.moments[:-1, 1])


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_pictures_of_one_shot_only(lengths: list[int]) -> None:
    shot_of = np.repeat(np.arange(len(lengths)), lengths)
    for window in _cut(lengths, 16, 8):
        assert len({int(shot_of[n]) for n in window.pictures[:, 0, 0, 0]}) == 1


def test_edges_inside_a_shot_are_context() -> None:
    windows = _cut([64 + 2 * 48, 30], 64, 48)
    # 4 tubelets of 8 pictures at each inner edge, none at the ends of the shot.
    assert [window.keep for window in windows] == [(0, 56), (8, 56), (8, 64), (0, 30)]
    assert [len(window.pictures) for window in windows] == [64, 64, 64, 30]


def test_the_tail_is_encoded() -> None:
    assert [len(window.pictures) for window in _cut([16 + 1], 16, 16)] == [16, 1]
    long = _cut([64 + 1], 64, 48)
    assert [(len(w.pictures), w.keep) for w in long] == [(64, (0, 56)), (17, (8, 17))]


def test_a_boundary_before_anything_ends_nothing() -> None:
    windower = Windower(4, 4)
    assert windower.add(0.0, PIXEL, 0.0) == []
    (window,) = windower.flush(2.0)
    assert (window.span.start, window.span.end) == (0.0, 2.0)


@pytest.mark.parametrize("plan", [(4, 5), (4, 0)])
def test_windows_without_an_advance_or_with_holes_are_refused(plan: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot start every"):
        Windower(*plan)
