"""Arrays that cross to the jail without a copy: sealed anonymous memory (memfd).

The host writes through its own mapping; the descriptor it hands over can no longer be shrunk,
grown, written or mapped writable and shared, so the jail can only map it copy-on-write. Without
the seals a jailed process could truncate the memory under the host and kill it with SIGBUS.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import mmap
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any

if sys.platform == "linux":  # elsewhere the package can be imported, and refuses in plain words
    import fcntl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

SHARE_FROM_BYTES = 256 << 10  # below this, copying through the socket is cheaper than a memfd
_ADD_SEALS, _GET_SEALS = 1033, 1034
_SEALS = 0x01 | 0x02 | 0x04 | 0x10  # seal, shrink, grow, future write (Linux 5.1)


class _SharedMemory(mmap.mmap):
    """A writable host mapping that keeps the descriptor it maps."""

    descriptor: int

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.close(self.descriptor)


def shared_empty(shape: int | tuple[int, ...], dtype: DTypeLike = "uint8") -> NDArray[Any]:
    """An array in memory that can be handed to the jail without being copied.

    A host function that fills such an array and returns it costs the same whatever its size.
    The memory is zeroed and its pages are present, so filling it runs at full speed.

    Args:
        shape: shape of the array.
        dtype: plain numeric dtype.

    Returns:
        A writable C-contiguous array. Once it was handed over, further writes by the host may or
        may not be seen in the jail: allocate another one for the next result.
    """
    import numpy as np

    sides = (shape,) if isinstance(shape, int) else tuple(shape)
    kind = np.dtype(dtype)
    count = 1
    for side in sides:
        count *= int(side)
    length = max(1, count * kind.itemsize)
    descriptor = os.memfd_create("array", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, length)
        memory = _SharedMemory(descriptor, length, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    except BaseException:
        os.close(descriptor)
        raise
    memory.descriptor = descriptor
    return np.frombuffer(memory, dtype=kind, count=count).reshape(sides)


def shared_descriptor(array: NDArray[Any]) -> int | None:
    """The sealed descriptor behind an array of ``shared_empty``, or None for any other array.

    Only a C-contiguous array over the whole memory qualifies: a descriptor shows all of its
    memory, so handing over a part of it would show the rest as well.
    """
    import numpy as np

    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if not isinstance(base, _SharedMemory) or not array.flags.c_contiguous:
        return None
    if array.nbytes != len(base):
        return None
    seal(base.descriptor)
    return base.descriptor


def copy_to_descriptor(data: memoryview) -> int:
    """A new sealed descriptor that holds a copy of ``data``; the caller closes it."""
    descriptor = os.memfd_create("array", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, data.nbytes)
        done = 0
        while done < data.nbytes:
            done += os.write(descriptor, data[done:])
        seal(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def seal(descriptor: int) -> None:
    """Apply every seal; a descriptor that carries them already is left as it is."""
    if fcntl.fcntl(descriptor, _GET_SEALS) & _SEALS != _SEALS:
        fcntl.fcntl(descriptor, _ADD_SEALS, _SEALS)


def map_private(descriptor: int, length: int) -> ctypes.Array[ctypes.c_char]:
    """Map a received descriptor copy-on-write: writes stay in this process.

    Unlike ``mmap.mmap`` the mapping keeps no descriptor, of which a session has few; it is undone
    when the last array over it is gone.

    Raises:
        MemoryError: the process has no room left for it.
    """
    libc = _libc()
    access = mmap.PROT_READ | mmap.PROT_WRITE
    address = libc.mmap(None, length, access, mmap.MAP_PRIVATE, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        raise MemoryError(f"no memory left for an array of {length} bytes")
    memory = (ctypes.c_char * length).from_address(address)
    weakref.finalize(memory, libc.munmap, address, length).atexit = False
    return memory


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    word = ctypes.c_int
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, word, word, word, ctypes.c_long)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return libc


def as_bytes(array: np.ndarray[Any, Any]) -> memoryview:
    """The bytes of a C-contiguous array of any shape, without a copy."""
    return array.reshape(-1).view("u1").data if array.size else memoryview(b"")
