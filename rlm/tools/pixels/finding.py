"""Where things are and where they go: parts of a picture, a colour over time, coarse motion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from rlm.tools.pixels.pictures import as_uint8, grey, real, stacked, times_of, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Box = tuple[int, int, int, int]
    Point = tuple[float, float]

__all__ = ["optical_flow", "threshold", "track_color"]

_FINEST, _COARSEST = 400, 48  # short side, in pixels, from which flow is halved
_WINDOW = 16  # least side, in pixels, of what is compared
_STEPS = 4  # of Lucas-Kanade at each size
_TEXTURE = 4.0  # squared grey levels a pixel: what the noise of a decoded video comes to


@dataclasses.dataclass(frozen=True)
class Region:
    """One connected part of a mask; ``threshold`` says in which units."""

    label: int
    area: int
    box: Box
    centre: Point


def threshold(
    picture: Any, low: float, high: float | None = None, min_area: int = 1
) -> tuple[Array, list[Region], Array]:
    """Where low <= value (<= high), and the 8-connected regions of that, the largest first.

    A colour picture is compared by its brightness (0 to 255), an array (H, W) by its own values,
    whatever they are. Returns (mask bool (H, W), regions, labels int32 (H, W)). A region has
    `.area` in pixels, `.box`, `.centre` (x, y) and `.label`: it is where labels == region.label
    (0 is outside). Regions under `min_area` pixels are left out, of the mask too. One picture
    only.
    Example: mask, regions, labels = threshold(diff(a, b), 30, min_area=50)
    """
    values = getattr(picture, "rgb", picture)
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        values = _one(picture, "threshold")
    elif values.dtype.kind not in "buif" or 0 in values.shape:
        raise ValueError(f"threshold: an array (H, W) of real numbers, not {values.dtype}")
    bottom = real(low, "low", "threshold")
    least = whole(min_area, "min_area", "threshold")
    mask = values >= bottom
    if high is not None:
        top = real(high, "high", "threshold")
        if top < bottom:
            raise ValueError(f"threshold: low {bottom:g} is above high {top:g}")
        mask &= values <= top
    regions, labels = _regions(mask, least)
    return labels > 0, regions, labels


@dataclasses.dataclass(frozen=True)
class Spot:
    """Where a colour was in one picture; ``track_color`` says in which units."""

    time: float | None
    area: int
    centre: Point | None
    box: Box | None


def track_color(
    frames: Any, rgb: tuple[float, float, float], tolerance: float = 60, min_area: int = 10
) -> list[Spot]:
    """Follow a colour: in each picture the largest connected region of it.

    A pixel is of the colour when its distance to `rgb` (0 to 255 each) in r, g, b is at most
    `tolerance`. One result for each picture: `.time` (seconds; None for arrays), `.area` in
    pixels, `.centre` (x, y), `.box`. Where no region has `min_area` pixels, area is 0 and centre
    and box are None.
    Example: [(s.time, s.centre) for s in track_color(frames, (220, 30, 30)) if s.area]
    """
    stack = as_uint8(frames, "track_color")
    if not isinstance(rgb, list | tuple | np.ndarray) or len(rgb) != 3:
        raise ValueError("track_color: rgb is (r, g, b), from 0 to 255 each")
    wanted = [real(part, name, "track_color") for part, name in zip(rgb, "rgb", strict=True)]
    if not 0 <= min(wanted) <= max(wanted) <= 255:
        raise ValueError(f"track_color: r, g and b are from 0 to 255, not {tuple(wanted)}")
    reach = real(tolerance, "tolerance", "track_color")
    least = whole(min_area, "min_area", "track_color")
    levels = np.arange(256, dtype=np.float32)
    far = [(levels - part) ** 2 for part in wanted]  # by value, so that no pixel is computed twice
    spots = []
    for picture, time in zip(stack, times_of(frames, len(stack)), strict=True):
        distance = far[0][picture[:, :, 0]]
        distance += far[1][picture[:, :, picture.shape[2] // 2]]
        distance += far[2][picture[:, :, -1]]
        regions, _ = _regions(distance <= reach**2, least, most=1)
        if regions:
            spots.append(Spot(time, regions[0].area, regions[0].centre, regions[0].box))
        else:
            spots.append(Spot(time, 0, None, None))
    return spots


def optical_flow(a: Any, b: Any, cells: int = 8) -> tuple[Array, Array]:
    """How far each cell of a grid over picture a has moved in picture b, coarsely.

    Returns (flow float32 (cells, cells, 2), confidence float32 (cells, cells)): flow[row, column]
    is (dx, dy) in pixels, right and down. Confidence is 0 to 1 and low without texture or match:
    for a thing use the cells above 0.5, for the camera the median over all, since on a soft ground
    the sure cells are those of things. A cell has one motion, of at most a quarter of the short
    side; small things need more cells.
    Example: flow, sure = optical_flow(frames.rgb[0], frames.rgb[1])
    """
    first, second = _one(a, "optical_flow"), _one(b, "optical_flow")
    count = whole(cells, "cells", "optical_flow")
    if first.shape != second.shape:
        raise ValueError(
            f"optical_flow: pictures of {first.shape[1]} x {first.shape[0]} and "
            f"{second.shape[1]} x {second.shape[0]} pixels do not fit; crop() or zoom() one"
        )
    if min(first.shape) < 4 * count:
        raise ValueError(f"optical_flow: {count} cells need {4 * count} pixels each way")
    sizes = [(first.astype(np.float32), second.astype(np.float32))]
    scale = 1
    while min(sizes[0][0].shape) > _FINEST:
        sizes = [(_halved(sizes[0][0]), _halved(sizes[0][1]))]
        scale *= 2
    while min(sizes[-1][0].shape) > _COARSEST:
        sizes.append((_halved(sizes[-1][0]), _halved(sizes[-1][1])))
    flow = _matched(*sizes[-1], count)
    confidence = np.zeros((count, count), np.float32)
    for level, (one, other) in reversed(list(enumerate(sizes))):
        flow, confidence = _refined(one, other, flow)
        flow *= 2 if level else scale
    return flow.astype(np.float32).round(2), confidence.astype(np.float32).round(2)


def _one(picture: Any, who: str) -> Array:
    """The brightness uint8 (H, W) of what has to be one picture."""
    stack = stacked(picture, who)
    if len(stack) != 1:
        raise ValueError(f"{who}: one picture, not {len(stack)}; take one, such as frames.rgb[0]")
    return grey(as_uint8(picture, who)[0])


# ---- connected regions


def _regions(mask: Array, least: int, most: int | None = None) -> tuple[list[Region], Array]:
    """The 8-connected regions of at least ``least`` pixels, the largest first, and their labels.

    Works on runs, the maximal rows of pixels, which are far fewer than pixels; those that touch
    from one row to the next are joined by union-find on whole arrays.
    """
    height, width = mask.shape
    labels = np.zeros(mask.shape, np.int32)
    framed = np.zeros((height, width + 2), np.bool_)
    framed[:, 1:-1] = mask
    flat = framed.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    if not len(turns):
        return [], labels
    # Both as row * (width + 2) + x, where a run holds x0 <= x < x1.
    starts, ends = turns[::2], turns[1::2]
    below = width + 2
    begin = np.searchsorted(ends, starts + below)
    touched = np.searchsorted(starts, ends + below, "right") - begin
    upper = np.repeat(np.arange(len(starts)), touched)
    offset = np.arange(len(upper)) - np.repeat(np.cumsum(touched) - touched, touched)
    root = _roots(len(starts), upper, np.repeat(begin, touched) + offset)
    part = (np.cumsum(root == np.arange(len(root))) - 1)[root]

    y, x0 = np.divmod(starts, below)
    length = ends - starts
    x1 = x0 + length
    area = np.bincount(part, length).astype(np.int64)
    order = np.argsort(-area, kind="stable")[:most]
    order = order[area[order] >= least]
    centre_x = np.bincount(part, length * (x0 + x1) / 2) / area
    centre_y = np.bincount(part, length * (y + 0.5)) / area
    left, top = np.full(len(area), width), np.full(len(area), height)
    right, bottom = np.zeros_like(left), np.zeros_like(top)
    np.minimum.at(left, part, x0)
    np.maximum.at(right, part, x1)
    np.minimum.at(top, part, y)
    np.maximum.at(bottom, part, y + 1)
    name = np.zeros(len(area), np.int32)
    name[order] = np.arange(1, len(order) + 1)
    labels[mask] = np.repeat(name[part], length)
    boxes = np.stack([left, top, right, bottom], axis=1)[order].tolist()
    centres = np.stack([centre_x, centre_y], axis=1)[order].round(2).tolist()
    rows = zip(area[order].tolist(), boxes, centres, strict=True)
    regions = [
        Region(number, pixels, tuple(box), tuple(centre))
        for number, (pixels, box, centre) in enumerate(rows, 1)
    ]
    return regions, labels


def _roots(count: int, a: Array, b: Array) -> Array:
    """For each of ``count`` things the first of those that pairs (a, b) join it with."""
    parent = np.arange(count)
    while True:
        a, b = parent[a], parent[b]
        apart = a != b
        if not apart.any():
            return parent
        a, b = a[apart], b[apart]
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(up := parent[parent], parent):
            parent = up


# ---- flow


def _halved(picture: Array) -> Array:
    height, width = (side // 2 * 2 for side in picture.shape)
    even = picture[:height, :width].reshape(height // 2, 2, width // 2, 2)
    halved: Array = even.mean(axis=(1, 3), dtype=np.float32)
    return halved


def _windows(shape: tuple[int, ...], cells: int) -> tuple[Array, Array]:
    """The rows (cells, 1, h, 1) and columns (1, cells, 1, w) that each cell is compared by.

    A small cell looks beyond its edges: a few pixels alone match almost anything.
    """
    places = []
    for side in shape:
        length = min(side, max(_WINDOW, -(-side // cells)))
        middle = (np.arange(cells) + 0.5) * side / cells
        start = np.clip(np.rint(middle - length / 2), 0, side - length).astype(np.intp)
        places.append(start[:, None] + np.arange(length))
    return places[0][:, None, :, None], places[1][None, :, None, :]


def _matched(a: Array, b: Array, cells: int) -> Array:
    """Whole-pixel flow of small pictures: the shift that leaves the least difference."""
    height, width = a.shape
    rows, columns = _windows(a.shape, cells)
    top, bottom = rows.min(axis=2)[:, 0], rows.max(axis=2)[:, 0] + 1
    left, right = columns.min(axis=3)[0, :, 0], columns.max(axis=3)[0, :, 0] + 1

    def sums(values: Array) -> Array:
        total = np.zeros((height + 1, width + 1))
        values.cumsum(axis=0).cumsum(axis=1, out=total[1:, 1:])
        across = total[:, right] - total[:, left]
        inside: Array = across[bottom[:, 0]] - across[top[:, 0]]
        return inside

    reach = max(1, min(height, width) // 4)
    padded = np.pad(b, reach)
    filled = np.pad(np.ones_like(b), reach)
    enough = sums(np.ones_like(a)) / 4
    least = np.full((cells, cells), np.inf)
    flow = np.zeros((cells, cells, 2))
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            window = np.s_[reach + y : reach + y + height, reach + x : reach + x + width]
            known = filled[window]
            pixels = sums(known)
            left_over = sums((padded[window] - a) ** 2 * known)
            # Among shifts that are as good, as where nothing is to be seen, the shortest.
            cost = left_over / np.maximum(pixels, 1) + 0.05 * np.hypot(x, y)
            better = (cost < least) & (pixels >= enough)
            least[better], flow[better] = cost[better], (x, y)
    return flow


def _refined(a: Array, b: Array, flow: Array) -> tuple[Array, Array]:
    """Lucas-Kanade (1981), one shift a cell; never worse than what it began with.

    Returns the flow and its confidence: texture (the smaller eigenvalue of the structure tensor)
    times the share of the cell's contrast that the shift explains.
    """
    height, width = a.shape
    rows, columns = _windows(a.shape, len(flow))
    patch = a[rows, columns]
    down, right = (slope[rows, columns] for slope in np.gradient(a))
    xx, xy, yy = (_mean(p) for p in (right * right, right * down, down * down))
    solved = (xx + 0.1) * (yy + 0.1) - xy * xy
    best, least = flow, np.full(flow.shape[:2], np.inf)
    for _ in range(_STEPS + 1):
        x = columns + flow[..., :1, None].astype(np.float32)
        y = rows + flow[..., 1:, None].astype(np.float32)
        known = ((x >= 0) & (x <= width - 1)) & ((y >= 0) & (y <= height - 1))
        change = (_sampled(b, x, y) - patch) * known
        seen = np.maximum(_mean(known), 0.125)
        left = _mean(change * change) / seen
        better = left < least
        best = np.where(better[..., None], flow, best)
        least = np.where(better, left, least)
        gx, gy = _mean(right * change) / seen, _mean(down * change) / seen
        step_x = ((yy + 0.1) * gx - xy * gy) / solved
        step_y = ((xx + 0.1) * gy - xy * gx) / solved
        flow = flow - np.clip(np.stack([step_x, step_y], axis=-1), -1, 1)
    smaller = np.maximum((xx + yy) / 2 - np.hypot((xx - yy) / 2, xy), 0)
    contrast = np.maximum(patch.var(axis=(2, 3)), 1e-3)
    return best, smaller / (smaller + _TEXTURE) * np.clip(1 - least / contrast, 0, 1)


def _mean(values: Array) -> Array:
    mean: Array = values.mean(axis=(2, 3), dtype=np.float32)
    return mean


def _sampled(picture: Array, x: Array, y: Array) -> Array:
    """The picture at any places, linear between pixels; beyond the edge, the edge."""
    height, width = picture.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left = np.minimum(x.astype(np.intp), width - 2)
    top = np.minimum(y.astype(np.intp), height - 2)
    part_x, part_y = x - left, y - top
    flat, at = picture.ravel(), top * width + left
    above = flat[at] + part_x * (flat[at + 1] - flat[at])
    below = flat[at + width] + part_x * (flat[at + width + 1] - flat[at + width])
    sampled: Array = above + part_y * (below - above)
    return sampled
