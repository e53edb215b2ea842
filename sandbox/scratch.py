"""Scratch folders on the host's disk, for levels without a file system of their own."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
import tempfile
import time
from pathlib import Path

from sandbox.levels import JAIL_USERS

if sys.platform == "linux":
    import fcntl

    _FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    _HANDLE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_PREFIX = "sandbox-scratch-"
_YOUNG_SECONDS = 60.0  # its host may still be about to lock it
_TRIES = 5


class Scratch:
    """A private folder in the system's temporary folder.

    A lock on it lasts as long as this process, so that folders left by a killed one can be told
    from those in use.

    Args:
        user: the user who shall own it, or None for the present one.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, user: int | None) -> None:
        for _ in range(_TRIES):
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
            # Until it is locked, whoever sweeps may take it for one left behind.
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                self._descriptor = os.open(self.path, _FOLDER)
                try:
                    _lock(self._descriptor, self.path)
                    if user is not None:
                        os.fchown(self._descriptor, user, user)
                except BaseException:
                    os.close(self._descriptor)
                    with contextlib.suppress(OSError):
                        self.path.rmdir()
                    raise
                return
        raise OSError(errno.EBUSY, "new scratch folders are taken away", str(self.path))

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
        for _ in range(_TRIES):
            found = _usage(self._descriptor, most)
            if found is not None:
                return found
        raise OSError(errno.ESTALE, "folders are moved about all the time", str(self.path))


def sweep() -> None:
    """Remove the folders that killed processes of this user, or jails of root's, left behind."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, _FOLDER)
            try:
                if _ours(descriptor):
                    _lock(descriptor, path)
                    _empty(descriptor)
                    path.rmdir()
            finally:
                os.close(descriptor)


def _ours(folder: int) -> bool:
    """Whether a folder is this user's to sweep; another's might be changed under our hands."""
    state, user = os.fstat(folder), os.geteuid()
    # The time of the last change, as a jail can set the others to its liking.
    return time.time() - state.st_ctime >= _YOUNG_SECONDS and (
        state.st_uid == user or (user == 0 and state.st_uid in JAIL_USERS)
    )


def _lock(folder: int, path: Path) -> None:
    """Lock a folder; it is then known to be still the one at its path.

    Raises:
        BlockingIOError: another process holds the lock.
        FileNotFoundError: the folder was removed before it was locked.
    """
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not os.path.samestat(os.fstat(folder), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, "replaced by another folder", str(path))


def _usage(root: int, most: int) -> tuple[int, int] | None:
    """What ``Scratch.usage`` tells, or None: a folder was moved while it was looked into.

    Paths are of no use, as the jail may rename their upper parts all the time; nor is a descriptor
    for each level, as it may nest folders thousands deep. So one descriptor steps down by name and
    back up by ``..``.
    """
    size = count = 0
    path: list[tuple[os.stat_result, list[str]]] = []  # each with its folders still to be seen
    folder = os.open(".", _FOLDER, dir_fd=root)
    try:
        while True:
            path.append((os.fstat(folder), []))
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    if count > most:
                        return size, count
                    try:
                        state = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # deleted between two looks
                    size += state.st_blocks * 512
                    if stat.S_ISDIR(state.st_mode):
                        path[-1][1].append(entry.name)
            while True:
                waiting = path[-1][1]
                if waiting:
                    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                        folder = _step(folder, waiting.pop())
                        break
                else:
                    path.pop()
                    if not path:
                        return size, count
                    folder = _step(folder, "..")
                    if not os.path.samestat(os.fstat(folder), path[-1][0]):
                        return None
    finally:
        os.close(folder)


def _step(folder: int, name: str) -> int:
    """Descriptor of a folder next to this one, whose own is closed; on failure it stays open."""
    reached = os.open(name, _FOLDER, dir_fd=folder)
    os.close(folder)
    return reached


def _open(name: str, parent: int) -> int:
    """Open a subfolder, with all rights for its owner; never what a link leads to.

    Rights are given by way of a descriptor: behind a name there may be a link by now.
    """
    handle = os.open(name, _HANDLE, dir_fd=parent)
    try:
        with contextlib.suppress(OSError):
            Path(f"/proc/self/fd/{handle}").chmod(0o700)
        return os.open(".", _FOLDER, dir_fd=handle)
    finally:
        os.close(handle)


def _empty(folder: int) -> None:
    """Delete what a folder holds, without recursion: a jail may nest folders thousands deep.

    What a subfolder holds is moved up into ``folder`` before the subfolder is deleted.
    """
    token, moved = secrets.token_hex(8), 0
    with contextlib.suppress(OSError):
        os.fchmod(folder, 0o700)
    pending = True
    while pending:
        pending = False
        for name in os.listdir(folder):
            try:
                os.unlink(name, dir_fd=folder)
            except OSError:
                try:
                    inner = _open(name, folder)
                except OSError:
                    continue
                try:
                    with os.scandir(inner) as entries:
                        children = [entry.name for entry in entries]
                    for child in children:
                        moved += 1
                        with contextlib.suppress(OSError):  # to move a folder, one must own it open
                            os.close(_open(child, inner))
                        with contextlib.suppress(OSError):
                            target = f"{token}-{moved}"
                            os.rename(child, target, src_dir_fd=inner, dst_dir_fd=folder)
                            pending = True
                finally:
                    os.close(inner)
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=folder)
