"""Plots: well-formed, everything inside, and every number in words."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.ui.page.plots import WIDTH, Mark, Series, curve, histogram, rows

EVIL = "<script>&\"'\x1b[31m"
share = st.floats(0, 1)
marks = st.lists(
    st.builds(
        lambda x, y, a, b: Mark(x, y, min(a, b), max(a, b), EVIL, f"{EVIL} {x}"),
        st.floats(0, 4000), share, share, share,
    ),
    max_size=8,
)  # fmt: skip


def shapes(svg: str):
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    height = float(root.get("viewBox").split()[3])
    for one in root.iter():
        for name in ("cx", "x1", "x2", "cy", "y1", "y2"):
            if (value := one.get(name)) is not None:
                assert 0 <= float(value) <= (WIDTH if "x" in name else height), (one.tag, name)
    return root


def of(root, kind: str):
    return [one for one in root.iter() if one.tag == kind]


@given(st.lists(marks, max_size=3), st.booleans())
def test_curves_keep_inside_and_tell_every_point(series, diagonal):
    named = [Series(f"{EVIL}{n}", each) for n, each in enumerate(series)]
    root = shapes(curve(EVIL, EVIL, EVIL, named, diagonal=diagonal))
    assert len(of(root, "circle")) == sum(map(len, series))
    assert not of(root, "script")
    assert "\x1b" not in ElementTree.tostring(root, "unicode")


@given(st.lists(share, min_size=1, max_size=12))
def test_rows_have_a_point_each_in_order(values):
    one = Series("one", [Mark(n, value, label=f"row {n}") for n, value in enumerate(values)])
    root = shapes(rows("Parts", "accuracy", [one, one]))
    points = [(float(c.get("cx")), float(c.get("cy"))) for c in of(root, "circle")]
    assert len(points) == 2 * len(values)
    assert [y for _, y in points[::2]] == sorted(y for _, y in points[::2])
    order = sorted(range(len(values)), key=lambda n: values[n])
    across = [points[2 * n][0] for n in order]
    assert across == sorted(across)


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_a_histogram_counts_all(values):
    root = shapes(histogram("Seconds", "s", "questions", values, "{:.3g} s".format))
    bars = [one for one in of(root, "rect") if one.get("class").startswith("bar-of")]
    counts = [int(bar.find("title").text.rpartition(": ")[2]) for bar in bars]
    assert sum(counts) == len(values)
    assert all(float(bar.get("height")) > 0 for bar in bars)


@pytest.mark.parametrize(("x", "written"), [(3, "0 1 2 3"), (300, "0 1 2 5 10 20 50 100 200")])
def test_few_frames_are_on_a_line_and_many_by_their_size(x, written):
    root = shapes(curve("Curve", "frames", "accuracy", [Series("one", [Mark(x, 0.5)])]))
    told = [text.text for text in of(root, "text")]
    assert " ".join(told).startswith(f"{written} ")


def test_labels_do_not_lie_on_each_other():
    close = [Mark(0, 0.5 + n / 1000, label=f"run {n}") for n in range(4)]
    root = shapes(curve("Curve", "frames", "accuracy", [Series("one", close)]))
    labels = [text for text in of(root, "text") if (text.text or "").startswith("run")]
    places = sorted(float(text.get("y")) for text in labels)
    assert all(b - a >= 12 for a, b in pairwise(places))
