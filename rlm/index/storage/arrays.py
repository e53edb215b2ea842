"""The arrays of a part: ``.npy`` files, each with the digest of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlm.errors import EncoderError, IndexDamaged

NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""What reading raises where there is no file, whatever else may be there."""
_SMALL = 2**20


class ArrayEntry(BaseModel):
    """One ``.npy`` file and the SHA-256 of its bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sha256: str


def read_array(
    folder: Path,
    entry: ArrayEntry,
    dtypes: Sequence[type[np.generic]] = (),
    ndim: int | None = None,
) -> NDArray[Any]:
    """The array of ``entry``, read-only, every byte of it checked; a large one memory-mapped.

    Raises ``IndexDamaged`` when it is not what was written, or of none of ``dtypes``, or not of
    ``ndim``; ``EncoderError`` when it may not be read.
    """
    path = folder / entry.file
    try:
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != entry.sha256:
            raise damaged(folder, f"{entry.file} was changed after it was written")
        # A mapping holds a file open, and a process may have many indexes.
        mode: Literal["r"] | None = "r" if path.stat().st_size > _SMALL else None
        array: NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
    except NOT_THERE as error:
        raise damaged(folder, f"{entry.file} is missing") from error
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror}; mend that first") from error
    except ValueError as error:
        raise damaged(folder, f"{entry.file} cannot be read") from error
    array.flags.writeable = False
    if (dtypes and array.dtype not in dtypes) or ndim not in (None, array.ndim):
        raise damaged(folder, f"{entry.file} holds {array.dtype}{list(array.shape)}")
    return array


def write_array(folder: Path, name: str, array: NDArray[Any]) -> ArrayEntry:
    """Write ``array`` into ``folder``; one that is a memory-mapped file there stays as it is."""
    path = Path(array.filename) if isinstance(array, np.memmap) and array.filename else None
    if path is not None and path.resolve().parent == folder.resolve():
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return ArrayEntry(file=path.name, sha256=digest)
    path = folder / f"{name}.npy"
    with open(path, "w+b") as stream:
        np.save(stream, array, allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ArrayEntry(file=path.name, sha256=digest)


def damaged(folder: Path, reason: str) -> IndexDamaged:
    """The error to raise when what is in ``folder`` cannot be used."""
    return IndexDamaged(f"the index in {folder} cannot be used: {reason}; build it again")
