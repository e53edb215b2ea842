"""Whether one span follows another, told beside copying and in units of the video itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from broken import moving_film
from saved_heads import save_seeing

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.prediction import verify
from rlm.spans import Span
from rlm.world.files import write_pictures


def test_a_judgement_has_both_energies(index: VideoIndex) -> None:
    scene = next(s for s in index.scenes() if s.end - s.start > 3.2)
    middle = scene.start + 2
    told = verify(index, Span(scene.start, middle), Span(middle, middle + 1))
    assert told.energy > 0 and told.copy_energy > 0
    assert told.ratio == pytest.approx(math.log(told.energy / told.copy_energy))
    assert told.start == pytest.approx(middle, abs=0.26) and told.end <= middle + 1.26
    assert told.score is not None and math.isfinite(told.score) and 2 < told.samples <= 32


def test_a_cut_is_no_continuation_and_the_middle_of_a_shot_is(index: VideoIndex) -> None:
    """Even random weights tell another shot from the same one by copying alone."""
    one, other = [s for s in index.scenes() if s.end - s.start > 3.2][:2]
    middle = one.start + 2
    same = verify(index, Span(one.start, middle), Span(middle, middle + 1))
    cut = verify(index, Span(one.start, middle), Span(other.start + 1, other.start + 2))
    assert cut.copy_energy > same.copy_energy


def test_where_nothing_is_usual_there_is_no_score(tmp_path: Path) -> None:
    """A video too short for a single moment to compare with."""
    film = write_pictures(moving_film(1, 1, 3.0), tmp_path / "film.mp4", fps=8, side=64)
    index = VideoIndex.build(film, save_seeing(tmp_path / "seeing"), cache=tmp_path / "cache")
    told = verify(index, Span(0, 1.5), Span(1.5, 3.0))
    again = verify(index, Span(0, 1.5), Span(1.5, 3.0))
    assert told == again and (told.score is None or told.samples > 2)
    assert verify(index, Span(0, 2.5), Span(2.0, 3.0)).samples <= 2


def test_a_rounded_end_is_the_end_of_its_shot(index: VideoIndex) -> None:
    one = next(s for s in index.scenes() if s.end - s.start > 3.2)
    exact = verify(index, Span(one.start, one.end), Span(one.end, one.end + 1))
    rounded = verify(index, Span(one.start, one.end + 0.004), Span(one.end, one.end + 1))
    assert rounded.energy == pytest.approx(exact.energy, rel=1e-3)


def test_too_little_to_judge(index: VideoIndex) -> None:
    with pytest.raises(UsageError, match=r"shorter than 0\.5 s"):
        verify(index, Span(0, 2), Span(5, 5.2))
