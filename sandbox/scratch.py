"""Scratch folders on the host's disk, for levels without a file system of their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from pathlib import Path

if sys.platform == "linux":
    import fcntl

_PREFIX = "sandbox-scratch-"


class Scratch:
    """A private folder in the system's temporary folder.

    A lock on it lasts as long as this process, so that folders left by a killed one can be told
    from those in use.

    Args:
        user: the user who shall own it, or None for the present one.
    """

    def __init__(self, user: int | None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if user is not None:
            os.chown(self.path, user, user)

    def remove(self) -> None:
        """Delete it with all it holds; harmless when repeated."""
        if self._descriptor >= 0:
            _empty(self._descriptor)
            with contextlib.suppress(OSError):
                self.path.rmdir()
            os.close(self._descriptor)
            self._descriptor = -1

    def usage(self, most: int) -> tuple[int, int]:
        """Bytes on disk and number of entries; stops counting beyond ``most`` entries.

        Raises:
            OSError: a folder in it cannot be listed; somebody hides something there.
        """
        size = count = 0
        waiting = [str(self.path)]
        while waiting and count <= most:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        count += 1
                        if count > most:
                            break
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except FileNotFoundError:
                continue  # deleted between two looks
        return size, count


def sweep() -> None:
    """Remove the folders that killed processes of this user left behind."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _empty(descriptor)
                path.rmdir()
            finally:
                os.close(descriptor)


def _empty(folder: int) -> None:
    """Delete what a folder holds, without recursion: a jail may nest folders thousands deep.

    What a subfolder holds is moved up into ``folder`` before the subfolder is deleted.
    """
    token, moved = secrets.token_hex(8), 0
    pending = True
    while pending:
        pending = False
        for name in os.listdir(folder):
            try:
                os.unlink(name, dir_fd=folder)
            except OSError:
                with contextlib.suppress(OSError):
                    os.chmod(name, 0o700, dir_fd=folder)
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                try:
                    inner = os.open(name, flags, dir_fd=folder)
                except OSError:
                    continue
                try:
                    with os.scandir(inner) as entries:
                        children = [entry.name for entry in entries]
                    for child in children:
                        moved += 1
                        with contextlib.suppress(OSError):  # to move a folder, one must own it open
                            os.chmod(child, 0o700, dir_fd=inner)
                        with contextlib.suppress(OSError):
                            target = f"{token}-{moved}"
                            os.rename(child, target, src_dir_fd=inner, dst_dir_fd=folder)
                            pending = True
                finally:
                    os.close(inner)
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=folder)
