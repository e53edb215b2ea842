from __future__ import annotations

import pytest

from rlm.agent.drift import picture_distance, same_words
from rlm.video import encode_jpeg


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        ("a 0.5000 b", "a 0.5002 b", True),
        ("a 0.5 b", "a 0.6 b", False),
        ("1000 windows", "1001 windows", False),
        ("1e-17", "2e-18", True),
        ("[ 0.25 1.5  ]", "[-0.0 1.5  ]", False),
        ("x  0.99999 y", "x 1.0 y", True),
        ("c5a4e114", "c5a4e115", False),
        ("one  two 0.5", "one two 0.5", False),
        ("12.50-18.60 s", "12.501-18.60 s", True),
    ],
)
def test_same_words(then: str, now: str, same: bool) -> None:
    assert same_words(then, now) is same


def test_pictures_are_compared_by_blocks() -> None:
    np = pytest.importorskip("numpy")
    picture = np.random.default_rng(0).integers(90, 110, (64, 96, 3)).astype("uint8")
    moved = picture.copy()
    moved[8:24, 8:24] = 250
    assert picture_distance(encode_jpeg(picture), encode_jpeg(picture, quality=92))[1] < 4
    assert picture_distance(encode_jpeg(picture), encode_jpeg(moved))[1] > 40
    assert picture_distance(encode_jpeg(picture), encode_jpeg(picture[:32])) is None
    assert picture_distance(encode_jpeg(picture[:4, :4]), encode_jpeg(picture[:4, :4])) == (0, 0)
