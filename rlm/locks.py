"""Advisory locks: one process builds, the others wait and then find what it built."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file ``path``, made if need be and removed afterwards.

    Raises ``BlockingIOError`` when it is held and ``wait`` is off, ``OSError`` when it cannot be
    made.
    """
    descriptor = _acquire(path, wait=wait)
    try:
        yield
    finally:
        # In this order: a lock that is given up first could be taken, and its file then removed.
        try:
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _acquire(path: Path, *, wait: bool) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            # The holder before us may have removed the file while we waited for its lock: then
            # what we hold is a lock that nobody else will ever see.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
