"""Pictures for showing: JPEG bytes, and sheets of many small pictures with their times."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.spans import format_time
from rlm.video.clip import Clip

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_BACKGROUND = (16, 16, 16)
_INK = (255, 255, 255)
_GAP = 4
_MIN_FONT, _MAX_FONT = 11, 28
_ROOM = 96  # pixels of a cell's width in which a time can be read

# Language models see squarish pictures best.
_SHEET_ASPECT = 4 / 3
_MOST_OFF = 1.5  # times wider or narrower than that, for the sake of no empty cells


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 85) -> bytes:
    """JPEG bytes of a uint8 ``[H, W, 3]`` picture; the same picture gives the same bytes.

    Raises ``UsageError`` for another shape or type, or a quality outside 1 to 95.
    """
    from PIL import Image

    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise UsageError(f"a picture is uint8 [H, W, 3], not {rgb.dtype} {list(rgb.shape)}")
    if not 1 <= quality <= 95:
        raise UsageError(f"JPEG quality is 1 to 95, not {quality}")
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def fit_within(rgb: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """``rgb``, uint8 ``[H, W, 3]``, made smaller where a side exceeds ``longest`` pixels."""
    from PIL import Image

    height, width = rgb.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.array(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))


def contact_sheet(clip: Clip, width: int = 1024) -> NDArray[np.uint8]:
    """All pictures of ``clip`` in a grid, row by row, each with its time in a strip above it.

    Gives uint8 ``[H, W, 3]``, about 4:3 and with few empty cells. ``W`` is at most ``width``: no
    picture is enlarged, unless there were no room for its time else. The times are in seconds, with
    more than one decimal where the pictures are closer than that tells apart, and from a minute on
    also as ``1:08`` where there is room.

    Raises ``UsageError`` for an empty clip, or when the cells are too small for their times.
    """
    from PIL import Image, ImageDraw

    count, picture_height, picture_width = clip.rgb.shape[:3]
    if count == 0:
        raise UsageError("a contact sheet needs at least 1 picture")
    columns = _columns(count, picture_width / picture_height)
    rows = math.ceil(count / columns)
    cell = min((width - _GAP * (columns + 1)) // columns, max(picture_width, _ROOM))
    labels = _labels(clip.times)
    both = [
        f"{label} ({format_time(int(time), 0)})" if time >= 60 else label
        for label, time in zip(labels, clip.times.tolist(), strict=True)
    ]
    font = _font(both, cell)
    if font is not None:
        labels = both
    elif (font := _font(labels, cell)) is None:
        raise UsageError(
            f"{count} pictures in {columns} columns are too small at a width of {width};"
            " take fewer pictures or a greater width"
        )
    height = max(1, round(cell * picture_height / picture_width))
    strip = math.ceil(font.size * 1.35)
    step = strip + height + _GAP
    size = _GAP + columns * (cell + _GAP), _GAP + rows * step
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for k, (label, rgb) in enumerate(zip(labels, clip.rgb, strict=True)):
        row, column = divmod(k, columns)
        x, y = _GAP + column * (cell + _GAP), _GAP + row * step
        draw.text((x + 2, y + strip / 2), label, fill=_INK, font=font, anchor="lm")
        picture = Image.fromarray(rgb).resize((cell, height), Image.Resampling.BICUBIC)
        sheet.paste(picture, (x, y + strip))
    return np.array(sheet)


def _columns(count: int, aspect: float) -> int:
    """Of the grids that are about 4:3 the one with the fewest empty cells, or the nearest to it."""

    def judged(columns: int) -> tuple[bool, int, float]:
        rows = math.ceil(count / columns)
        off = abs(math.log(columns * aspect / rows / _SHEET_ASPECT))
        return off > math.log(_MOST_OFF) + 1e-9, columns * rows - count, off

    fitting = [columns for columns in range(1, count + 1) if not judged(columns)[0]]
    if fitting:
        return min(fitting, key=judged)
    return min(range(1, count + 1), key=lambda columns: judged(columns)[2])


def _labels(times: NDArray[np.float64]) -> list[str]:
    distinct = len(set(times.tolist()))
    # Rounded to a tenth, times less than a second apart look irregular.
    coarse = len(times) < 2 or float(np.diff(times).min()) >= 1
    for digits in (1, 2, 3) if coarse else (2, 3):
        labels = [f"{time:.{digits}f} s" for time in times.tolist()]
        if len(set(labels)) == distinct:
            break
    return labels


def _font(labels: list[str], cell: int) -> FreeTypeFont | None:
    """The largest font, up to a tenth of the cell's width, in which every label fits."""
    from PIL import ImageFont

    longest = max(labels, key=len)
    for size in range(min(_MAX_FONT, max(_MIN_FONT, cell // 10)), _MIN_FONT - 1, -1):
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        if font.getlength(longest) + 4 <= cell:
            return font
    return None
