"""The pixel helpers: as functions here, and as a session has them in its jail."""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from scripted import ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent.models import Models
from rlm.agent.session import Session, default_jail
from rlm.tools import RECORDS, TOOLS, ToolContext, pixels
from rlm.tools.base import Frames, Sheet
from rlm.tools.pixels import (
    HELPERS,
    blend,
    crop,
    describe_helpers,
    diff,
    frame_info,
    optical_flow,
    plot,
    sources,
    threshold,
    track_color,
    zoom,
)

PICTURES = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.just(3)),
)
MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
EIGHT = np.ones((3, 3))


def frames_of(rgb: np.ndarray) -> Frames:
    times = 1 + np.arange(len(rgb)) / 4
    return Frames(1.0, 2.0, times, rgb)


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Soft blobs of several sizes that go on at the opposite edge, (H, W, 3)."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width))
    for sigma in (2, 5, 12):
        blobs = ndimage.gaussian_filter(rng.normal(size=(height, width)), sigma, mode="wrap")
        total += blobs / blobs.std()
    scaled = (total - total.min()) / np.ptp(total) * 255
    return np.repeat(scaled.astype(np.uint8)[..., None], 3, axis=2)


# ---- all of them


def test_every_helper_is_described_with_an_example_of_itself() -> None:
    text = describe_helpers()
    for helper in HELPERS:
        assert helper.__doc__ is not None
        assert f"{helper.__name__}(" in helper.__doc__.split("Example:")[1]
        assert f"{helper.__name__}(" in text
    assert "Any" not in text


def test_the_modules_export_the_helpers_and_no_name_that_is_taken() -> None:
    exported = [name for module in sources() for name in sys.modules[module].__all__]
    names = {helper.__name__ for helper in HELPERS}
    assert sorted(exported) == sorted(names | {"np"})
    assert not names & ({tool.__name__ for tool in TOOLS} | {record.__name__ for record in RECORDS})


def test_the_modules_import_nothing_that_a_jail_has_not() -> None:
    known = set()
    for name, source in sources().items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [str(node.module)]
            else:
                continue
            for module in imported:
                top = module.split(".")[0]
                assert module in known or top == "numpy" or top in sys.stdlib_module_names, module
        known.add(name)


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda p: crop("picture", 0, 0, 1, 1), TypeError, "array, or frames, not str"),
        (lambda p: crop(p, 0, 0, "9", 9), TypeError, "x1 is a number, not str"),
        (lambda p: crop(p, 5, 0, 5, 9), ValueError, "box (5, 0, 5, 9) is empty"),
        (lambda p: crop(p, 90, 90, 99, 99), ValueError, "outside the picture, 20 x 16 pixels"),
        (lambda p: crop(p, 0, 0, np.nan, 9), ValueError, "x1 is a finite number"),
        (lambda p: crop(p, 0.5, 0, 1, 1), ValueError, "fractions; it needs pixels of 20 x 16"),
        (lambda p: zoom(p), ValueError, "either factor or size"),
        (lambda p: zoom(p, (3, 4)), TypeError, "(width, height) goes in size="),
        (lambda p: zoom(p, 2, (3, 4)), ValueError, "either factor or size"),
        (lambda p: zoom(p, 0), ValueError, "above 0"),
        (lambda p: zoom(p, size=7), TypeError, "size is (width, height), not 7"),
        (lambda p: zoom(p, size=(7.5, 2)), TypeError, "width is a whole number, not 7.5"),
        (lambda p: zoom(p + 1.5, 2), ValueError, "floats holds values from 0 to 1"),
        (lambda p: zoom(p.astype(int) - 1, 2), ValueError, "from 0 to 255"),
        (lambda p: zoom(p.astype(complex), 2), TypeError, "not complex128"),
        (lambda p: zoom(p[:, :, :2], 2), ValueError, "a picture has shape"),
        (lambda p: zoom(p[:0], 2), ValueError, "a picture has shape"),
        (lambda p: zoom([p, p[:8]], 2), ValueError, "the pictures of a list have one shape"),
        (lambda p: diff(p), ValueError, "give b, or a stack"),
        (lambda p: diff(p, p[:8]), ValueError, "20 x 16 and 20 x 8 pixels do not fit"),
        (lambda p: diff([p, p], [p] * 3), ValueError, "stacks of 2 and 3 pictures"),
        (lambda p: blend(p), ValueError, "give b, or a stack"),
        (lambda p: blend(p, p, 1.5), ValueError, "alpha is from 0 to 1, not 1.5"),
        (lambda p: threshold(np.stack([p, p]), 5), ValueError, "one picture, not 2"),
        (lambda p: threshold(p, 9, 5), ValueError, "low 9 is above high 5"),
        (lambda p: threshold(p, 9, min_area=0), ValueError, "min_area is at least 1, not 0"),
        (lambda p: threshold(p[:, :, 0] * 1j, 9), ValueError, "not complex128"),
        (lambda p: track_color(p, (1, 2)), ValueError, "rgb is (r, g, b)"),
        (lambda p: track_color(p, "red"), ValueError, "rgb is (r, g, b)"),
        (lambda p: track_color(p, (1, 2, 256)), ValueError, "from 0 to 255"),
        (lambda p: optical_flow(p, p, 5), ValueError, "5 cells need 20 pixels each way"),
        (lambda p: optical_flow(p, p[:8]), ValueError, "20 x 16 and 20 x 8 pixels do not fit"),
        (lambda p: optical_flow(p, p, 2.0), TypeError, "cells is a whole number, not 2.0"),
        (lambda p: frame_info(None), TypeError, "not NoneType"),
        (lambda p: plot([]), ValueError, "y is N numbers"),
        (lambda p: plot([[1, 2]] * 6), ValueError, "at most 5 curves"),
        (lambda p: plot([1, 2], [1]), ValueError, "x needs 2 numbers"),
        (lambda p: plot(["a"]), TypeError, "y holds numbers"),
        (lambda p: plot([[1, 2], [3]]), TypeError, "in rows of one length"),
        (lambda p: plot([None, np.nan]), ValueError, "no finite number"),
        (lambda p: plot([1e200]), ValueError, "cannot be drawn"),
    ],
)
def test_bad_input_is_named_in_one_line(
    call: Callable[[np.ndarray], Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind) as caught:
        call(np.zeros((16, 20, 3), np.uint8))
    message = str(caught.value)
    assert says in message
    assert message.split(":")[0] in {helper.__name__ for helper in HELPERS}
    assert "\n" not in message


def test_what_is_given_decides_what_comes_back() -> None:
    stack = np.zeros((2, 6, 8, 3), np.uint8)
    frames = frames_of(stack)
    for change in (lambda p: crop(p, 1, 1, 5, 4), lambda p: zoom(p, size=(4, 3))):
        assert isinstance(change(frames), Frames)
        assert change(frames).times is frames.times
        assert change(frames).rgb.shape == change(stack).shape == (2, 3, 4, 3)
        assert change(stack[0]).shape == (3, 4, 3)
        assert change(stack[0, :, :, 0]).shape == (3, 4)
        assert change([stack[0], frames]).shape == (3, 3, 4, 3)
        sheet = Sheet(0.0, 1.0, np.zeros(2), stack[0])
        assert change(sheet).shape == (3, 4, 3)
    assert diff(frames).shape == (1, 6, 8, 3)
    assert diff(frames, stack[0]).shape == blend(stack[0], frames).shape == (2, 6, 8, 3)
    assert blend(frames).shape == diff(stack[0], stack[1]).shape == (6, 8, 3)
    assert diff(stack[0, :, :, 0], stack[1, :, :, 0]).shape == (6, 8)


# ---- crop, zoom, diff, blend


@given(PICTURES, st.data())
def test_a_crop_of_a_crop_is_one_crop(stack: np.ndarray, data: st.DataObject) -> None:
    height, width = stack.shape[1:3]

    def draw_box(wide: int, high: int) -> tuple[int, int, int, int]:
        x0, y0 = data.draw(st.integers(0, wide - 1)), data.draw(st.integers(0, high - 1))
        return (
            x0, y0, data.draw(st.integers(x0 + 1, wide)), data.draw(st.integers(y0 + 1, high)),
        )  # fmt: skip

    outer = draw_box(width, height)
    once = crop(stack, *outer)
    assert np.array_equal(once, stack[:, outer[1] : outer[3], outer[0] : outer[2]])
    inner = draw_box(once.shape[2], once.shape[1])
    moved = [inner[i] + outer[i % 2] for i in range(4)]
    assert np.array_equal(crop(once, *inner), crop(stack, *moved))


@given(PICTURES, *[st.floats(-20, 20)] * 4)
def test_a_crop_never_leaves_the_picture(
    stack: np.ndarray, x0: float, y0: float, x1: float, y1: float
) -> None:
    try:
        cut = crop(stack, x0, y0, x1, y1)
    except ValueError:
        return
    assert 0 not in cut.shape
    assert not np.shares_memory(cut, stack)
    assert cut.shape[1] <= min(stack.shape[1], round(y1) - round(y0))
    assert cut.shape[2] <= min(stack.shape[2], round(x1) - round(x0))


@given(PICTURES, st.integers(1, 4))
def test_repeated_pixels_are_found_again_and_their_mean_is_the_picture(
    stack: np.ndarray, factor: int
) -> None:
    larger = zoom(stack, factor, smooth=False)
    assert np.array_equal(larger, stack.repeat(factor, 1).repeat(factor, 2))
    assert np.array_equal(zoom(larger, size=(stack.shape[2], stack.shape[1])), stack)
    assert np.array_equal(zoom(stack, 1), stack)


@given(PICTURES, st.tuples(st.integers(1, 20), st.integers(1, 20)), st.booleans())
def test_zoom_stays_within_the_values_and_gives_the_size(
    stack: np.ndarray, size: tuple[int, int], smooth: bool
) -> None:
    scaled = zoom(stack, size=size, smooth=smooth)
    assert scaled.dtype == np.uint8
    assert scaled.shape == (len(stack), size[1], size[0], 3)
    assert stack.min() <= scaled.min() <= scaled.max() <= stack.max()


def test_smooth_zoom_is_linear_between_pixels() -> None:
    ramp = np.array([[0, 100]], np.uint8)
    assert zoom(ramp, size=(4, 1)).tolist() == [[0, 25, 75, 100]]
    assert zoom(np.array([[0, 90, 30]], np.uint8), size=(2, 1)).tolist() == [[30, 50]]


@given(PICTURES, st.integers(0, 255))
def test_difference(stack: np.ndarray, level: int) -> None:
    other = np.roll(stack, 1, axis=2) // 2 + np.uint8(level // 2)
    wide = abs(stack.astype(int) - other)
    assert np.array_equal(diff(stack, other), wide)
    assert np.array_equal(diff(other, stack), wide)
    assert not diff(stack, stack).any()
    if len(stack) > 1:
        assert np.array_equal(diff(stack), abs(np.diff(stack.astype(int), axis=0)))
    assert np.array_equal(diff(stack, other[0]), abs(stack.astype(int) - other[:1]))


@given(PICTURES, st.floats(0, 1))
def test_blend(stack: np.ndarray, alpha: float) -> None:
    other = 255 - stack
    exact = stack * (1 - alpha) + other * alpha
    assert abs(blend(stack, other, alpha) - exact).max() <= 0.5 + 1e-3
    assert np.array_equal(blend(stack, other, 0), stack)
    assert np.array_equal(blend(stack, other, 1), other)
    assert abs(blend(stack) - stack.mean(axis=0)).max() <= 0.5 + 1e-3


# ---- threshold


def check_regions(mask: np.ndarray, min_area: int = 1) -> None:
    """Against scipy: the same regions, though in another order."""
    found, regions, labels = threshold(mask, 1, min_area=min_area)
    wanted, _ = ndimage.label(mask, EIGHT)
    sizes = np.bincount(wanted.ravel())
    sizes[0] = 0
    kept = np.flatnonzero(sizes >= min_area)
    kept = kept[kept > 0]
    assert np.array_equal(found, np.isin(wanted, kept))
    assert np.array_equal(found, labels > 0)
    pairs = set(zip(labels[found].tolist(), wanted[found].tolist(), strict=True))
    assert len(pairs) == len(kept) == len(regions)
    assert [region.label for region in regions] == list(range(1, len(kept) + 1))
    areas = [region.area for region in regions]
    assert areas == sorted(areas, reverse=True)
    for region in regions:
        rows, columns = np.nonzero(labels == region.label)
        assert region.area == len(rows)
        x0, y0, x1, y1 = region.box
        assert (x0, y0) == (columns.min(), rows.min())
        assert (x1, y1) == (columns.max() + 1, rows.max() + 1)
        middle = (columns.mean() + 0.5, rows.mean() + 0.5)
        assert region.centre == pytest.approx(middle, abs=0.006)
        assert type(region.area) is type(x0) is int
        assert type(region.centre[0]) is float


@given(MASKS, st.integers(1, 5))
def test_regions_are_those_of_scipy(mask: np.ndarray, min_area: int) -> None:
    check_regions(mask, min_area)


@pytest.mark.parametrize("density", [0.02, 0.2, 0.35, 0.41, 0.5, 0.9])
def test_regions_of_noise_are_those_of_scipy(density: float) -> None:
    mask = np.random.default_rng(3).random((150, 210)) < density
    found, regions, labels = threshold(mask, 1)
    wanted, count = ndimage.label(mask, EIGHT)
    assert np.array_equal(found, mask)
    assert len(regions) == count
    assert len(set(zip(labels.ravel().tolist(), wanted.ravel().tolist(), strict=True))) == count + 1


def test_regions_that_wind_and_join_late() -> None:
    comb = np.zeros((60, 61), bool)
    comb[:, ::2] = True
    check_regions(comb)
    comb[-1] = True
    check_regions(comb)
    spiral = np.zeros((61, 61), bool)
    x0, y0, x1, y1 = 0, 0, 60, 60
    while x0 < x1 and y0 < y1:
        spiral[y0, x0 : x1 + 1] = spiral[y0 : y1 + 1, x1] = spiral[y1, x0 : x1 + 1] = True
        spiral[y0 + 2 : y1 + 1, x0] = spiral[y0 + 2, x0 : x0 + 3] = True
        x0, y0, x1, y1 = x0 + 2, y0 + 2, x1 - 2, y1 - 2
    check_regions(spiral)
    diagonal = np.eye(40, dtype=bool)
    check_regions(diagonal | diagonal[::-1])
    for empty in (np.zeros((3, 4), bool), np.ones((1, 1), bool), np.ones((3, 4), bool)):
        check_regions(empty)


def test_bounds_are_inclusive_and_numbers_are_compared_as_they_are() -> None:
    values = np.array([[1.0, 2.5, np.nan, 4.0]])
    assert threshold(values, 2.5)[0].tolist() == [[False, True, False, True]]
    assert threshold(values, 1, 2.5)[0].tolist() == [[True, True, False, False]]
    assert threshold(values - 10, -9, -9)[0].tolist() == [[True, False, False, False]]
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[1:3, 1:3, 1] = 200  # green is 0.59 of brightness
    mask, (region,), _ = threshold(picture, 110, 125)
    assert (region.area, region.box, region.centre) == (4, (1, 1, 3, 3), (2.0, 2.0))
    assert np.array_equal(threshold(frames_of(picture[None]), 110)[0], mask)
    assert repr(region) == "Region(label=1, area=4, box=(1, 1, 3, 3), centre=(2.0, 2.0))"


# ---- frame_info, track_color


def test_a_plain_picture_measures_as_it_is() -> None:
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:] = (200, 100, 50)
    info = frame_info(picture)
    assert (info.time, info.size, info.mean) == (None, (20, 10), (200.0, 100.0, 50.0))
    assert info.brightness == pytest.approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50, abs=1)
    assert (info.contrast, info.sharpness) == (0, 0)
    assert info.dominant == (((200, 100, 50), 1.0),)
    assert "np." not in repr(info) and "array" not in repr(info)
    assert frame_info(picture[:1, :1]).size == (1, 1)


def test_frames_measure_one_by_one_with_their_times() -> None:
    soft = texture(60, 80)
    sharp = np.clip((soft.astype(int) - 128) * 4 + 128, 0, 255).astype(np.uint8)
    sharp[20:50, 10:40] = (250, 15, 20)  # near a border of the bins of the histogram
    sharp[20:50, 10:40:2] = (250, 16, 20)
    one, two = frame_info(frames_of(np.stack([soft, sharp])))
    assert (one.time, two.time) == (1.0, 1.25)
    assert two.sharpness > 4 * one.sharpness
    assert two.contrast > one.contrast
    red = [share for colour, share in two.dominant if colour[0] > 200 and colour[1] < 50]
    assert red == [pytest.approx(900 / 4800, abs=0.001)]
    assert [info.size for info in frame_info([soft])] == [(80, 60)]
    assert frame_info(soft[:, :, 0]).mean == frame_info(soft).mean


def test_a_colour_is_followed_and_missed_when_it_is_gone() -> None:
    rng = np.random.default_rng(1)
    stack = rng.integers(0, 90, (4, 40, 60, 3)).astype(np.uint8)
    for number in range(3):
        stack[number, 10:18, 5 + 10 * number : 15 + 10 * number] = (215, 40, 25)
    stack[:, 30, 50] = (220, 30, 30)  # a speck
    spots = track_color(frames_of(stack), (220, 30, 30))
    assert [spot.time for spot in spots] == [1.0, 1.25, 1.5, 1.75]
    assert [spot.centre for spot in spots] == [(10.0, 14.0), (20.0, 14.0), (30.0, 14.0), None]
    assert [spot.box for spot in spots][:2] == [(5, 10, 15, 18), (15, 10, 25, 18)]
    assert [spot.area for spot in spots] == [80, 80, 80, 0]
    third = dataclasses.replace(frames_of(stack), times=np.arange(4) / 3)
    assert repr(track_color(third, (220, 30, 30))[1]).startswith("Spot(time=0.333, area=80")
    (speck,) = track_color(stack[3], (220, 30, 30), 1, min_area=1)
    assert (speck.time, speck.area, speck.centre) == (None, 1, (50.5, 30.5))
    (grey,) = track_color(np.full((9, 9), 128, np.uint8), (128, 128, 128), 0)
    assert grey.area == 81


# ---- optical_flow


@settings(max_examples=12, deadline=None)
@given(st.integers(-24, 24), st.integers(-24, 24), st.integers(1, 9), st.integers(0, 3))
def test_flow_of_a_shifted_texture_is_the_shift(dx: int, dy: int, cells: int, seed: int) -> None:
    picture = texture(120, 160, seed)
    flow, confidence = optical_flow(picture, np.roll(picture, (dy, dx), (0, 1)), cells)
    assert flow.shape == (cells, cells, 2) and confidence.shape == (cells, cells)
    assert flow.dtype == confidence.dtype == np.float32
    assert 0 <= confidence.min() <= confidence.max() <= 1
    sure = confidence > 0.5
    assert sure.mean() > 0.6  # what leaves the picture cannot be followed
    assert abs(np.median(flow[sure], axis=0) - (dx, dy)).max() < 0.1
    assert np.mean(abs(flow[sure] - (dx, dy)).max(axis=1) < 0.5) > 0.9


def test_flow_is_found_to_a_part_of_a_pixel_and_in_large_pictures() -> None:
    large = texture(500, 641)
    wide = large.astype(float)
    half = ((wide[:, :-1] + wide[:, 1:]) / 2).round().astype(np.uint8)
    flow, confidence = optical_flow(large[:, :-1], half)
    assert confidence.min() > 0.5
    assert np.allclose(flow, (-0.5, 0), atol=0.1)


def test_flow_tells_what_moves_from_what_rests_and_from_what_cannot_be_told() -> None:
    ground, thing = texture(160, 160, 1), texture(60, 60, 2)
    ground[:, 130:] = 90
    before, after = ground.copy(), ground.copy()
    before[40:100, 20:80] = thing
    after[46:106, 30:90] = thing
    flow, confidence = optical_flow(before, after)
    assert np.allclose(flow[3, 2], (10, 6), atol=0.5)
    assert np.allclose(flow[7, :5], 0, atol=0.2)
    assert confidence[:, 7].max() < 0.05
    assert np.allclose(flow[:, 7], 0, atol=0.5)
    assert confidence[3, 2] > 0.7 and confidence[7, :5].min() > 0.7
    _, nothing_matches = optical_flow(texture(160, 160, 3), texture(160, 160, 4))
    assert np.median(nothing_matches) < 0.3


# ---- plot


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(width=32), st.floats(-3, 3)), min_size=1, max_size=30)
)
def test_anything_finite_is_drawn(values: list[float | None]) -> None:
    finite = [value for value in values if value is not None and np.isfinite(value)]
    if not finite:
        with pytest.raises(ValueError, match="no finite number"):
            plot(values)
        return
    picture = plot(values, title="Ünit 7")
    assert picture.shape == (360, 640, 3) and picture.dtype == np.uint8
    assert (picture == (31, 90, 200)).all(axis=2).any()


def blue(picture: np.ndarray) -> np.ndarray:
    return (picture == (31, 90, 200)).all(axis=2)


def test_a_curve_is_where_its_numbers_are() -> None:
    line = blue(plot([0, 10], [5, 6]))
    rows = [np.flatnonzero(line[:, column]).mean() for column in range(80, 620, 60)]
    assert np.all(np.diff(rows) < 0)
    assert np.ptp(np.diff(rows)) <= 2
    gap = blue(plot([1, 1, None, 1, 1]))
    assert np.ptp(np.flatnonzero(gap.any(axis=1))) <= 5  # flat
    columns = np.flatnonzero(gap.any(axis=0))
    assert np.diff(columns).max() > 200
    two = plot([[0, 1], [1, 0]])
    assert blue(two).any() and (two == (214, 39, 40)).all(axis=2).any()
    assert not np.array_equal(plot([1, 2]), plot([1, 2], title="t"))
    assert np.array_equal(plot([1, 2], title="t" * 500), plot([1, 2], title="t" * 600))


def test_axis_numbers_are_round_and_differ() -> None:
    ticks = pixels.plotting.ticks
    assert [text for _, text in ticks(0.0, 10.0, 6)] == ["0", "2", "4", "6", "8", "10"]
    assert [text for _, text in ticks(-0.01, 0.011, 4)] == ["-0.01", "0", "0.01"]
    assert [text for _, text in ticks(1200.0, 4000.0, 3)] == ["2000", "3000", "4000"]
    texts = [text for _, text in ticks(5e7, 5e7 + 3, 6)]
    assert len(set(texts)) == len(texts) > 3


# ---- in the jail


def test_helpers_are_there_from_the_start_and_again_after_a_killed_cell() -> None:
    look = (
        "import numpy as np\n"
        "pictures = np.zeros((2, 40, 50, 3), np.uint8)\n"
        "pictures[0, 5:15, 10:20] = pictures[1, 5:15, 14:24] = (220, 30, 30)\n"
        "frames = Frames(0.0, 1.0, np.array([0.0, 0.5]), pictures)\n"
        "print(crop(frames, 0, 0, 30, 20), zoom(frames, 2).rgb.shape, blend(frames).shape)\n"
        "print([(s.time, s.centre) for s in track_color(frames, (220, 30, 30))])\n"
        "print(threshold(diff(frames), 20)[1][0])\n"
        "print(frame_info(frames)[1].size, plot([1, 2]).shape)\n"
        "print(optical_flow(*pictures, cells=2)[0].shape)\n"
    )
    with default_jail({}, RECORDS) as jail:
        first = jail.run(look)
        assert first.error is None
        assert first.names == ("np", "pictures", "frames")
        killed = jail.run("import os\nos.kill(os.getpid(), 9)")
        assert killed.restarted
        again = jail.run(look)
        assert again.error is None
        assert again.stdout == first.stdout
    assert first.stdout.splitlines() == [
        "Frames(start=0.000, end=1.000, times=<float64[2]>, rgb=<uint8[2,20,30,3]>) "
        "(2, 80, 100, 3) (40, 50, 3)",
        "[(0.0, (15.0, 10.0)), (0.5, (19.0, 10.0))]",
        "Region(label=1, area=40, box=(10, 5, 14, 15), centre=(12.0, 10.0))",
        "(50, 40) (360, 640, 3)",
        "(2, 2, 2)",
    ]


def test_errors_in_the_jail_name_the_function_and_show_the_cell_only() -> None:
    with default_jail({}, ()) as jail:
        error = jail.run("crop(3, 0, 0, 1, 1)").error
        assert error is not None
        assert error.message == "crop: a picture is an array, or frames, not int"
        assert error.traceback.count("File") == 1
        missing = jail.run("crop(3)").error
        assert missing is not None
        assert missing.message.startswith("crop() missing 4 required positional arguments")


def test_a_session_tells_of_the_helpers_and_shows_what_they_make(seen: ToolContext) -> None:
    model = ScriptedModel(
        code("f = extract_frames(1, 2, fps=2)\nshow(zoom(crop(f, 0, 0, 40, 30), 2))"),
        code("show(plot([1, 2]), 'curve')"),
        code("answer('x')"),
    )
    events: list[ev.Event] = []
    Session(seen.index, Models(model), question="What moves?", sinks=[events.append]).run()
    system = model.sent[0][0].text
    for helper in HELPERS:
        assert f"\n{helper.__name__}(" in system
    labels = [
        part.label
        for event in events
        if isinstance(event, ev.Observed)
        for part in event.parts
        if isinstance(part, ev.Image)
    ]
    assert labels == ["frame at 1.00 s", "frame at 1.50 s", "curve"]
