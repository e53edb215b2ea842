"""The wire between host and jail: frames. Nothing is ever unpickled.

A frame is ``<u32 header length> <u16 buffers> <u16 descriptors> <u64 size>*buffers``, a JSON
object, then the buffers. Descriptors travel from host to jail only. Everything that comes out of
the jail may be forged, so every length is held against a cap before memory is taken for it. What
the values in a frame are is for ``sandbox.codec``.
"""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

MAX_HEADER = 8 << 20
MAX_CALL = 1 << 20  # header of what the jail sends, because decoded JSON takes _BLOAT times that
_BLOAT = 32
MAX_BUFFERS = 4096
MAX_DESCRIPTORS = 64
_PREFIX = struct.Struct("<IHH")
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_raw_decode = json.JSONDecoder().raw_decode

Buffer = bytes | bytearray | memoryview


class ProtocolError(Exception):
    """The other side sent what no honest peer sends."""


class TransferError(TypeError):
    """A value that cannot cross between host and jail."""


@dataclass(frozen=True)
class Frame:
    """One message: a JSON object, its raw buffers and (host to jail only) descriptors."""

    head: dict[str, Any]
    buffers: Sequence[Buffer] = ()
    descriptors: Sequence[int] = ()
    weight: int = 0  # of a received one: the memory that its values may take


def pack(frame: Frame) -> list[Buffer]:
    """The pieces of a frame, in order; descriptors go along with the first piece.

    Raises:
        TransferError: it is too large, or a number in it has more digits than Python writes out.
    """
    try:
        header = _dumps(frame.head).encode("ascii")
    except ValueError as error:
        raise TransferError(f"a number is too large to cross: {error}") from None
    count = len(frame.buffers)
    cap = MAX_CALL if frame.head.get("type") == "call" else MAX_HEADER
    if len(header) > cap or count > MAX_BUFFERS:
        size = f"{len(header)} bytes of text and {count} arrays"
        raise TransferError(f"a message of {size} is too large; send less, or numbers as arrays")
    prefix = _PREFIX.pack(len(header), count, len(frame.descriptors))
    if not count:
        return [prefix + header]
    sizes = [memoryview(buffer).nbytes for buffer in frame.buffers]
    return [prefix + struct.pack(f"<{count}Q", *sizes) + header, *frame.buffers]


class FrameReader:
    """Reads frames from a byte stream.

    Args:
        receive: fills part of the view it is given, returns how much (0 at the end of stream).
        max_bytes: cap on the buffers of one frame.
        descriptors: where ``receive`` appends what arrives beside the bytes.
        max_header: cap on the header of one frame.
    """

    def __init__(
        self,
        receive: Callable[[memoryview], int],
        max_bytes: int,
        descriptors: deque[int] | None = None,
        max_header: int = MAX_HEADER,
    ) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._descriptors = descriptors
        self._max_header = max_header
        self._store = bytearray(1 << 16)
        self._start = self._end = 0

    def read(self) -> Frame:
        """The next frame.

        Raises:
            EOFError: the stream ended.
            ProtocolError: the frame is malformed or passes a cap.
        """
        if self._end - self._start < _PREFIX.size:
            self._fill(_PREFIX.size)
        length, count, passed = _PREFIX.unpack_from(self._store, self._start)
        self._start += _PREFIX.size
        if length > self._max_header or count > MAX_BUFFERS or passed > MAX_DESCRIPTORS:
            raise ProtocolError(f"oversized frame: {length} bytes, {count} buffers")
        sizes = struct.unpack(f"<{count}Q", self._take(8 * count)) if count else ()
        if sum(sizes) > self._max_bytes:
            raise ProtocolError(f"oversized buffers: {sum(sizes)} bytes")
        try:
            text = self._take(length).decode("ascii")
            head, end = _raw_decode(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise ProtocolError(f"unreadable header: {error}") from None
        if not isinstance(head, dict) or end != length:
            raise ProtocolError("the header is no object")
        buffers = [self._take(size) for size in sizes]
        descriptors: list[int] = []
        if passed:
            if self._descriptors is None or len(self._descriptors) < passed:
                raise ProtocolError("descriptors were announced and did not come")
            descriptors = [self._descriptors.popleft() for _ in range(passed)]
        return Frame(head, buffers, descriptors, _BLOAT * length + sum(sizes))

    def _take(self, size: int) -> bytearray:
        store, have = self._store, self._end - self._start
        if size <= have:
            piece = store[self._start : self._start + size]
            self._start += size
            return piece
        if size <= len(store):
            self._fill(size)
            return self._take(size)
        piece = bytearray(size)
        piece[:have] = store[self._start : self._end]
        self._start = self._end = 0
        view = memoryview(piece)
        while have < size:
            if not (got := self._receive(view[have:])):
                raise EOFError("the stream ended")
            have += got
        return piece

    def _fill(self, size: int) -> None:
        """Have at least ``size`` bytes, and whatever comes along, in the store."""
        store, have = self._store, self._end - self._start
        store[:have] = store[self._start : self._end]
        self._start, self._end = 0, have
        view = memoryview(store)
        while self._end < size:
            if not (got := self._receive(view[self._end :])):
                raise EOFError("the stream ended")
            self._end += got
