"""From decoded planes to pixels: the right way up, the right shape, the right colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlm.errors import UsageError
from rlm.video.hdr import HLG, PQ, ToneMapper

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_MAX_SIDE = 16384
_TAP = 32

# AVColorSpace values that the scaler knows; any other is taken for unspecified.
_KNOWN_MATRICES = frozenset({0, 1, 4, 5, 6, 7, 9})
_LIMITED_RANGE = 1


def resolve_size(shown: tuple[int, int], size: int | tuple[int, int] | None) -> tuple[int, int]:
    """The ``(width, height)`` asked for by ``size`` of pictures that are ``shown`` in pixels.

    A number is the short side, with the aspect kept; a pair is taken as it is; ``None`` is as
    displayed. Raises ``UsageError`` for a size that is not positive or beyond 16384 pixels.
    """
    if size is None:
        return shown
    if isinstance(size, tuple):
        width, height = size
    else:
        scale = max(0, size) / min(shown)
        width, height = (round(side * scale) for side in shown)
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise UsageError(
            f"a picture is 1 to {_MAX_SIDE} pixels a side, not {width}x{height};"
            " give size as the short side or as (width, height)"
        )
    return width, height


def resolve_crop(
    shown: tuple[int, int], crop: tuple[float, float, float, float]
) -> tuple[int, int, int, int]:
    """The pixels ``(left, top, right, bottom)`` of a part of pictures that are ``shown`` in pixels.

    ``crop`` is ``(x0, y0, x1, y1)`` in fractions of the picture, from its upper left corner; the
    edges go to the nearest pixel, and one pixel at least is left each way. Raises ``UsageError``
    unless ``0 <= x0 < x1 <= 1`` and ``0 <= y0 < y1 <= 1``.
    """
    x0, y0, x1, y1 = crop
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        pixels = all(side >= 0 for side in crop) and max(crop) > 1
        raise UsageError(
            "a crop is (x0, y0, x1, y1) in fractions of the picture from its upper left corner,"
            f" 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, not ({x0:g}, {y0:g}, {x1:g}, {y1:g})"
            + (f"; pixels are divided by the size, {shown[0]}x{shown[1]}" if pixels else "")
        )
    (left, right), (top, bottom) = (
        _edges(low, high, side) for low, high, side in zip((x0, y0), (x1, y1), shown, strict=True)
    )
    return left, top, right, bottom


def _edges(low: float, high: float, side: int) -> tuple[int, int]:
    first = min(round(low * side), side - 1)
    return first, max(round(high * side), first + 1)


class Converter:
    """Turns decoded pictures into uint8 ``[height, width, 3]`` RGB of one fixed size.

    ``size`` is the displayed ``(width, height)``; ``rotation`` (clockwise degrees) and
    ``mirrored`` are what the display matrix asks for. Scaling is bilinear with the support widened
    when it shrinks, hence free of aliasing. Streams that change their resolution come out at
    ``size`` throughout, and pictures of high dynamic range (PQ, HLG) in the standard one.
    """

    def __init__(self, size: tuple[int, int], rotation: int, mirrored: bool) -> None:
        from av.video.reformatter import VideoReformatter

        self._coded_size = size[::-1] if rotation in (90, 270) else size
        self._turns = -rotation // 90
        self._mirrored = mirrored
        self._scaler = VideoReformatter()
        self._mappers = {transfer: ToneMapper(transfer) for transfer in (PQ, HLG)}

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """The pixels of ``frame``, a fresh contiguous array."""
        width, height = self._coded_size
        mapper = self._mappers.get(frame.color_trc)
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24" if mapper is None else "rgb48le",
            src_colorspace=_matrix(frame),
            # A pool of threads costs more than it gives at these sizes.
            threads=1,
        )
        pixels = scaled.to_ndarray()
        if mapper is None:
            rgb: NDArray[np.uint8] = np.asarray(pixels, dtype=np.uint8)
        else:
            rgb = mapper(np.asarray(pixels, dtype=np.uint16), frame.color_primaries)
        if frame.color_range == _LIMITED_RANGE and frame.format.name.startswith("gray"):
            # The scaler takes grey for full range whatever the stream says.
            rgb = np.clip((rgb.astype(np.float32) - 16) * (255 / 219) + 0.5, 0, 255).astype(
                np.uint8
            )
        if self._mirrored:
            rgb = rgb[:, ::-1]
        return np.ascontiguousarray(np.rot90(rgb, self._turns))


class Renderer:
    """Converts the pictures of one video to any size; keeps a ``Converter`` for each.

    ``shown`` is the displayed ``(width, height)``, ``rotation`` and ``mirrored`` as there. With
    ``crop``, as in ``resolve_crop``, that part of the picture at its full size is all there is:
    it is cut out first and then scaled, bilinearly and without aliasing as well.
    """

    def __init__(
        self,
        shown: tuple[int, int],
        rotation: int,
        mirrored: bool,
        crop: tuple[float, float, float, float] | None = None,
    ) -> None:
        self._shown = shown
        self._turn = rotation, mirrored
        self._box = None if crop is None else resolve_crop(shown, crop)
        self._converters: dict[tuple[int, int], Converter] = {}

    def shape(self, size: int | tuple[int, int] | None) -> tuple[int, int]:
        """The ``(width, height)`` asked for by ``size``; see ``resolve_size``."""
        if self._box is None:
            return resolve_size(self._shown, size)
        left, top, right, bottom = self._box
        return resolve_size((right - left, bottom - top), size)

    def __call__(self, frame: VideoFrame, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """The pixels of ``frame`` at ``shape``, a fresh contiguous array."""
        if self._box is None:
            return self._whole(frame, shape)
        left, top, right, bottom = self._box
        part = self._whole(frame, self._shown)[top:bottom, left:right]
        if shape == (right - left, bottom - top):
            return part.copy()  # or the whole picture would be kept with it
        from PIL import Image

        return np.array(Image.fromarray(part).resize(shape, Image.Resampling.BILINEAR))

    def _whole(self, frame: VideoFrame, shape: tuple[int, int]) -> NDArray[np.uint8]:
        if shape not in self._converters:
            self._converters[shape] = Converter(shape, *self._turn)
        return self._converters[shape](frame)


def _matrix(frame: VideoFrame) -> int | None:
    """The YUV matrix to convert with, where the stream does not name one the scaler knows.

    Then it is BT.709 for high definition and BT.601 below, as players have it.
    """
    from av.video.reformatter import Colorspace

    if frame.colorspace in _KNOWN_MATRICES:
        return None
    large = frame.width >= 1280 or frame.height > 576
    return int(Colorspace.ITU709 if large else Colorspace.ITU601)


class Sampler:
    """Picks 32 x 32 points of a picture's luma and chroma straight from the decoded planes.

    It costs some microseconds a picture, so every picture of a pass can be looked at for cuts.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[int, int, int], NDArray[np.intp]] = {}

    def __call__(self, frame: VideoFrame) -> NDArray[np.float32]:
        """Float32 ``[32, 32, 3]``: Y, U, V on the scale of 8 bits, as coded (not turned)."""
        layout = frame.format
        components = layout.components
        bits = components[0].bits
        planar = layout.is_planar and not layout.is_rgb and len(frame.planes) == len(components)
        if not planar or layout.is_big_endian or not 8 <= bits <= 16:
            frame = frame.reformat(width=_TAP, height=_TAP, format="yuv444p", threads=1)
            bits = 8
        sample = np.full((_TAP, _TAP, 3), 128, dtype=np.float32)
        dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
        for channel, plane in enumerate(frame.planes[:3]):
            stride = plane.line_size // dtype.itemsize
            places = self._places_in(plane.width, plane.height, stride)
            sample[..., channel] = np.frombuffer(memoryview(plane), dtype).take(places)
        if bits > 8:
            sample[..., : len(frame.planes)] /= 2 ** (bits - 8)
        return sample

    def _places_in(self, width: int, height: int, stride: int) -> NDArray[np.intp]:
        places = self._places.get((width, height, stride))
        if places is None:
            centres = (np.arange(_TAP) + 0.5) / _TAP
            rows, columns = (centres * height).astype(np.intp), (centres * width).astype(np.intp)
            places = self._places[width, height, stride] = rows[:, None] * stride + columns
        return places
