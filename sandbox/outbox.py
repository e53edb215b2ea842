"""What is on its way to a jailed process: sent as far as its socket takes it, kept beyond that."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections import deque

from sandbox.frames import Frame, pack

if sys.platform == "linux":
    import fcntl

_MAX_BYTES = 64 << 20
_ENTRY_BYTES = 600  # what a piece in the outbox takes beside its bytes
_MAX_SHARED = 64
_UNREAD = 0x5411  # SIOCOUTQ: bytes the other side has not received yet


class Outbox:
    """Frames in the order in which they were put in, with the descriptors that go along.

    Args:
        connection: a stream socket.
        shared_bytes: cap on the memory behind descriptors that may not have been received yet.
    """

    def __init__(self, connection: socket.socket, shared_bytes: int) -> None:
        self._connection = connection
        self._waiting: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._bytes = 0
        self._most_shared = shared_bytes
        self._shared = [0, 0]  # descriptors, and bytes behind them, on their way

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def full(self) -> bool:
        """Whether more is kept than should be, while the other side goes on asking."""
        return self._bytes >= _MAX_BYTES

    def put(self, frame: Frame) -> None:
        """Send a frame, or what of it the socket does not take at once when ``flush`` is called.

        Raises:
            TransferError: it is too large; nothing of it has been queued.
            ConnectionError: the other side is gone.
        """
        pieces = pack(frame)
        descriptors = tuple(frame.descriptors)
        for descriptor in descriptors:
            self._shared[0] += 1
            self._shared[1] += os.fstat(descriptor).st_size
        for piece in pieces:
            view = memoryview(piece).cast("B")
            if not self._waiting:
                rest = self._push(view, descriptors)
                if rest is None:
                    descriptors = ()
                    continue
                if rest.nbytes < view.nbytes:
                    descriptors = ()
                view = rest
            # Doubles, because the sender closes its own when this call returns.
            self._waiting.append((view, tuple(map(os.dup, descriptors))))
            self._bytes += view.nbytes + _ENTRY_BYTES
            descriptors = ()

    def flush(self) -> None:
        """Send as much as the socket takes now.

        Raises:
            ConnectionError: the other side is gone.
        """
        while self._waiting:
            view, descriptors = self._waiting[0]
            rest = self._push(view, descriptors)
            if rest is None or rest.nbytes < view.nbytes:
                for descriptor in descriptors:
                    os.close(descriptor)
                self._bytes -= view.nbytes - (0 if rest is None else rest.nbytes)
                if rest is None:
                    self._waiting.popleft()
                    self._bytes -= _ENTRY_BYTES
                else:
                    self._waiting[0] = (rest, ())
            if rest is not None:
                return

    def shared_is_full(self) -> bool:
        """Whether as much memory as may be is on its way."""
        count, size = self._shared
        if count <= _MAX_SHARED and size <= self._most_shared:
            return False
        unread = struct.unpack("i", fcntl.ioctl(self._connection, _UNREAD, bytes(4)))[0]
        if not unread and not self._waiting:
            self._shared = [0, 0]
            return False
        return True

    def close(self) -> None:
        """Give up what was not sent."""
        for _, descriptors in self._waiting:
            for descriptor in descriptors:
                os.close(descriptor)
        self._waiting.clear()

    def _push(self, view: memoryview, descriptors: tuple[int, ...]) -> memoryview | None:
        """Send as much as fits; returns the rest, or None."""
        ancillary = []
        if descriptors:
            packed = struct.pack(f"{len(descriptors)}i", *descriptors)
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)]
        try:
            sent = self._connection.sendmsg([view], ancillary, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise ConnectionError(error.errno, error.strerror) from error
        return None if sent == view.nbytes else view[sent:]
