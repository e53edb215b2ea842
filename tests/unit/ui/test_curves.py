"""Curves over time: what is read off them, and how they look in a terminal and as a picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from rlm.spans import Span
from rlm.ui.curves import ROWS, Curve, as_text, peaks, time_ticks
from rlm.ui.curves_png import PANEL, WIDTH, as_picture

CHART = """\
       4┤       ┊      ⢠⠿⡄      ┊
        │       ┊     ⢠⠏ ⠹⡄     ┊
        │       ┊    ⢠⠏   ⠹⡄    ┊
        │       ┊   ⢠⠏     ⠹⡄   ┊
       2┤       ┊  ⢠⠏       ⠹⡄  ┊
        │       ┊ ⢠⠏         ⠹⡄ ┊
        │       ┊⢠⠏           ⠹⡄┊
       0┤⣀⣀⣀⣀⣀⣀⣀⣠⠏             ⠹⣄⣀⣀⣀⣀⣀⣀⣀
        └┬──────────────┬──────────────┬
         0:00         0:30          1:00
highest: 0:30.0 4
"""


def curve(*values: float, end: float = 60) -> Curve:
    times = np.linspace(0, end, len(values))
    return Curve("surprise", "deviations", times, np.array(values, dtype=np.float64))


def test_peaks_come_highest_first_and_apart() -> None:
    told = curve(0, 5, 0, 1, 0, 9, 8.9, 9, 0, 0.1, 0, 3)
    assert peaks(told, Span(0, 60)) == [5, 7, 1, 11, 3]  # not the one that hardly stands out
    assert peaks(told, Span(0, 60), most=1) == [5]
    assert peaks(told, Span(0, 300)) == [5, 1, 11]
    assert peaks(curve(2, 2, 2), Span(0, 60)) == []


@given(start=st.floats(0, 5000), seconds=st.floats(0.5, 20000), most=st.integers(2, 20))
def test_ticks_are_round_and_few_enough(start: float, seconds: float, most: int) -> None:
    span = Span(start, start + seconds)
    found = time_ticks(span, most)
    assert len(found) <= most + 1
    assert all(start - 1e-3 <= time <= span.end + 1e-3 for time, _ in found)
    assert len({name for _, name in found}) == len(found)


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=300),
    width=st.integers(30, 200),
    cuts=st.lists(st.floats(0, 60), max_size=20),
)
def test_a_chart_fits_its_width(values: list[float], width: int, cuts: list[float]) -> None:
    lines = [line.plain for line in as_text(curve(*values), Span(0, 60), cuts, width)]
    assert all(cell_len(line) <= width for line in lines)
    drawn = lines[1 : 1 + ROWS]
    dots = [any(0x2800 < ord(letter) < 0x2900 for letter in line) for line in drawn]
    # A curve without a gap from its lowest to its highest point, which are the last and first row.
    assert all(dots) or max(values) - min(values) <= 1e-9


def test_a_chart() -> None:
    lines = [line.plain for line in as_text(curve(0, 0, 4, 0, 0), Span(0, 60), [15.0, 45.0], 40)]
    assert lines[0] == "surprise (deviations)"
    assert lines[1:] == CHART.splitlines()


def test_a_picture_has_a_panel_for_each_curve_and_its_line() -> None:
    told = [curve(0, 4, 0), Curve("like it", "cosine", *[np.array([0.0, 60.0])] * 2, Span(20, 40))]
    picture = np.asarray(as_picture("a.mp4", told, Span(0, 60), [30.0]))
    assert picture.shape == (40 + 2 * PANEL, WIDTH, 3)
    upper, lower = picture[40 : 40 + PANEL], picture[40 + PANEL :]
    blue = (abs(upper.astype(int) - (31, 90, 200)).sum(axis=2) < 60).nonzero()
    red = (abs(lower.astype(int) - (200, 60, 40)).sum(axis=2) < 60).nonzero()
    # From the left edge to the right one, and the peak in the middle.
    assert blue[1].min() < 110 and blue[1].max() > WIDTH - 60
    highest = blue[1][(blue[0] > 60) & (blue[0] < 85)]
    assert len(highest) and abs(np.median(highest) - (76 + WIDTH - 24) / 2) < 5
    assert red[1].min() < 110 and red[1].max() > WIDTH - 60
    band = (lower == (255, 243, 205)).all(axis=2).nonzero()[1]
    assert band.min() == pytest.approx(76 + (WIDTH - 100) / 3, abs=3)
    assert band.max() == pytest.approx(76 + (WIDTH - 100) * 2 / 3, abs=3)
